# SPDX-License-Identifier: Apache-2.0
"""How often somebody may have something signed: a bucket of tokens each."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Final

__all__ = ["Buckets"]

_BUCKETS_MAX: Final = 10_000


class Buckets:
    """A bucket for each who asks: full at first, and filled again at a rate.

    Args:
        rate: How much comes back in a second.
        burst: How much fits in.
        clock: Seconds that only grow.
    """

    def __init__(
        self, *, rate: float, burst: float, clock: Callable[[], float]
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, who: Hashable, amount: float = 1.0) -> bool:
        """Take some out for somebody; False when there is not as much."""
        now = self._clock()
        level, then = self._levels.pop(who, (self._burst, now))
        level = min(self._burst, level + (now - then) * self._rate)
        enough = level >= amount
        self._levels[who] = (level - amount if enough else level, now)
        while len(self._levels) > _BUCKETS_MAX:
            # The one that asked least recently is the fullest, or nearly.
            self._levels.popitem(last=False)
        return enough
