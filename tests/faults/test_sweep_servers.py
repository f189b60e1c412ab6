# SPDX-License-Identifier: Apache-2.0
"""Servers, in the event loop and on threads, whose clients go away at every byte."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    Served,
    ask,
    client_config,
    echo,
    reset,
    serving,
    trio_test,
)
from tests.support.sweep import Sweep, descriptors, settled_connections, stride

from handfast import Connection, Reason
from handfast.net import MtlsStream

GONE = {Reason.TRUNCATED, Reason.CONNECTION_RESET}


async def end(stream: trio.SocketStream) -> None:
    """Go away with a FIN."""
    await stream.aclose()


async def answered(
    stream: trio.SocketStream, hello: bytes, client: Connection
) -> bytes:
    """Shake hands up to our last flight, and return it unsent."""
    await stream.send_all(hello)
    while not client.handshake():
        client.receive(await stream.receive_some())
    return client.to_send()


async def go_away(
    server: Served, flight: int, at: int, leave: Callable[..., Awaitable[None]]
) -> int:
    """Send flights until so many bytes of one, and leave; return that one's length."""
    stream = await server.raw()
    client = Connection(client_config())
    client.handshake()
    data = client.to_send()
    if flight:
        data = await answered(stream, data, client)
    if at < len(data):
        await stream.send_all(data[:at])
    await leave(stream)
    return len(data)


async def what_is_open(server: Served) -> tuple[int, int]:
    """Count descriptors and connections when the server has nothing more to do."""
    await server.until(lambda it: it.statistics.active == 0)
    await trio.testing.wait_all_tasks_blocked(cushion=0.01)
    return descriptors(), await settled_connections()


@pytest.mark.parametrize("workers", [0, 1], ids=["event loop", "workers"])
@pytest.mark.parametrize("leave", [end, reset], ids=["FIN", "RST"])
@trio_test
async def test_a_client_that_goes_away_at_any_byte_costs_nothing(
    leave: Callable[..., Awaitable[None]], workers: int
) -> None:
    """D4, D10: counted with its reason; no handler, no descriptor, no connection."""
    how = f"{leave.__name__} at every byte, {'workers' if workers else 'event loop'}"
    sweep = Sweep(f"server, client's {how}")
    handled: list[MtlsStream] = []

    async def handle(stream: MtlsStream) -> None:
        handled.append(stream)
        await echo(stream)

    async with serving(handle, workers=workers) as server:
        # The negative control, and what is made once.
        assert await ask(await server.connect()) == b"ping"
        assert len(handled) == 1
        handled.clear()
        files, alive = await what_is_open(server)
        for flight in (0, 1):
            at, length = 0, 1
            while at < length:
                length = await go_away(server, flight, at, leave)
                sweep.injected += at < length
                at += stride(41)
        await server.until(
            lambda it: (
                sum(it.statistics.handshakes_failed.values()) >= sweep.injected
                and it.statistics.handshaking == 0
            )
        )
        sweep.accepted += server.statistics.handshakes_ok - 1 + len(handled)
        assert set(server.statistics.handshakes_failed) <= GONE
        sweep.reasons.update(server.statistics.handshakes_failed)
        assert await ask(await server.connect()) == b"ping"
        handled.clear()
        files_now, alive_now = await what_is_open(server)
        sweep.leaked += files_now > files  # an earlier server may be closing
        sweep.leaked += alive_now > alive
    sweep.report()
