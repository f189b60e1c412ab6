# SPDX-License-Identifier: Apache-2.0
"""PROXY headers: from named sources always, from nobody else ever."""

from __future__ import annotations

import ipaddress
import logging
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    InMemory,
    Served,
    client_config,
    server_config,
    serving,
    tcp_pair,
    trio_test,
)

from handfast import ConfigError, Reason, TransportError
from handfast.net import (
    MtlsListener,
    MtlsStream,
    Permissive,
    PlainStream,
    ProxyProtocol,
    ServerNames,
    serve_mtls_listeners,
)

V1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 5555 443\r\n"
V1_SIX = b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 443\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V2 = SIGNATURE + b"\x21\x11\0\x0c\xc0\0\2\7\x0a\0\0\1\x15\xb3\1\xbb"
LOCAL = SIGNATURE + b"\x20\0\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"

LOOPBACK = ProxyProtocol(["127.0.0.1", "::1"])
ELSEWHERE = ProxyProtocol(["192.0.2.0/24"])


class Addresses:
    """A handler that notes where streams come from."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Any]] = []

    async def __call__(self, stream: MtlsStream | PlainStream) -> None:
        self.seen.append((stream.source_address, stream.socket_address))
        await stream.send_all(b"ok")


async def through_proxy(
    server: Served, header: bytes, *, cut: int = 0, name: str | None = None
) -> tuple[bytes, tuple[str, int]]:
    """Be a proxy that says this and then a client of mutual TLS."""
    transport = await server.raw()
    own = transport.socket.getsockname()
    if cut:
        await transport.send_all(header[:cut])
        await trio.testing.wait_all_tasks_blocked()
    await transport.send_all(header[cut:])
    stream = MtlsStream(transport, client_config(), server_hostname=name)
    async with stream:
        return await stream.receive_some(), own


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (V1, ("192.0.2.7", 5555)),
        (V1_SIX, ("2001:db8::7", 5555)),
        (V2, ("192.0.2.7", 5555)),
        (LOCAL, None),
        (UNKNOWN, None),
    ],
    ids=["v1", "v1-six", "v2", "local", "unknown"],
)
@trio_test
async def test_a_named_proxy_tells_where_a_connection_comes_from(
    header: bytes, source: tuple[str, int] | None
) -> None:
    handler = Addresses()
    async with serving(handler, proxy_protocol=LOOPBACK) as server:
        answer, own = await through_proxy(server, header)
    assert answer == b"ok"
    assert handler.seen == [(source or own, own)]


@trio_test
async def test_a_header_may_be_cut_anywhere() -> None:
    """A3: what follows the header is the handshake, to the byte."""
    handler = Addresses()
    async with serving(handler, proxy_protocol=LOOPBACK) as server:
        for header in (V1, V2):
            for cut in range(1, len(header)):
                answer, _ = await through_proxy(server, header, cut=cut)
                assert answer == b"ok"
    assert {source for source, _ in handler.seen} == {("192.0.2.7", 5555)}


@trio_test
async def test_with_server_names() -> None:
    handler = Addresses()
    table = ServerNames({"db.example": server_config()})
    async with serving(handler, proxy_protocol=LOOPBACK, sni=table) as server:
        answer, _ = await through_proxy(server, V2, name="db.example")
        assert answer == b"ok"
    assert handler.seen[0][0] == ("192.0.2.7", 5555)


@trio_test
async def test_with_plain_text() -> None:
    handler = Addresses()
    permissive = Permissive(handler)
    async with (
        serving(proxy_protocol=LOOPBACK, mode=permissive) as server,
        await server.raw() as client,
    ):
        await client.send_all(V1 + b"GET / HTTP/1.1\r\n\r\n")
        assert await client.receive_some() == b"ok"
    assert handler.seen[0][0] == ("192.0.2.7", 5555)
    [peer] = permissive.report().peers
    assert (peer.address, peer.via) == ("192.0.2.7", "127.0.0.1")


async def failure_of(
    data: bytes, proxies: ProxyProtocol, *, then: bytes = b"", **settings: Any
) -> tuple[dict[Reason, int], bytes]:
    """Send bytes to a server over TCP; what it counts, and what it answers."""
    async with serving(proxy_protocol=proxies, **settings) as server:
        async with await server.raw() as client:
            await client.send_all(data)
            if then:
                await trio.testing.wait_all_tasks_blocked()
                await client.send_all(then)
            answer = b""
            with suppress(trio.BrokenResourceError):  # a reset: they left bytes unread
                async for part in client:
                    answer += part
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        return dict(server.statistics.handshakes_failed), answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x00\x01\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\r\n\r\nX",
        b"PROXX",
    ],
)
@pytest.mark.parametrize("mode", ["strict", "permissive"])
@trio_test
async def test_a_named_source_without_a_header_is_refused(
    data: bytes, mode: str
) -> None:
    settings: dict[str, Any] = {}
    if mode == "permissive":
        settings["mode"] = Permissive(Addresses())
    failed, answer = await failure_of(data, LOOPBACK, **settings)
    assert failed == {Reason.PROXY_HEADER_MISSING: 1}
    assert answer == b""


@pytest.mark.parametrize("header", [V1, V2, LOCAL, UNKNOWN, b"PROXY x\r\n", V2[:20]])
@pytest.mark.parametrize("mode", ["strict", "permissive"])
@trio_test
async def test_a_header_from_a_source_that_is_not_named_is_refused(
    header: bytes, mode: str
) -> None:
    """Nobody gets an address into our logs by saying it, in plain text neither."""
    settings: dict[str, Any] = {}
    if mode == "permissive":
        settings["mode"] = Permissive(Addresses())
    rest = b"\x15\x03\x03\x00\x02\x01\x00\0\0\0\0\0"
    failed, answer = await failure_of(
        header[:3], ELSEWHERE, then=header[3:] + rest, **settings
    )
    assert failed == {Reason.PROXY_HEADER_UNEXPECTED: 1}
    assert answer == b""


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.7 10.0.0.1 5555 44x\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 5555 443\n" + b"x" * 100,
        SIGNATURE + b"\x21\x12\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
@trio_test
async def test_a_malformed_header_is_refused(header: bytes) -> None:
    failed, answer = await failure_of(header, LOOPBACK)
    assert failed == {Reason.PROXY_HEADER_INVALID: 1}
    assert answer == b""


@trio_test
async def test_without_the_setting_a_header_is_no_tls() -> None:
    world = InMemory()
    async with world.serving(), world.transport.connect() as client:
        await client.send_all(V1)
        assert (await client.receive_some())[:1] == b"\x15"
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.NOT_TLS: 1}


@trio_test
async def test_direct_callers_go_on_as_before() -> None:
    """Not behind the proxy: mutual TLS, and plain text that begins like a header."""
    plain = Addresses()
    async with serving(
        Addresses(), proxy_protocol=ELSEWHERE, mode=Permissive(plain)
    ) as server:
        async with await server.connect() as stream:
            assert await stream.receive_some() == b"ok"
        for said in (b"PUT / HTTP/1.1\r\n\r\n", b"\r\nHELO\r\n"):
            async with await server.raw() as client:
                await client.send_all(said)
                assert await client.receive_some() == b"ok"
        async with await server.raw() as client:
            await client.send_all(b"PRO")  # the beginning of one, and no more to come
            await client.send_eof()
            assert await client.receive_some() == b"ok"
    assert len(plain.seen) == 3


@trio_test
async def test_a_header_that_stops_is_ended_at_the_deadline(
    clock: trio.testing.MockClock,
) -> None:
    """D1: over a local socket, whose peers are named as a whole."""
    listener = _OneStream()
    client = await listener.connect()
    served = MtlsListener(listener, server_config())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(
                serve_mtls_listeners,
                Addresses(),
                [served],
                handshake_timeout=1,
                proxy_protocol=ProxyProtocol(local_sockets=True),
            )
        )
        await client.send_all(V1[:10])
        assert await client.receive_some() == b""
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert served.statistics().handshakes_failed == {Reason.HANDSHAKE_TIMEOUT: 1}
    await client.aclose()


@trio_test
async def test_silent_callers_that_are_no_proxies_get_plain_text(
    clock: trio.testing.MockClock,
) -> None:
    """Where the server speaks first, others than the proxy can wait for it, too."""
    world = InMemory()
    permissive = Permissive(Greeter(), silent_after=1)
    async with (
        world.serving(proxy_protocol=ELSEWHERE, mode=permissive),
        world.transport.connect() as client,
    ):
        start = trio.current_time()
        assert await client.receive_some() == b"hello"
        assert trio.current_time() - start == pytest.approx(1)


class Greeter:
    """A handler that speaks first."""

    async def __call__(self, stream: PlainStream) -> None:
        await stream.send_all(b"hello")


class _OneStream(trio.abc.Listener[trio.abc.Stream]):
    """A listener with one local socket for whoever accepts first."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[trio.abc.Stream](1)

    async def connect(self) -> trio.SocketStream:
        one, other = trio.socket.socketpair()
        await self._send.send(trio.SocketStream(other))
        return trio.SocketStream(one)

    async def accept(self) -> trio.abc.Stream:
        return await self._receive.receive()

    async def aclose(self) -> None:
        await self._receive.aclose()


