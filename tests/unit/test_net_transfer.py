# SPDX-License-Identifier: Apache-2.0
"""Much data, both ways at once, arrives as it was sent."""

from __future__ import annotations

import array
import hashlib
import random
from collections.abc import Awaitable, Callable

import pytest
import trio
from tests.support.net_world import Pair, over_memory, over_tcp, over_unix, trio_test

from handfast.net import MtlsStream

SIZE = 10_000_000


def dice(seed: int) -> random.Random:
    """Make chance that is the same in every run."""
    return random.Random(seed)  # noqa: S311


def pieces(data: bytes, seed: int) -> list[memoryview]:
    """Cut data into pieces around the sizes where records and chunks end."""
    rng, view, start = dice(seed), memoryview(data), 0
    cut: list[memoryview] = []
    while start < len(data):
        size = rng.choice((1, 100, 16383, 16384, 16385, 65535, 65536, 65537, 500_000))
        cut.append(view[start : start + size])
        start += size
    return cut


class End:
    """One end: sends its data, digests what it gets."""

    def __init__(self, stream: MtlsStream, seed: int) -> None:
        self.stream, self.seed = stream, seed
        self.data = dice(seed).randbytes(SIZE)
        self.sent = hashlib.sha256(self.data).digest()
        self.got = hashlib.sha256()

    async def send(self) -> None:
        for piece in pieces(self.data, self.seed):
            await self.stream.send_all(piece)
        await self.stream.send_eof()

    async def receive(self) -> None:
        rng = dice(self.seed)
        while data := await self.stream.receive_some(rng.choice((1000, 65536, None))):
            self.got.update(data)


@pytest.mark.parametrize(
    "make", [over_tcp, over_unix, over_memory], ids=["tcp", "unix", "memory"]
)
@trio_test
async def test_ten_megabytes_both_ways_at_once_arrive_whole(
    make: Callable[[], Awaitable[Pair]],
) -> None:
    client, server = await make()
    async with client, server:
        ends = End(client, 1), End(server, 2)
        async with trio.open_nursery() as nursery:
            for end in ends:
                nursery.start_soon(end.send)
                nursery.start_soon(end.receive)
        assert ends[0].got.digest() == ends[1].sent
        assert ends[1].got.digest() == ends[0].sent
        assert client.statistics().bytes_sent == SIZE
        assert client.statistics().bytes_received == SIZE


@pytest.mark.parametrize("make", [over_tcp, over_memory], ids=["tcp", "memory"])
@trio_test
async def test_anything_made_of_bytes_can_be_sent(
    make: Callable[[], Awaitable[Pair]],
) -> None:
    """Lengths are counted in bytes, whatever the buffer counts its elements in."""
    client, server = await make()
    async with client, server:
        numbers = array.array("I", range(1000))
        for data in (numbers, memoryview(numbers)):
            await client.send_all(data)  # type: ignore[arg-type]
            got = bytearray()
            while len(got) < len(numbers) * numbers.itemsize:
                got += await server.receive_some()
            assert got == numbers.tobytes()
