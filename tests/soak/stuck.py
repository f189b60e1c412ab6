# SPDX-License-Identifier: Apache-2.0
"""Handshakes that are stuck, of five kinds: what they cost, and how they end (D1, D2).

    python -m tests.soak.stuck [COUNT [TIMEOUT [WORKERS]]]

It prints a line a kind, and exits 1 when one cost more than it may, a good client
waited for a second, or one lived longer than its deadline and a second.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial

import trio
from tests.soak.server_process import Server, server_process
from tests.soak.stuck_clients import KINDS, Crowd

from handfast import openssl_version
from handfast.net import open_mtls_stream

#: Bytes that a stuck handshake may cost, of the server's resident memory. A system's
#: OpenSSL has room for 32 records a direction, the pinned one for one: 9.4 KB less.
MOST_BYTES = 50_000 if openssl_version().origin == "pinned" else 60_000

#: Good clients that come first: what is made once is made then.
GOOD = 20

#: Seconds for a good client, and past the deadline.
PATIENCE = 1.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What so many stuck handshakes of one kind did."""

    kind: str
    count: int
    bytes_each: float
    good_client: float
    first_end: float
    last_end: float
    timeouts: int
    descriptors_left: int
    deadline: float

    @property
    def good(self) -> bool:
        """Whether that is what was promised."""
        return (
            self.bytes_each <= MOST_BYTES
            and self.good_client < PATIENCE
            and self.deadline - 0.1 <= self.first_end
            and self.last_end <= self.deadline + PATIENCE
            and self.timeouts == self.count
            and self.descriptors_left <= 0
        )

    def __str__(self) -> str:
        """Write a line."""
        return (
            f"{self.count} x {self.kind}: {self.bytes_each / 1000:.1f} KB each, "
            f"a good client in {self.good_client * 1000:.0f} ms, ended after "
            f"{self.first_end:.2f} to {self.last_end:.2f} s of {self.deadline:g}, "
            f"timeouts {self.timeouts}, descriptors left {self.descriptors_left}"
        )


async def ask_once(server: Server) -> float:
    """Be a good client; return how long the connection and the answer took."""
    start = trio.current_time()
    async with await open_mtls_stream(
        "127.0.0.1", server.port, server.client
    ) as stream:
        await stream.send_all(b"ping")
        if await stream.receive_some() != b"ping":
            raise AssertionError("the server answered something else")
        return trio.current_time() - start


async def get_stuck(kind: str, *, count: int, deadline: float, workers: int) -> Outcome:
    """Let so many get stuck in one way, and watch what becomes of them."""
    async with server_process(
        workers=workers, handshake_timeout=deadline, max_handshakes=2 * count
    ) as server:
        for _ in range(GOOD):
            await ask_once(server)
        before = await server.figures()
        crowd = Crowd(server.port, server.client, [KINDS[kind]])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crowd.run, count)
            # On a slow machine the first ones may have ended when the last are stuck.
            await server.until(lambda it: crowd.stuck == count == it.accepted - GOOD)
            during = await server.figures()
            good_client = await ask_once(server)
        after = await server.until(lambda it: not it.handshaking)
    return Outcome(
        kind=kind,
        count=count,
        bytes_each=(during.rss - before.rss) / max(during.handshaking, 1),
        good_client=good_client,
        first_end=min(crowd.lived),
        last_end=max(crowd.ended),
        timeouts=after.timeouts,
        descriptors_left=after.descriptors - before.descriptors,
        deadline=deadline,
    )


def main(arguments: list[str]) -> int:
    """Try each kind."""
    count, deadline, workers = 2000, 20, 2
    if arguments:
        count, deadline, workers = (
            *map(int, arguments),
            *(count, deadline, workers)[len(arguments) :],
        )
    all_good = True
    for kind in KINDS:
        run = partial(get_stuck, count=count, deadline=deadline, workers=workers)
        outcome = trio.run(run, kind)
        sys.stdout.write(f"{outcome}\n")
        sys.stdout.flush()
        all_good = all_good and outcome.good
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
