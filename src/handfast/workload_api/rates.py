# SPDX-License-Identifier: Apache-2.0
"""How often a caller may ask for what costs a signature (promise P8)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

__all__ = ["Rates"]

# Callers that are remembered; the one that has not asked for longest is forgotten.
_CALLERS: Final = 4096


class Rates:
    """A purse for each caller: it is filled with time, and each call takes one out.

    Args:
        burst: What fits into a purse.
        rate: What comes in, a second.

    Example:
        >>> rates = Rates(burst=2, rate=1.0)
        >>> [rates.take("me", now=0.0) for _ in range(3)], rates.take("me", now=1.0)
        ([True, True, False], True)
    """

    __slots__ = ("_burst", "_purses", "_rate")

    def __init__(self, *, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._purses: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, caller: Hashable, *, now: float, cost: float = 1) -> bool:
        """Say whether a caller may do one thing more now, of what it costs."""
        left, at = self._purses.pop(caller, (self._burst, now))
        left = min(self._burst, left + max(now - at, 0.0) * self._rate)
        may = left >= cost
        self._purses[caller] = (left - cost if may else left, now)
        if len(self._purses) > _CALLERS:
            self._purses.popitem(last=False)
        return may