@trio_test
async def test_failures_behind_a_proxy_are_logged_with_both_addresses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "handfast.net")
    async with serving(proxy_protocol=LOOPBACK) as server:
        async with await server.raw() as client:
            await client.send_all(V1_SIX + b"GET / HTTP/1.1\r\n\r\n")
            assert (await client.receive_some())[:1] == b"\x15"
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
    [record] = caplog.records
    assert "[2001:db8::7]:5555 by way of 127.0.0.1:" in record.message


@trio_test
async def test_sources_are_told_by_what_the_system_says() -> None:
    client, server = await tcp_pair()
    async with client, server:
        assert LOOPBACK.is_named(server)
        assert ProxyProtocol([ipaddress.ip_network("127.0.0.0/30")]).is_named(server)
        assert not ELSEWHERE.is_named(server)
        assert not ProxyProtocol(local_sockets=True).is_named(server)
    memory, other = trio.testing.memory_stream_pair()
    assert not ProxyProtocol(local_sockets=True).is_named(memory)
    await memory.aclose()
    await other.aclose()


@trio_test
async def test_an_ipv4_proxy_on_a_socket_of_both_families_is_known() -> None:
    """The system then calls it ::ffff:127.0.0.1."""
    both = trio.socket.socket(trio.socket.AF_INET6)
    both.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 0)
    await both.bind(("::", 0))
    both.listen()
    listener = trio.SocketListener(both)
    client = await trio.open_tcp_stream("127.0.0.1", both.getsockname()[1])
    async with listener, client, await listener.accept() as server:
        assert server.socket.getpeername()[0].startswith("::ffff:")
        assert LOOPBACK.is_named(server)
        assert not ELSEWHERE.is_named(server)


