# SPDX-License-Identifier: Apache-2.0
"""Clients that stall, trickle or babble: the server keeps serving good ones (D1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    InMemory,
    MemoryStream,
    Served,
    ask,
    client_config,
    over_tcp,
    reset,
    serving,
    trio_test,
)

from handfast import Connection, Reason

MANY = 200
TIMEOUT = 10.0


def client_hello() -> bytes:
    """Return the first flight of a good client."""
    connection = Connection(client_config())
    connection.handshake()
    return connection.to_send()


async def say_nothing(stream: MemoryStream) -> None:
    """Hold the connection."""


async def send_a_byte_a_second(stream: MemoryStream) -> None:
    """Trickle a perfect ClientHello until the server hangs up."""
    for byte in client_hello():
        try:
            await stream.send_all(bytes([byte]))
        except trio.BrokenResourceError:
            return
        await trio.sleep(1)


async def send_half_a_hello(stream: MemoryStream) -> None:
    """Begin, and wait."""
    hello = client_hello()
    await stream.send_all(hello[: len(hello) // 2])


async def stop_after_the_servers_flight(stream: MemoryStream) -> None:
    """Make the server work, and leave it waiting."""
    await stream.send_all(client_hello())
    assert await stream.receive_some()


async def babble(stream: MemoryStream) -> None:
    """Speak another protocol."""
    await stream.send_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n" * 100)


@pytest.mark.parametrize(
    "behave",
    [
        say_nothing,
        send_a_byte_a_second,
        send_half_a_hello,
        stop_after_the_servers_flight,
    ],
)
@trio_test
async def test_slow_clients_are_dropped_at_the_deadline_and_delay_nobody(
    behave: Callable[[MemoryStream], Awaitable[None]], clock: trio.testing.MockClock
) -> None:
    """D1: one total deadline; what arrives meanwhile does not extend it."""
    world = InMemory()
    async with world.serving(handshake_timeout=TIMEOUT):
        start = trio.current_time()
        slow = [world.transport.connect() for _ in range(MANY)]
        async with trio.open_nursery() as nursery:
            for stream in slow:
                nursery.start_soon(behave, stream)
            await trio.testing.wait_all_tasks_blocked()
            assert await world.ask(b"among them") == b"among them"
            assert trio.current_time() == start
            assert world.statistics.handshaking == MANY
            await trio.sleep_until(start + TIMEOUT - 0.001)
            assert world.statistics.timeouts == 0
            await trio.sleep_until(start + TIMEOUT + 0.001)
            assert world.statistics.timeouts == MANY
            assert world.statistics.handshakes_failed == {
                Reason.HANDSHAKE_TIMEOUT: MANY
            }
            assert world.statistics.handshaking == 0
        for stream in slow:
            while await stream.receive_some():
                pass


@trio_test
async def test_garbage_is_dropped_at_once(clock: trio.testing.MockClock) -> None:
    """D12: what is not TLS costs its sender the connection, with a reason."""
    world = InMemory()
    async with world.serving():
        start = trio.current_time()
        for _ in range(MANY):
            await babble(world.transport.connect())
        assert await world.ask(b"among them") == b"among them"
        await trio.testing.wait_all_tasks_blocked()
        failed = world.statistics.handshakes_failed
        assert trio.current_time() == start
    assert failed == {Reason.NOT_TLS: MANY}


@trio_test
async def test_a_good_client_gets_in_while_others_hold_every_place() -> None:
    """P8: on real sockets, four times as many silent clients as places."""
    async with serving(max_handshakes=MANY // 4) as server:
        silent = [await server.raw() for _ in range(MANY)]
        assert await ask(await server.connect(), b"after them") == b"after them"
        await server.until(lambda it: it.statistics.gave_way >= MANY * 3 // 4)
        assert server.statistics.handshaking <= MANY // 4
        for stream in silent:
            await stream.aclose()


@trio_test
async def test_clients_that_reset_at_once_leave_nothing_behind() -> None:
    async with serving() as server:
        for _ in range(50):
            await reset(await server.raw())
        assert await ask(await server.connect()) == b"ping"
        await server.until(lambda it: it.statistics.handshaking == 0)
        assert server.statistics.handshakes_ok == 1


async def plain_text_then_close(server: Served) -> None:
    async with await server.raw() as stream:
        await stream.send_all(b"GET /secret HTTP/1.1\r\n\r\n")


async def plain_text_then_reset(server: Served) -> None:
    stream = await server.raw()
    await stream.send_all(b"GET /secret HTTP/1.1\r\n\r\n")
    await reset(stream)


async def hello_then_plain_text(server: Served) -> None:
    async with await server.raw() as stream:
        await stream.send_all(client_hello() + b"GET /secret HTTP/1.1\r\n\r\n")
        await stream.send_eof()
        while await stream.receive_some():
            pass


@pytest.mark.parametrize(
    "behave", [plain_text_then_close, plain_text_then_reset, hello_then_plain_text]
)
@trio_test
async def test_nothing_sent_before_the_handshake_reaches_the_application(
    behave: Callable[[Served], Awaitable[None]],
) -> None:
    """A9: as in CVE-2023-40217, plain text that is read as if it were authenticated."""
    handled: list[bytes] = []

    async def handle(stream: object) -> None:
        handled.append(b"called")

    async with serving(handle) as server:
        await behave(server)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_ok == 0
    assert handled == []


@trio_test
async def test_plain_text_in_the_middle_breaks_a_stream_and_is_not_data() -> None:
    client, server = await over_tcp()
    async with client, server:
        await client.send_all(b"encrypted")
        transport = client.transport_stream
        await transport.send_all(b"GET /plain HTTP/1.1\r\n\r\n")
        assert await server.receive_some() == b"encrypted"
        with pytest.raises(trio.BrokenResourceError):
            await server.receive_some()
