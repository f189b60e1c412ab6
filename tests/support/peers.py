# SPDX-License-Identifier: Apache-2.0
"""Peers that nobody here wrote, in memory: Python's `ssl` and pyOpenSSL.

Both have the same face, so that every test runs against both: `step(data)` takes bytes
and goes on, `out()` gives bytes; an error is kept in `error`, and raised no further.
"""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto
from tests.support.pki import Issued

from handfast import Connection


class StdlibPeer:
    """The other end by Python's own `ssl`, with a session of an earlier one."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        name: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.protocol == ssl.PROTOCOL_TLS_SERVER
        self.tls = context.wrap_bio(
            self._in,
            self._out,
            server_side=server,
            server_hostname=name,
            session=session,
        )
        self.done = False
        self.error: Exception | None = None
        self.received = b""
        self.ended = False

    def step(self, data: bytes = b"") -> None:
        self._in.write(data)
        try:
            if not self.done:
                self.tls.do_handshake()
                self.done = True
            while chunk := self.tls.read(65536):
                self.received += chunk
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            self.error = error

    def out(self) -> bytes:
        return self._out.read()

    def send(self, data: bytes) -> None:
        self.tls.write(data)

    def close(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLSyscallError):
            self.tls.unwrap()

    def leaf(self) -> bytes:
        return self.tls.getpeercert(binary_form=True) or b""

    def alert(self) -> str:
        return str(self.error).lower().replace("_", " ")

    alpn = property(lambda self: self.tls.selected_alpn_protocol())
    version = property(lambda self: self.tls.version())


class PyOpenSslPeer:
    """The other end by pyOpenSSL."""

    def __init__(self, context: SSL.Context, *, server: bool) -> None:
        self.tls = SSL.Connection(context, None)
        (self.tls.set_accept_state if server else self.tls.set_connect_state)()
        self.done = False
        self.error: Exception | None = None
        self.received = b""
        self.ended = False

    def step(self, data: bytes = b"") -> None:
        if data:
            self.tls.bio_write(data)
        try:
            if not self.done:
                self.tls.do_handshake()
                self.done = True
            while chunk := self.tls.recv(65536):
                self.received += chunk
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ended = True
        except SSL.Error as error:
            self.error = error

    def out(self) -> bytes:
        with contextlib.suppress(SSL.WantReadError):
            return self.tls.bio_read(1 << 20)
        return b""

    def send(self, data: bytes) -> None:
        self.tls.sendall(data)

    def close(self) -> None:
        self.tls.shutdown()

    def leaf(self) -> bytes:
        certificate = self.tls.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        return certificate.public_bytes(serialization.Encoding.DER)

    def alert(self) -> str:
        return str(self.error).lower()

    alpn = property(lambda self: self.tls.get_alpn_proto_negotiated().decode() or None)
    version = property(lambda self: self.tls.get_protocol_version_name())

    def channel_binding(self) -> bytes:
        """RFC 9266, by OpenSSL's own exporter: with a context, a zero-length one.

        TLS 1.3 makes no difference between that and none, TLS 1.2 does.
        """
        return self.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")


Peer = StdlibPeer | PyOpenSslPeer


def shake(ours: Connection, peer: Peer, *, size: int = 1 << 30) -> None:
    """Let them shake hands until nothing moves. Ours raises what it refuses."""
    peer.step()
    failure: Exception | None = None
    done = False
    while True:
        if not done and failure is None:
            try:
                done = ours.handshake()
            except Exception as error:  # noqa: BLE001 - raised at the end
                failure = error
        data = ours.to_send()
        for start in range(0, len(data), size):
            peer.step(data[start : start + size])
        back = peer.out()
        for start in range(0, len(back), size):
            ours.receive(back[start : start + size])
        if not data and not back:
            break
    if failure is not None:
        raise failure
    assert done or peer.error is not None


def _files(issued: Issued, folder: str) -> tuple[str, str]:
    """`ssl` loads keys from files only: ours never needs one."""
    cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
    encoding = serialization.Encoding.PEM
    chain = [issued, *issued.above[:-1]]
    cert.write_bytes(b"".join(c.certificate.public_bytes(encoding) for c in chain))
    key.write_bytes(
        issued.key.private_bytes(
            encoding,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(cert), str(key)


def _stdlib(
    protocol: int, issued: Issued | None, verify: Issued | None
) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if verify is None else ssl.CERT_REQUIRED
    if verify is not None:
        context.load_verify_locations(cadata=verify.der)
    if issued is not None:
        load_identity(context, issued)
    return context


def load_identity(context: ssl.SSLContext, issued: Issued) -> None:
    """Show this certificate from now on."""
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(*_files(issued, folder))


def stdlib_client(issued: Issued | None, verify: Issued | None) -> ssl.SSLContext:
    return _stdlib(ssl.PROTOCOL_TLS_CLIENT, issued, verify)


def stdlib_server(issued: Issued | None, verify: Issued | None) -> ssl.SSLContext:
    return _stdlib(ssl.PROTOCOL_TLS_SERVER, issued, verify)


def pyopenssl_context(
    issued: Issued | None, verify: Issued | None, *, alpn: Sequence[bytes] = ()
) -> SSL.Context:
    """One context for either role."""
    context = SSL.Context(SSL.TLS_METHOD)
    if issued is not None:
        context.use_certificate(issued.certificate)
        for other in issued.above[:-1]:
            context.add_extra_chain_cert(other.certificate)
        context.use_privatekey(issued.key)
    if verify is not None:
        store = context.get_cert_store()
        assert store is not None
        store.add_cert(crypto.X509.from_cryptography(verify.certificate))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    if alpn:
        context.set_alpn_protos(list(alpn))
    return context


def make_peer(
    kind: str,
    role: str,
    issued: Issued | None,
    verify: Issued | None,
    *,
    tls12: bool = False,
    alpn: Sequence[str] = (),
) -> Any:
    """Make a peer of a kind (`stdlib`, `pyopenssl`) in a role (`client`, `server`)."""
    if kind == "stdlib":
        make = stdlib_client if role == "client" else stdlib_server
        context = make(issued, verify)
        if tls12:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return StdlibPeer(context)
    other = pyopenssl_context(issued, verify)
    if tls12:
        other.set_max_proto_version(SSL.TLS1_2_VERSION)
    if alpn:
        names = [name.encode() for name in alpn]
        other.set_alpn_protos(names)
        other.set_alpn_select_callback(
            lambda _, theirs: next(n for n in names if n in theirs)
        )
    return PyOpenSslPeer(other, server=role == "server")
