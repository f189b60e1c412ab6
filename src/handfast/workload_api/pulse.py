# SPDX-License-Identifier: Apache-2.0
"""When to ask a silent server whether it is there, and when to give it up: no I/O.

A server of the Workload API may rightly say nothing for hours. So may one that was
stopped, or whose host is gone without a word: only an unanswered PING tells them apart.

gRPC servers count PINGs that come too soon, and after two of them end the connection
("too_many_pings"). By default that is less than five minutes after the last PING, or
any at all on a connection without a call; what the server sends starts the count anew.

Invariants:
    1. Only silence while somebody waits counts: bytes that came while nobody read are
       an answer, too.
    2. Two PINGs are `after` seconds apart, but for early ones that were asked for: the
       next one waits for an answer to the last one, and counts from there.
"""

from __future__ import annotations

import math

__all__ = ["Pulse"]


class Pulse:
    """What is known of the other side's life.

    Args:
        after: Seconds of silence after which it is asked.
        within: Seconds in which it has to say something then, whatever it is.
    """

    __slots__ = (
        "_after",
        "_asked_at",
        "_early",
        "_heard_at",
        "_left_at",
        "_patience",
        "_within",
    )

    def __init__(self, *, after: float, within: float) -> None:
        self._after = after
        self._within = within
        self._heard_at = 0.0
        self._left_at: float | None = None  # when waiting ended; None while it lasts
        self._asked_at: float | None = None  # the question that has no answer yet
        self._patience = within  # with it
        self._early: float | None = None  # patience with a question ahead of time

    def begin(self, now: float) -> None:
        """Somebody begins to wait; what was silence before that goes on."""
        if self._left_at is None:
            self._heard_at = now
            return
        pause = now - self._left_at
        self._heard_at += pause
        if self._asked_at is not None:
            self._asked_at += pause

    def leave(self, now: float) -> None:
        """Nobody waits any more."""
        self._left_at = now

    def heard(self, now: float) -> None:
        """Something came: it is alive."""
        self._heard_at = now
        self._asked_at = None

    def hurry(self, within: float) -> bool:
        """Ask ahead of time; say whether that makes a difference now.

        Args:
            within: Seconds for the answer, where that is less than usual.
        """
        if self._asked_at is not None:
            return False
        self._early = min(within, self._within)
        return True

    @property
    def deadline(self) -> float:
        """When `ask` has something to say, as far as is known now."""
        if self._asked_at is not None:
            return self._asked_at + self._patience
        if self._early is not None:
            return -math.inf
        return self._heard_at + self._after

    def ask(self, now: float) -> bool | None:
        """Say what is due: True, a PING; None, nothing yet; False: it is gone."""
        if now < self.deadline:
            return None
        if self._asked_at is not None:
            return False
        self._patience = self._within if self._early is None else self._early
        self._early = None
        self._asked_at = now
        return True
