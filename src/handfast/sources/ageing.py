# SPDX-License-Identifier: Apache-2.0
"""How an identity grows old when nobody renews it: one machine for all sources (W5).

Theory of operation. A source hands in what it serves (`Standing`) and what is wrong at
the moment (its trouble); the rest is here: how urgent a renewal is, in which state the
source is therefore, when the log is told and how loudly, and the error of an identity
that has ended.

Invariants:
    1. Urgency depends on the identity and the clock alone, so whoever asks (the log,
       `health`, `statistics()`, a handshake) gets the same answer.
    2. Each step up is told once; a renewal begins anew.
    3. What serves is served until its end, whatever the trouble is, and never after it.
"""

from __future__ import annotations

import enum
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from handfast.errors import HandfastError, Reason, SourceError, detail_for
from handfast.sources.health import SourceState
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handfast.svid import X509Svid

__all__ = [
    "AGENTS",
    "FILES",
    "Ageing",
    "Origin",
    "Shares",
    "Standing",
    "Urgency",
    "urgency_of",
    "without_frames",
]

_LOGGER = logging.getLogger("handfast.sources")


class Urgency(enum.IntEnum):
    """How late a renewal is: what is left of an SVID's life.

    Agents renew at half of it, and what writes files at a third of it (cert-manager) or
    earlier: each source calls late what is later than that.
    """

    #: Enough: renewals come about now, or later.
    FRESH = 0
    #: Less than two fifths of it (of files: a quarter), which is later than usual.
    LATE = 1
    #: Less than a fifth (of files: a tenth). The source is stale.
    URGENT = 2
    #: Less than a twentieth.
    LAST = 3
    #: Nothing: new connections fail.
    EXPIRED = 4


#: Below which share of a life each urgency begins, the most urgent first.
Shares = tuple[tuple[Urgency, float], ...]

AGENTS: Final[Shares] = (
    (Urgency.LAST, 0.05),
    (Urgency.URGENT, 0.2),
    (Urgency.LATE, 0.4),
)
FILES: Final[Shares] = (
    (Urgency.LAST, 0.05),
    (Urgency.URGENT, 0.1),
    (Urgency.LATE, 0.25),
)

_LEVELS: Final = {
    Urgency.LATE: logging.WARNING,
    Urgency.URGENT: logging.WARNING,
    Urgency.LAST: logging.ERROR,
    Urgency.EXPIRED: logging.CRITICAL,
}


class Standing(NamedTuple):
    """An identity and its time.

    Attributes:
        svid: The identity.
        begins: When it came, or its time did if that is later. Issuers date SVIDs
            back, so that those of a minute would otherwise be old when they come.
        ends: When it ends, and all that it rests on.
    """

    svid: X509Svid
    begins: datetime
    ends: datetime


def urgency_of(
    begin: datetime, end: datetime, now: datetime, shares: Shares = AGENTS
) -> Urgency:
    """Say how late the renewal of an SVID is."""
    left = end - now
    if left <= timedelta(0):
        return Urgency.EXPIRED
    for urgency, share in shares:
        if left < (end - begin) * share:
            return urgency
    return Urgency.FRESH


def without_frames(error: BaseException) -> None:
    """Take from an error that is kept what it came through: frames hold keys."""
    left: list[BaseException] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            left += [it for it in (one.__cause__, one.__context__) if it is not None]


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class Origin(NamedTuple):
    """Who is to renew an identity, for the log and for errors.

    Attributes:
        name: Such as ``the agent at unix:/run/a.sock`` or ``the files in /run/web``.
        calm: What there is to say of it when there is no trouble, and no renewal.
        hint: What to do when an identity has ended; the reason's own when left out.
    """

    name: str
    calm: str
    hint: str | None = None

    def says(self, trouble: Exception | None) -> str:
        """Say what it does instead of renewing."""
        if trouble is None:
            return self.calm
        if isinstance(trouble, HandfastError):
            return trouble.detail.message()
        return escape(str(trouble)) or type(trouble).__name__

    def ended(self, found: Standing, trouble: Exception | None) -> SourceError:
        """Make the error of an identity that has ended; raise it from the trouble."""
        detail = detail_for(
            Reason.SOURCE_EXPIRED,
            expected=f"a renewed SVID of {found.svid.spiffe_id} from {self.name}",
            seen=f"one that ended at {_at(found.ends)}; {self.says(trouble)}",
            hint=self.hint,
        )
        return SourceError(detail)


@dataclass(slots=True)
class Ageing:
    """Watches one identity of a source grow old, and says so louder and louder.

    Attributes:
        origin: Who renews it.
        now: The clock.
        identity: Gives the identity and its time; None while there is none.
        trouble: Says why nothing new comes; None when all is well.
        shares: From when on a renewal is late.
        told: How urgent it was when it was told last.
    """

    origin: Origin
    now: Callable[[], datetime]
    identity: Callable[[], Standing | None]
    trouble: Callable[[], Exception | None]
    shares: Shares = AGENTS
    told: Urgency = Urgency.FRESH
    _about: bytes = field(default=b"", repr=False)

    # ---- how it is ----

    def urgency(self) -> Urgency:
        """How late the renewal is now."""
        found = self.identity()
        if found is None:
            return Urgency.FRESH
        return urgency_of(found.begins, found.ends, self.now(), self.shares)

    def expires_in(self) -> float | None:
        """Seconds until the identity ends; None without one, negative after."""
        found = self.identity()
        return None if found is None else (found.ends - self.now()).total_seconds()

    def state(self, *, usable: bool, waiting: bool) -> SourceState:
        """Say where the source stands.

        Args:
            usable: Whether it serves all that was asked of it.
            waiting: Whether something has not come for the first time yet.
        """
        trouble = self.trouble()
        if waiting and trouble is None:
            return SourceState.STARTING
        if not usable:
            return SourceState.UNAVAILABLE
        late = self.urgency() >= Urgency.URGENT
        return SourceState.STALE if trouble or late else SourceState.HEALTHY

    # ---- the log ----

    def look(self) -> bool:
        """Look at the clock, and tell what is more urgent than before.

        Returns:
            Whether it is.
        """
        found = self.identity()
        if found is None or found.svid.chain[0] != self._about:
            self._about = b"" if found is None else found.svid.chain[0]
            self.told = Urgency.FRESH
        urgency = self.urgency()
        if found is None or urgency <= self.told:
            return False
        self.told = urgency
        left = (found.ends - self.now()).total_seconds()
        _LOGGER.log(
            _LEVELS[urgency],
            "%s: %s was not renewed, and %s at %s: %s",
            self.origin.name,
            found.svid.spiffe_id,
            "ends" if left > 0 else "ended",
            _at(found.ends),
            self.origin.says(self.trouble()),
            extra={
                "spiffe_id": str(found.svid.spiffe_id),
                "urgency": int(urgency),
                "expires_in": left,
            },
        )
        return True
