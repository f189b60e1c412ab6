# SPDX-License-Identifier: Apache-2.0
"""Peer: stdlib `ssl` over memory BIOs, both ends verifying, as its manual shows it.

It has no SPIFFE: the host name check is off and the URI SAN is read from
`getpeercert()`, which is what a user of it has to write.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from bench.peers import memory, sampler

if TYPE_CHECKING:
    import argparse

CURVES = {"P-256": "prime256v1"}  # the name that this function wants


def context(given: argparse.Namespace, name: str) -> ssl.SSLContext:
    """Make the context of one end; also used by trio_ssl."""
    server = name == "server"
    made = ssl.SSLContext(
        ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
    )
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_verify_locations(given.pki / "root.pem")
    chain, key = (given.pki / f"{name}{end}" for end in (".pem", ".key.pem"))
    made.load_cert_chain(chain, key)
    try:
        made.set_ecdh_curve(CURVES.get(given.groups, given.groups))
    except ssl.SSLError:
        # Debian's 3.11.2 asks OpenSSL in a way that knows no X25519; it is OpenSSL's
        # own first choice, so both ends take it by themselves.
        if given.groups != "X25519":
            raise
    if server and not given.tickets and not given.resume:
        # Nobody resumes here; by default a server makes two tickets all the same.
        made.num_tickets = 0
    return made


def spiffe_id(tls: ssl.SSLObject | ssl.SSLSocket) -> str:
    """Read the one URI SAN of the peer."""
    certificate = tls.getpeercert() or {}
    names = certificate.get("subjectAltName", ())
    (uri,) = [str(name[1]) for name in names if name[0] == "URI"]
    return uri


class StdlibEnd:
    """An SSLObject and its two memory BIOs."""

    def __init__(
        self,
        made: ssl.SSLContext,
        *,
        server_side: bool,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.done = False
        self._server_side = server_side
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = made.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, session=session
        )

    def step(self, data: bytes) -> bytes:
        """Go on until it needs more from the other end."""
        self._incoming.write(data)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        else:
            self.done = True
            if self._server_side:
                # Tickets, if anything: the handshake is over for the client, too.
                return b""
        return self._outgoing.read()

    def read(self, data: bytes) -> bytes:
        """Take what the other end sent after the handshake."""
        self._incoming.write(data)
        return self.tls.read(1)

    def write(self, data: bytes) -> bytes:
        """Encrypt something after the handshake."""
        self.tls.write(data)
        return self._outgoing.read()

    def peer_id(self) -> str:
        """Return the SPIFFE ID of the other end."""
        return spiffe_id(self.tls)


def facts(
    tls: ssl.SSLObject | ssl.SSLSocket, given: argparse.Namespace
) -> sampler.Facts:
    """Say what was negotiated; this Python cannot tell the group, so it says asked."""
    cipher = tls.cipher()
    return {
        "openssl": ssl.OPENSSL_VERSION,
        "protocol": tls.version(),
        "cipher": cipher[0] if cipher else None,
        "group": f"{given.groups} (asked)",
        "verification": "X509_verify_cert",
        "tickets": 2 if given.tickets or given.resume else 0,
    }


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    client, server = (context(given, name) for name in ("client", "server"))

    session: ssl.SSLSession | None = None  # to be resumed next

    def new_client() -> StdlibEnd:
        return StdlibEnd(client, server_side=False, session=session)

    def new_server() -> StdlibEnd:
        return StdlibEnd(server, server_side=True)

    def keep_session(near: memory.End, far: memory.End) -> None:
        nonlocal session
        assert isinstance(near, StdlibEnd)
        assert isinstance(far, StdlibEnd)
        assert near.tls.session_reused == (session is not None)
        assert near.read(far.write(b"x")) == b"x"
        session = near.tls.session
        assert session is not None
        assert session.has_ticket

    probe = new_client()
    memory.handshake(probe, new_server())
    then = keep_session if given.resume else None
    take = memory.taker(new_client, new_server, then)
    sampler.serve(given, facts(probe.tls, given), take)


if __name__ == "__main__":
    main()
