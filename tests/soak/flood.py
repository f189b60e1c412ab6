# SPDX-License-Identifier: Apache-2.0
"""A flood of slow handshakes beside good clients (D1, D2, P8).

    python -m tests.soak.flood [CONNECTIONS [A_SECOND [WORKERS]]]

Connections of the five kinds of tests/soak/stuck_clients.py are opened from a process
of their own, so many a second, and held. A good client comes again and again: before,
while they come, while all are held, and after. It prints the good client's times and
what the server took, and exits 1 when the flood made the good client's p99 more than
three times what it was without, when the server took more memory than is allowed for
each, or when it lost count of them.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field

import trio
from tests.soak.server_process import Server, ask, child_process, server_process
from tests.soak.stuck import MOST_BYTES, ask_once

#: How much longer a good client may wait in the worst of a hundred cases.
MOST_DELAY = 3.0

_SAMPLES = 300


def p99(times: list[float]) -> float:
    """Return the time that one in a hundred is over."""
    return statistics.quantiles(times, n=100, method="inclusive")[98]


@dataclass(kw_only=True)
class Outcome:
    """What a flood did."""

    connections: int
    calm: list[float] = field(default_factory=list[float])
    coming: list[float] = field(default_factory=list[float])
    held: list[float] = field(default_factory=list[float])
    bytes_each: float = 0.0
    cpu_each: float = 0.0
    counted: int = 0
    failed: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def delay(self) -> float:
        """How many times as long the worst of a hundred good clients waited."""
        return max(p99(self.coming), p99(self.held)) / p99(self.calm)

    @property
    def good(self) -> bool:
        """Whether service went on, within bounds, and all were counted."""
        return (
            self.delay <= MOST_DELAY
            and self.bytes_each <= MOST_BYTES
            and self.counted == self.connections
        )

    def __str__(self) -> str:
        """Write some lines."""
        lines = [
            f"{name}: p50 {statistics.median(times) * 1e3:.2f} ms, "
            f"p99 {p99(times) * 1e3:.2f} ms, {len(times)} good clients"
            for name, times in (
                ("without a flood", self.calm),
                ("while it comes", self.coming),
                ("while it is held", self.held),
            )
        ]
        lines.append(
            f"{self.connections} stuck handshakes: {self.bytes_each / 1000:.1f} KB and "
            f"{self.cpu_each * 1e6:.0f} us of the server each; p99 {self.delay:.2f} "
            f"times; counted {self.counted}: {self.failed}"
        )
        return "\n".join(lines)


async def flood(
    connections: int, a_second: float, workers: int, samples: int = _SAMPLES
) -> Outcome:
    """Let it come, be held, and go."""
    outcome = Outcome(connections=connections)
    async with server_process(
        workers=workers,
        # All of them are to be held at once, on a slow machine, too.
        handshake_timeout=10 * connections / a_second + 60,
        max_handshakes=connections + 100,
    ) as server:
        await _come(server, [], 10)
        await _come(server, outcome.calm, samples)
        before = await server.figures()
        async with child_process("tests.soak.stuck_clients") as attack:
            setup = server.workload.to_json()
            setup |= {"port": server.port, "count": connections, "a_second": a_second}
            await ask(attack, setup)
            came = 0
            while (await ask(attack, {}))["stuck"] < connections:
                await _come(server, outcome.coming, 10)
                came += 10
            held = await server.figures()
            await _come(server, outcome.held, samples)
        await server.until(lambda it: not it.handshaking)
        await _come(server, outcome.calm, samples)
        after = await server.figures()
    outcome.bytes_each = (held.rss - before.rss) / max(held.handshaking, 1)
    outcome.cpu_each = (held.cpu - before.cpu) / (connections + came)
    outcome.failed = after.failed
    outcome.counted = sum(after.failed.values())
    return outcome


async def _come(server: Server, times: list[float], count: int) -> None:
    for _ in range(count):
        times.append(await ask_once(server))
        await trio.sleep(0.005)


def main(arguments: list[str]) -> int:
    """Flood a server; say what happened."""
    connections, a_second, workers = 10_000, 500, 2
    numbers = [int(it) for it in arguments]
    connections, a_second, workers = (
        *numbers,
        *(connections, a_second, workers)[len(numbers) :],
    )
    outcome = trio.run(flood, connections, a_second, workers)
    sys.stdout.write(f"{outcome}\n")
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
