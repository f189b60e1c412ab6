# SPDX-License-Identifier: Apache-2.0
"""So many signatures for one node, a second and at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

__all__ = ["Buckets"]


class Buckets:
    """A token bucket for each who asks; full ones are forgotten.

    Args:
        rate: How many come back a second.
        burst: How many there are at most.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left: dict[Hashable, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._left)

    def take(self, who: Hashable) -> bool:
        """Take one; False: there is none."""
        now = self._clock()
        self._forget_full(now)
        left, at = self._left.get(who, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        taken = left >= 1
        self._left[who] = (left - taken, now)
        return taken

    def _forget_full(self, now: float) -> None:
        self._left = {
            who: (left, at)
            for who, (left, at) in self._left.items()
            if left + (now - at) * self._rate < self._burst
        }
