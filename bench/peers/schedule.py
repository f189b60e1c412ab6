# SPDX-License-Identifier: Apache-2.0
"""When the clients of an open loop come, and what is said about how long it took.

They come when they are due, whether or not earlier ones were served, and each waits
from the moment when it was due. A client that waits for the last one's answer would
leave out just those that a slow server keeps waiting ("coordinated omission").
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def arrivals(rate: float, seconds: float, seed: int = 1) -> Iterator[float]:
    """Yield when clients are due, in seconds from the beginning.

    Independent of each other, as clients are (a Poisson process), and by a fixed seed,
    so that every server meets the same gatherings.
    """
    if rate <= 0:
        raise ValueError(f"rate: expected more than nothing a second, seen {rate}")
    source = random.Random(seed)  # noqa: S311 (a schedule, not a secret)
    due = source.expovariate(rate)
    while due < seconds:
        yield due
        due += source.expovariate(rate)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the least of the ordered values that `share` of them do not exceed."""
    if not ordered:
        raise ValueError("values: expected at least one, seen none")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share: expected 0 to 1, seen {share}")
    # Rounded, because 0.999 * 1000 is a little more than 999.
    rank = -(-round(share * len(ordered) * 1e6) // 1_000_000)
    return ordered[max(rank, 1) - 1]
