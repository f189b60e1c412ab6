# SPDX-License-Identifier: Apache-2.0
"""One-way TLS out: a public server, verified by its name, over the same streams."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from tests.support import pki
from tests.support.net_world import trio_test
from tests.support.revoking import crl

from handfast import ConfigError, InvalidCrl, Reason, TlsConfig, VerificationError
from handfast.net import open_mtls_stream
from handfast.pem import CRL, write_pem


class Web:
    """A root, and a web server's certificate below it, with no SPIFFE ID at all."""

    def __init__(self, folder: Path) -> None:
        self.root = pki.root(uris=(), subject="a web root")
        names = [x509.DNSName("localhost"), x509.DNSName("www.example")]
        self.leaf = pki.leaf(self.root, uris=(), sans=names, subject="a web server")
        self.file = folder / "web.pem"
        secret = self.leaf.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        self.file.write_bytes(write_pem("CERTIFICATE", self.leaf.chain) + secret)

    def config(self, **settings: Any) -> TlsConfig:
        return TlsConfig.web_client(roots=[self.root.der], **settings)

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[int, None]:
        """Run Python's own TLS server around a test."""
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.load_cert_chain(self.file)
        settings.set_alpn_protocols(["http/1.1"])

        async def echo(stream: trio.SSLStream[trio.SocketStream]) -> None:
            with suppress(trio.BrokenResourceError):
                async for data in stream:
                    await stream.send_all(data)
                await stream.aclose()

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(
                partial(trio.serve_ssl_over_tcp, echo, 0, settings, host="127.0.0.1")
            )
            yield listeners[0].transport_listener.socket.getsockname()[1]
            nursery.cancel_scope.cancel()


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


@trio_test
async def test_a_web_server_is_verified_by_its_name(web: Web) -> None:
    async with web.serving() as port:
        config = web.config(alpn=["http/1.1"])
        stream = await open_mtls_stream("localhost", port, config)
        async with stream:
            assert stream.peer.spiffe_id is None
            assert stream.alpn == "http/1.1"
            assert stream.connection.server_name == "localhost"
            assert stream.socket_address == ("127.0.0.1", port)
            for size in (1, 100_000):
                await stream.send_all(bytes(size))
                left = size
                while left:
                    left -= len(await stream.receive_some())
            await stream.send_eof()
            assert await stream.receive_some() == b""
        with pytest.raises(VerificationError) as refused:
            await open_mtls_stream(
                "localhost", port, config, server_hostname="other.example"
            )
        assert refused.value.reason is Reason.NAME_MISMATCH


@trio_test
async def test_the_systems_roots_do_not_know_a_root_of_our_own(web: Web) -> None:
    async with web.serving() as port:
        with pytest.raises(VerificationError) as refused:
            await open_mtls_stream("localhost", port, TlsConfig.web_client())
    assert refused.value.reason is Reason.UNKNOWN_AUTHORITY


@trio_test
async def test_revoked_servers_are_refused(web: Web) -> None:
    """Lists are given, never fetched; both policies refuse who is listed."""
    good, bad = crl(web.root), crl(web.root, web.leaf)
    async with web.serving() as port:
        async with await open_mtls_stream("localhost", port, web.config(crls=[good])):
            pass
        for policy in ("required", "if_available"):
            config = web.config(crls=write_pem(CRL, [bad]), crl_policy=policy)
            with pytest.raises(VerificationError) as refused:
                await open_mtls_stream("localhost", port, config)
            assert refused.value.reason is Reason.CERTIFICATE_REVOKED
        other = crl(pki.root(uris=(), subject="another root"))
        with pytest.raises(VerificationError) as refused:
            await open_mtls_stream("localhost", port, web.config(crls=[other]))
        assert refused.value.reason is Reason.CRL_MISSING
        lax = web.config(crls=[other], crl_policy="if_available")
        async with await open_mtls_stream("localhost", port, lax):
            pass


def test_lists_that_cannot_be_used_are_told_at_once(web: Web) -> None:
    with pytest.raises(InvalidCrl):
        web.config(crls=[b"0\x03\x02\x01\x00"])
    with pytest.raises(ConfigError):
        web.config(crls=[crl(web.root)], crl_policy="sometimes")
