# SPDX-License-Identifier: Apache-2.0
"""Peer: pyOpenSSL over its memory BIOs, both ends verifying.

It cannot choose X25519 (`set_tmp_ecdh` takes curves of ECDSA only) and its OpenSSL
would choose the hybrid group, which costs more: so it runs on P-256, which costs about
as much as X25519. Its facts say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from bench.peers import memory, sampler

if TYPE_CHECKING:
    from pathlib import Path

ENOUGH = 65536


def context(pki: Path, name: str) -> SSL.Context:
    """Make the context of one end."""
    made = SSL.Context(
        SSL.TLS_SERVER_METHOD if name == "server" else SSL.TLS_CLIENT_METHOD
    )
    made.set_min_proto_version(SSL.TLS1_3_VERSION)
    made.set_tmp_ecdh(ec.SECP256R1())
    # Without a callback: OpenSSL's verdict stands, and no Python runs in between.
    made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    made.load_verify_locations(str(pki / "root.pem"))
    made.use_certificate_chain_file(str(pki / f"{name}.pem"))
    made.use_privatekey_file(str(pki / f"{name}.key.pem"))
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_options(SSL.OP_NO_TICKET)
    return made


class PyOpenSslEnd:
    """An SSL.Connection without a socket."""

    def __init__(self, made: SSL.Context, *, server_side: bool) -> None:
        self.done = False
        self.tls = SSL.Connection(made, None)
        if server_side:
            self.tls.set_accept_state()
        else:
            self.tls.set_connect_state()

    def step(self, data: bytes) -> bytes:
        """Go on until it needs more from the other end."""
        if data:
            self.tls.bio_write(data)
        try:
            self.tls.do_handshake()
        except SSL.WantReadError:
            pass
        else:
            self.done = True
        try:
            return self.tls.bio_read(ENOUGH)
        except SSL.WantReadError:
            return b""

    def peer_id(self) -> str:
        """Read the one URI SAN of the peer."""
        certificate = self.tls.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        (uri,) = names.value.get_values_for_type(x509.UniformResourceIdentifier)
        return uri


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    client, server = (context(given.pki, name) for name in ("client", "server"))

    def new_client() -> PyOpenSslEnd:
        return PyOpenSslEnd(client, server_side=False)

    def new_server() -> PyOpenSslEnd:
        return PyOpenSslEnd(server, server_side=True)

    probe = new_client()
    memory.handshake(probe, new_server())
    facts = {
        "openssl": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode(),
        "protocol": probe.tls.get_protocol_version_name(),
        "cipher": probe.tls.get_cipher_name(),
        "group": probe.tls.get_group_name(),
        "verification": "X509_verify_cert",
        "tickets": "2, stateful: pyOpenSSL cannot turn them off",
    }
    sampler.serve(given, facts, memory.taker(new_client, new_server))


if __name__ == "__main__":
    main()
