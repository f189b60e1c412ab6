# SPDX-License-Identifier: Apache-2.0
"""From samples to figures: rates, ratios of rounds, and how sure a ratio is.

A ratio is made within a round, between samples taken seconds apart, so that what slows
the whole machine for a while cancels out. The median of the rounds is reported; its
confidence interval comes from resampling rounds, never handshakes, because handshakes
of one round are not independent.
"""

from __future__ import annotations

import itertools
import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How many times as much work per CPU second, with a 95 % interval.

    With `wall`, per second of the clock on the wall. Without `over`, units a second.
    """

    peer: str
    over: str | None
    median: float
    low: float
    high: float
    best: float  # of the best rounds of each: what a quiet machine would show
    rounds: tuple[float, ...]
    aim: float | None = None
    wall: bool = False

    @property
    def reached(self) -> bool | None:
        """Tell whether the aim was reached; None without one."""
        return None if self.aim is None else self.median >= self.aim


def rate(sample: dict[str, Any], *, wall: bool = False) -> float:
    """Return units per second of CPU (all threads, both ends), or of time."""
    return float(sample["count"] / sample["wall" if wall else "cpu"])


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median; the seed is fixed, so runs agree."""
    source = random.Random(1)  # noqa: S311 (statistics, not secrets)
    medians = sorted(
        statistics.median(source.choices(values, k=len(values)))
        for _ in range(RESAMPLES)
    )
    return medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975)]


def ratio(
    peer: str,
    over: str | None,
    samples: dict[str, list[dict[str, Any]]],
    aim: float | None = None,
    *,
    wall: bool = False,
) -> Ratio:
    """Divide two peers, round by round; without `over`, tell a peer's own rate."""
    mine = [rate(sample, wall=wall) for sample in samples[peer]]
    theirs = [1.0] * len(mine)
    if over is not None:
        theirs = [rate(sample, wall=wall) for sample in samples[over]]
    rounds = tuple(ours / other for ours, other in zip(mine, theirs, strict=True))
    low, high = bootstrap(rounds)
    return Ratio(
        peer=peer,
        over=over,
        median=statistics.median(rounds),
        low=low,
        high=high,
        best=max(mine) / max(theirs),
        rounds=rounds,
        aim=aim,
        wall=wall,
    )


def pooled(samples: list[dict[str, Any]]) -> list[int]:
    """Return the microseconds that each client of an open loop took, in order.

    Of all rounds together: the slowest one in a thousand is not in every round.
    """
    return sorted(itertools.chain.from_iterable(one["open_loop_us"] for one in samples))


def latency(samples: list[dict[str, Any]]) -> list[float]:
    """Return the latency grid in microseconds, each point the median of the rounds."""
    grids = [sample["latency_us"] for sample in samples]
    return [statistics.median(column) for column in zip(*grids, strict=True)]
