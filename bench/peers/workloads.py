# SPDX-License-Identifier: Apache-2.0
"""Peer of bench/issuing.py: workloads that keep a stream to their agent open."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from typing import TYPE_CHECKING

import trio

from handfast.workload_api import Channel, proto

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 20


def name_of(number: int) -> str:
    """Return what the workload of a number calls its end of the socket."""
    return f"handfast-bench-{os.getppid()}-{number}"


async def work(
    path: str, number: int, turn: trio.Semaphore, told: Callable[[], None]
) -> None:
    """Open a stream when it is one's turn, and take what comes."""
    await turn.acquire()
    mine = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    await mine.bind(f"\0{name_of(number)}")
    await mine.connect(path)
    async with (
        Channel(trio.SocketStream(mine)) as channel,
        channel.stream(
            proto.FETCH_X509_SVID, proto.X509SVIDRequest(), proto.X509SVIDResponse
        ) as answers,
    ):
        first = True
        async for answer in answers:
            if first:
                turn.release()
                first = False
            if not answer.svids[0].spiffe_id.endswith(f"/{number}"):
                raise AssertionError(f"{number} got {answer.svids[0].spiffe_id}")
            told()


async def run(path: str, count: int) -> None:
    """Start all of them, say how many answers there were whenever asked."""
    answers = 0

    def told() -> None:
        nonlocal answers
        answers += 1

    # A thousand at once of one user wait for each other's attestation.
    turn = trio.Semaphore(AT_ONCE)
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(work, path, number, turn, told)
        lines = trio.wrap_file(sys.stdin)
        while await lines.readline():
            print(answers, flush=True)
        nursery.cancel_scope.cancel()


def main() -> None:
    """Work until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args()
    trio.run(run, given.socket, given.count)


if __name__ == "__main__":
    main()
