# SPDX-License-Identifier: Apache-2.0
"""Clients that get stuck in the middle of a handshake, in five ways (D1, D2)."""

from __future__ import annotations

import itertools
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

import trio
from tests.soak.server_process import (
    Workload,
    answer,
    read_line,
    take_all_descriptors,
)

from handfast import Connection, TlsConfig

__all__ = ["KINDS", "Crowd"]

Stuck = Callable[[trio.SocketStream, TlsConfig], Awaitable[None]]


def _hello(config: TlsConfig) -> bytes:
    connection = Connection(config)
    connection.handshake()
    return connection.to_send()


def _records(data: bytes) -> Iterator[bytes]:
    while data:
        end = 5 + int.from_bytes(data[3:5], "big")
        yield data[:end]
        data = data[end:]


async def _is_silent(stream: trio.SocketStream, config: TlsConfig) -> None:
    """Connect, and that is all."""


async def _sends_half_a_hello(stream: trio.SocketStream, config: TlsConfig) -> None:
    hello = _hello(config)
    await stream.send_all(hello[: len(hello) // 2])


async def _sends_a_byte_a_second(stream: trio.SocketStream, config: TlsConfig) -> None:
    for byte in _hello(config):
        await stream.send_all(bytes([byte]))
        await trio.sleep(1)


async def _sends_a_hello(stream: trio.SocketStream, config: TlsConfig) -> None:
    """Make the server work, and never look at it."""
    await stream.send_all(_hello(config))


async def _sends_no_finished(stream: trio.SocketStream, config: TlsConfig) -> None:
    """Prove who one is, and leave out the last message."""
    connection = Connection(config)
    while not connection.handshake():
        await stream.send_all(connection.to_send())
        connection.receive(await stream.receive_some())
    *first, _finished = _records(connection.to_send())
    await stream.send_all(b"".join(first))


KINDS: dict[str, Stuck] = {
    "silent": _is_silent,
    "half a ClientHello": _sends_half_a_hello,
    "one byte a second": _sends_a_byte_a_second,
    "a ClientHello, then silence": _sends_a_hello,
    "everything but Finished": _sends_no_finished,
}


class Crowd:
    """Connections that are stuck, and when each was ended by the server."""

    def __init__(self, port: int, config: TlsConfig, kinds: list[Stuck]) -> None:
        self._port, self._config = port, config
        self._kinds = itertools.cycle(kinds)
        self.stuck = 0
        #: Seconds from being connected to the server's end of it, which took it later.
        self.ended: list[float] = []
        #: Seconds from asking to be connected, after which the server took it.
        self.lived: list[float] = []

    async def run(self, count: int, *, a_second: float = 1e9) -> None:
        """Connect so many, no faster than this, until the server has ended all."""
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(count):
                await trio.sleep_until(start + number / a_second)
                nursery.start_soon(self._one, next(self._kinds))

    async def _one(self, get_stuck: Stuck) -> None:
        asked = trio.current_time()
        async with await trio.open_tcp_stream("127.0.0.1", self._port) as stream:
            start = trio.current_time()
            with suppress(trio.BrokenResourceError):
                if get_stuck is _sends_a_byte_a_second:
                    await self._trickle(stream)
                else:
                    await get_stuck(stream, self._config)
                    self.stuck += 1
                    await _until_the_end(stream)
            self.ended.append(trio.current_time() - start)
            self.lived.append(trio.current_time() - asked)

    async def _trickle(self, stream: trio.SocketStream) -> None:
        self.stuck += 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_quietly, _sends_a_byte_a_second, stream, self._config)
            with suppress(trio.BrokenResourceError):
                await _until_the_end(stream)
            nursery.cancel_scope.cancel()


async def _quietly(
    get_stuck: Stuck, stream: trio.SocketStream, config: TlsConfig
) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await get_stuck(stream, config)


async def _until_the_end(stream: trio.SocketStream) -> None:
    while await stream.receive_some():
        pass


async def _attack() -> None:
    """Be a process of our own: get stuck as often as asked, and say when."""
    asking = trio.lowlevel.FdStream(os.dup(0))
    rest = bytearray()
    setup = await read_line(asking, rest) or {}
    count: int = setup["count"]
    config = Workload.from_json(setup).client()
    crowd = Crowd(setup["port"], config, list(KINDS.values()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(crowd.run, count, a_second=setup["a_second"]))
        answer({})
        while await read_line(asking, rest) is not None:
            answer({"stuck": crowd.stuck, "ended": len(crowd.ended)})
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    take_all_descriptors()
    trio.run(_attack)
