# SPDX-License-Identifier: Apache-2.0
"""Passing connections on by name: bytes as they are, bounded in number and time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    DB,
    InMemory,
    Served,
    ask,
    client_config,
    echo,
    server_config,
    serving,
    trio_test,
)

from handfast import ConfigError, PeerAlert, Reason
from handfast.net import MtlsStream, Passthrough, ServerNames
from handfast.net.beginning import Beginning
from handfast.net.passthrough import Relay
from handfast.tls import Connection

NAME = "db.example"


@asynccontextmanager
async def backend_of(
    handler: Callable[[trio.SocketStream], Awaitable[object]],
) -> AsyncGenerator[int, None]:
    """Run a plain TCP server around a test."""
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(
            trio.serve_tcp, handler, 0
        )
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def table(port: int, **settings: Any) -> tuple[ServerNames, Passthrough]:
    to = Passthrough("127.0.0.1", port, **settings)
    return ServerNames({NAME: to}), to


def hello(name: str = NAME) -> bytes:
    connection = Connection(client_config(), server_hostname=name)
    connection.handshake()
    return connection.to_send()


async def told_back(stream: MtlsStream, count: int) -> bool:
    """Send so much to an echo and read meanwhile: buffers need not hold all of it."""

    async def send() -> None:
        await stream.send_all(bytes(count))
        await stream.send_eof()

    answer = b""
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(send)
        async for data in stream:
            answer += data
    return answer == bytes(count)


@trio_test
async def test_the_backend_shakes_hands_itself() -> None:
    """Nothing is decrypted on the way: both ends see each other's identities."""
    async with serving(echo) as backend:
        sni, to = table(backend.port)
        async with serving(echo, sni=sni) as front:
            stream = MtlsStream(
                await front.raw(), client_config(), server_hostname=NAME
            )
            await stream.do_handshake()
            assert str(stream.peer.spiffe_id) == DB
            assert to.active == 1
            assert await told_back(stream, 1_000_000)
            await front.until(lambda it: not it.statistics.active)
            assert front.statistics.passed_through == 1
            assert front.statistics.handshakes_ok == 0
            assert not front.statistics.handshakes_failed
        assert backend.statistics.handshakes_ok == 1
        assert to.active == 0


@trio_test
async def test_the_bytes_that_were_looked_at_come_first_and_once() -> None:
    seen: list[bytes] = []

    async def note(stream: trio.SocketStream) -> None:
        data = b""
        async for part in stream:
            data += part
        seen.append(data)
        await stream.send_all(b"all of it")

    async with backend_of(note) as port:
        sni, _ = table(port)
        world, said = InMemory(), hello()
        async with world.serving(sni=sni):
            for cut in (1, 5, 6, 100, len(said)):
                async with world.transport.connect() as client:
                    await client.send_all(said[:cut])
                    await trio.testing.wait_all_tasks_blocked()
                    await client.send_all(said[cut:] + b"behind it")
                    await client.send_eof()
                    answer = b"".join([part async for part in client])
                assert answer == b"all of it"
    assert seen == [said + b"behind it"] * 5


@trio_test
async def test_an_end_of_one_direction_is_passed_on_alone() -> None:
    async def slow(stream: trio.SocketStream) -> None:
        await stream.send_all(b"first")
        await stream.send_eof()
        data = b"".join([part async for part in stream])
        assert data.endswith(b"last words")

    async with backend_of(slow) as port:
        sni, to = table(port)
        async with serving(sni=sni) as front, await front.raw() as client:
            await client.send_all(hello())
            assert b"".join([part async for part in client]) == b"first"
            assert to.active == 1
            await client.send_all(b"last words")
            await client.send_eof()
            await front.until(lambda it: not it.statistics.active)
    assert to.active == 0


@trio_test
async def test_a_backend_that_is_down_is_an_alert_and_a_reason() -> None:
    closed = trio.socket.socket()
    await closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses
    sni, to = table(closed.getsockname()[1])
    async with serving(sni=sni) as front:
        stream = MtlsStream(await front.raw(), client_config(), server_hostname=NAME)
        with pytest.raises(PeerAlert) as refused:
            await stream.do_handshake()
        assert refused.value.alert == 80
        await trio.aclose_forcefully(stream)
        await front.until(lambda it: bool(it.statistics.handshakes_failed))
        assert front.statistics.handshakes_failed == {Reason.IO: 1}
    assert to.active == 0
    closed.close()


