# SPDX-License-Identifier: Apache-2.0
"""Connections over loopback TCP in trio: the loop that the trio peers share.

Client and server are tasks of one process, so its CPU time is that of both ends and of
everything between them. One after the other: connect, handshake, 64 bytes there and
back, close.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from bench.peers import sampler

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    Handler = Callable[[trio.abc.Stream], Awaitable[object]]

HOST = "127.0.0.1"
MESSAGE = b"handfast" * 8


class Transport(Protocol):
    """What differs between the peers."""

    async def serve(
        self,
        handler: Handler,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept on any port, report it, run the handler on each secured stream."""

    async def connect(self, port: int) -> trio.abc.Stream:
        """Return a stream to the server, handshake done and peer checked."""


async def receive_exactly(stream: trio.abc.Stream, size: int) -> bytes:
    """Read `size` bytes."""
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        if not more:
            raise AssertionError(
                f"expected {size} bytes, seen the end after {len(data)}"
            )
        data += more
    return data


async def echo(stream: trio.abc.Stream) -> None:
    """Answer one message and close."""
    async with stream:
        await stream.send_all(await receive_exactly(stream, len(MESSAGE)))


async def round_trip(transport: Transport, port: int) -> None:
    """Make one connection and use it."""
    async with await transport.connect(port) as stream:
        await stream.send_all(MESSAGE)
        if await receive_exactly(stream, len(MESSAGE)) != MESSAGE:
            raise AssertionError("the echo differs from what was sent")


async def _sample(transport: Transport, clock: sampler.Clock) -> None:
    async with trio.open_nursery() as nursery:
        port: int = await nursery.start(transport.serve, echo)
        await round_trip(transport, port)
        for _ in clock.laps():
            await round_trip(transport, port)
        nursery.cancel_scope.cancel()


def serve(
    given: argparse.Namespace, facts: sampler.Facts, transport: Transport
) -> None:
    """Serve samples, each in a trio run of its own."""

    def take(clock: sampler.Clock) -> None:
        if clock.split:
            raise SystemExit("both ends share one process here: SPLIT must be 0")
        trio.run(_sample, transport, clock)

    sampler.serve(given, facts | {"trio": trio.__version__}, take)
