# SPDX-License-Identifier: Apache-2.0
"""trio's own SSLStream, on Python's ssl module, as the other end of ours."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import trio
from tests.support.net_world import (
    DB,
    WEB,
    ask,
    authority,
    client_config,
    server_config,
    serving,
    trio_test,
)

from handfast import Reason, TlsConfig, VerificationError, X509Svid
from handfast.net import open_mtls_stream

Version = Literal["1.2", "1.3"]
BOTH = pytest.mark.parametrize("version", ["1.2", "1.3"])
LIMITS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(
    folder: Path, svid: X509Svid | None, version: Version, *, server: bool
) -> ssl.SSLContext:
    """Configure Python's ssl with an identity of ours; it knows nothing of SPIFFE."""
    made = ssl.SSLContext(
        ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
    )
    made.minimum_version = made.maximum_version = LIMITS[version]
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    for der in authority("a.example").bundle.x509_authorities:
        made.load_verify_locations(cadata=der)
    if svid is not None:
        pem = folder / "svid.pem"
        pem.write_bytes(svid.to_pem_chain() + svid.to_pem_key())
        made.load_cert_chain(pem)
    return made


@BOTH
@trio_test
async def test_our_server_and_pythons_client(tmp_path: Path, version: Version) -> None:
    settings = context(
        tmp_path, authority("a.example").issue(WEB), version, server=False
    )
    async with serving(config=server_config(min_version=version)) as server:
        stream = trio.SSLStream(await server.raw(), settings)
        async with stream:
            await stream.send_all(b"from another stack")
            assert await stream.receive_some() == b"from another stack"
        await server.until(lambda it: it.statistics.active == 0)
        assert server.statistics.handshakes_ok == 1


@BOTH
@trio_test
async def test_pythons_server_and_our_client(tmp_path: Path, version: Version) -> None:
    """It sends session tickets after the handshake, which must not be data."""
    settings = context(tmp_path, authority("a.example").issue(DB), version, server=True)

    async def echo(stream: trio.SSLStream[trio.SocketStream]) -> None:
        async for data in stream:
            await stream.send_all(data)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_ssl_over_tcp, echo, 0, settings, host="127.0.0.1")
        )
        port = listeners[0].transport_listener.socket.getsockname()[1]
        config = client_config(min_version=version)
        stream = await open_mtls_stream("127.0.0.1", port, config)
        assert str(stream.peer.spiffe_id) == DB
        assert await ask(stream, b"x" * 100_000) == b"x" * 100_000
        nursery.cancel_scope.cancel()


@BOTH
@trio_test
async def test_pythons_client_without_a_certificate_is_refused(
    tmp_path: Path, version: Version
) -> None:
    """C14: no certificate is not a verified one; the alert says what was missing."""
    settings = context(tmp_path, None, version, server=False)
    async with serving(config=server_config(min_version=version)) as server:
        async with await server.raw() as raw:
            stream = trio.SSLStream(raw, settings)
            with pytest.raises(trio.BrokenResourceError) as refused:
                await stream.receive_some()
            assert isinstance(refused.value.__cause__, ssl.SSLError)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_failed == {Reason.NO_CERTIFICATE: 1}


@trio_test
async def test_a_web_server_is_verified_by_its_name(tmp_path: Path) -> None:
    """One-way TLS beside the other: by host name, and by no SPIFFE bundle."""
    trust = authority("a.example")
    svid = trust.issue(DB, dns_names=("localhost",))
    settings = context(tmp_path, svid, "1.3", server=True)
    settings.verify_mode = ssl.CERT_NONE
    config = TlsConfig.web_client(roots=trust.bundle.x509_authorities)

    async def greet(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            await stream.send_all(b"hello")
            await stream.aclose()
        except trio.BrokenResourceError:
            pass  # the client that looked for another name

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_ssl_over_tcp, greet, 0, settings, host="127.0.0.1")
        )
        port = listeners[0].transport_listener.socket.getsockname()[1]
        async with await open_mtls_stream("localhost", port, config) as stream:
            assert stream.peer.spiffe_id is None
            assert "a web server" in repr(stream)
            assert await stream.receive_some() == b"hello"
        with pytest.raises(VerificationError) as refused:
            await open_mtls_stream(
                "localhost", port, config, server_hostname="other.example"
            )
        assert refused.value.reason is Reason.NAME_MISMATCH
        with pytest.raises(VerificationError):
            await open_mtls_stream("127.0.0.1", port, config)
        nursery.cancel_scope.cancel()