@trio_test
async def test_more_than_its_share_is_refused() -> None:
    """P8: strangers cannot hold more relays than that, nor places of handlers."""

    async def hold(stream: trio.SocketStream) -> None:
        async for _ in stream:
            pass

    async with backend_of(hold) as port:
        sni, to = table(port, max_connections=2)
        async with serving(sni=sni, max_connections=1) as front:
            clients = [await front.raw() for _ in range(2)]
            for client in clients:
                await client.send_all(hello())
            await front.until(lambda it: it.statistics.passed_through == 2)
            async with await front.raw() as third:
                await third.send_all(hello())
                assert await third.receive_some() == b"\x15\3\3\0\2\2\x50"
            await front.until(lambda it: bool(it.statistics.handshakes_failed))
            assert front.statistics.handshakes_failed == {Reason.LIMIT: 1}
            for client in clients:
                await client.aclose()
            await front.until(lambda it: not it.statistics.active)
            assert to.active == 0


@trio_test
async def test_whoever_is_idle_is_closed(clock: trio.testing.MockClock) -> None:
    """D1, D4: also a peer that takes nothing of what the other sends."""
    for clogged in (False, True):
        to = Passthrough("127.0.0.1", 1, idle_timeout=7)
        client, ours = trio.testing.lockstep_stream_pair()
        backend, theirs = trio.testing.lockstep_stream_pair()
        relay = await _relay(to, ours, theirs)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(relay.run)
            start = trio.current_time()
            if clogged:
                with pytest.raises(trio.BrokenResourceError):
                    await _send_twice(client)
            else:
                assert await client.receive_some() == b""
            assert trio.current_time() - start == pytest.approx(7, abs=0.1)
        assert relay.closed
        await client.aclose()
        await backend.aclose()


async def _send_twice(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"taken")
    await stream.send_all(b"not taken")


class _Owner:
    def __init__(self) -> None:
        self.ended: list[tuple[object, Reason | None]] = []

    def stream_closed(self, stream: object, reason: Reason | None) -> None:
        self.ended.append((stream, reason))


async def _relay(
    to: Passthrough, client: trio.abc.Stream, backend: trio.abc.Stream
) -> Relay:
    to._active += 1  # pyright: ignore[reportPrivateUsage]
    return Relay(to, Beginning(client), backend, _Owner())


@trio_test
async def test_a_drain_ends_what_is_passed_on() -> None:
    """P6: what is passed on ends with the rest."""

    async def hold(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            async for _ in stream:
                pass

    async with backend_of(hold) as port:
        sni, to = table(port)
        async with serving(sni=sni) as front, await front.raw() as client:
            await client.send_all(hello())
            await front.until(lambda it: it.statistics.passed_through == 1)
            await front.listener.drain(timeout=0)
            with suppress(trio.BrokenResourceError):
                assert await client.receive_some() == b""
            await front.until(lambda it: not it.statistics.active)
            assert front.statistics.ended == {Reason.DRAINED: 1}
        assert to.active == 0


@trio_test
async def test_a_backend_that_breaks_breaks_the_client() -> None:
    """D4: a reset on one side is no clean end on the other."""

    async def break_off(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        stream.setsockopt(
            trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )

    async with backend_of(break_off) as port:
        sni, to = table(port)
        async with serving(sni=sni) as front, await front.raw() as client:
            await client.send_all(hello())
            with suppress(trio.BrokenResourceError):
                assert await client.receive_some() == b""
            await front.until(lambda it: not it.statistics.active)
        assert to.active == 0


@trio_test
async def test_a_connection_that_is_cancelled_leaves_nothing() -> None:
    """D6: the server ends while connections are passed on."""

    async def hold(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            async for _ in stream:
                pass

    clients: list[trio.SocketStream] = []
    async with backend_of(hold) as port:
        sni, to = table(port)
        async with serving(sni=sni) as front:
            clients.append(await front.raw())
            await clients[0].send_all(hello())
            await _until_passed(front)
        assert to.active == 0
    await clients[0].aclose()


async def _until_passed(front: Served) -> None:
    await front.until(lambda it: it.statistics.passed_through == 1)


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (("", 1), {}),
        (("h", 0), {}),
        (("h", 65536), {}),
        (("h", 1), {"connect_timeout": 0}),
        (("h", 1), {"idle_timeout": float("inf")}),
        (("h", 1), {"max_connections": -1}),
    ],
)
def test_settings_that_are_none_are_refused(
    arguments: tuple[str, int], settings: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        Passthrough(*arguments, **settings)


@trio_test
async def test_names_that_are_ours_are_served_beside() -> None:
    async with serving(echo) as backend:
        to = Passthrough("127.0.0.1", backend.port)
        sni = ServerNames({NAME: to, "own.example": server_config()})
        async with serving(echo, sni=sni) as front:
            for name in (NAME, "own.example"):
                stream = MtlsStream(
                    await front.raw(), client_config(), server_hostname=name
                )
                assert await ask(stream) == b"ping"
            await front.until(lambda it: not it.statistics.active)
            assert front.statistics.handshakes_ok == 1
            assert front.statistics.passed_through == 1
