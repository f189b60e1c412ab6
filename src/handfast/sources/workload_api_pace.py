# SPDX-License-Identifier: Apache-2.0
"""When to ask the agent again: no I/O."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from handfast.errors import SourceError

__all__ = ["Backoff", "Pace", "longest_pause", "never_again"]

# gRPC's numbers of InvalidArgument and Unimplemented.
_HOPELESS: Final = {3, 12}
# Seconds between two attempts while an identity has ended, or is about to.
_ENDED: Final = 5.0
_SHORTEST: Final = 1.0


def never_again(failure: SourceError) -> bool:
    """Whether asking again is of no use (WAPI-17, WAPI-21).

    The agent said that it does not take the call as it is; it will not next time.
    """
    return getattr(failure, "code", None) in _HOPELESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before the agent is asked again.

    Attributes:
        first: Seconds after the first failure, doubled with each further one.
        most: Seconds that it never exceeds.
        random: Gives numbers from 0 to 1. Half of each wait is chance, so that
            workloads that lost the same agent do not come back all at once.
    """

    first: float = 0.5
    most: float = 30.0
    # Chance here hides nothing from anybody.
    random: Callable[[], float] = random.random

    def seconds(self, failures: int) -> float:
        """The wait after so many failures in a row."""
        longest = min(self.most, self.first * 2.0 ** min(failures - 1, 32))
        return longest * (0.5 + self.random() / 2)


class Pace:
    """Remembers how one stream went, and says when to open it again.

    Args:
        backoff: The waits.
        steady: Seconds that a stream must have lasted for its end to be an ordinary
            one. An agent that ends each stream at once is not asked in a hot loop.
    """

    def __init__(self, backoff: Backoff, *, steady: float = 1.0) -> None:
        self._backoff = backoff
        self._steady = steady
        self._short = 0
        self.failures = 0

    def good(self) -> None:
        """A message came that could be used."""
        self.failures = 0

    def ended(self, *, lasted: float, answered: bool) -> float:
        """The agent ended a stream with status OK; say in how many seconds to return.

        At once (WAPI-31), if the stream gave something, and unless the one before it
        was as short.
        """
        if not answered:
            return self.failed()
        if lasted >= self._steady:
            self._short = 0
            return 0.0
        self._short += 1
        return 0.0 if self._short == 1 else self._backoff.seconds(self._short - 1)

    def failed(self) -> float:
        """A stream failed, or none came about (WAPI-18, WAPI-20); say how long."""
        self.failures += 1
        return self._backoff.seconds(self.failures)


def longest_pause(left: float | None) -> float:
    """Say how long a pause may be at most, for an identity that has so much left.

    There are to be several attempts before it ends, also when it lives for seconds;
    after its end nothing is more urgent. Without one there is no limit.

    Args:
        left: Seconds; negative when it has ended, None when there is none.
    """
    if left is None:
        return math.inf
    return _ENDED if left <= 0 else max(_SHORTEST, left / 4)