@trio_test
async def test_a_peer_that_is_gone_is_told_as_gone_not_as_somebody_else() -> None:
    """A proxy's health check: it sends its header and resets."""
    with trio.socket.socket() as socket:
        await socket.bind(("127.0.0.1", 0))
        socket.listen()
        client = await trio.open_tcp_stream("127.0.0.1", socket.getsockname()[1])
        server = await trio.SocketListener(socket).accept()
        client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        await client.aclose()
        async with server:
            await trio.lowlevel.wait_readable(server.socket)
            with pytest.raises(TransportError) as caught:
                LOOPBACK.is_named(server)
    assert caught.value.reason is Reason.CONNECTION_RESET


@pytest.mark.parametrize(
    "make",
    [
        lambda: ProxyProtocol([]),
        lambda: ProxyProtocol("10.0.0.0/8"),
        lambda: ProxyProtocol(["10.0.0.1/8"]),
        lambda: ProxyProtocol(["proxy.example"]),
        lambda: ProxyProtocol(["::ffff:10.0.0.0/104"]),
        lambda: ProxyProtocol(["::ffff:10.0.0.1"]),
        lambda: ProxyProtocol([ipaddress.ip_network("::ffff:0:0/96")]),
        lambda: ProxyProtocol(["fe80::1%eth0"]),
    ],
)
def test_sources_that_are_none_are_refused(make: Callable[[], ProxyProtocol]) -> None:
    """A source that could never be the one that was meant is no source."""
    with pytest.raises(ConfigError):
        make()


def test_an_ipv4_network_in_the_form_of_ipv6_is_told_how_to_be_written() -> None:
    with pytest.raises(ConfigError, match=r"as '10\.0\.0\.0/24'") as refused:
        ProxyProtocol(["::ffff:10.0.0.0/104"])
    assert refused.value.seen.startswith("::ffff:")
