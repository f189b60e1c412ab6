# SPDX-License-Identifier: Apache-2.0
"""How a source of identity is doing: the same questions for every kind of source."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["SourceHealth", "SourceState"]


class SourceState(enum.StrEnum):
    """Where a source stands."""

    #: Nothing has come yet.
    STARTING = "starting"
    #: What it has is the newest.
    HEALTHY = "healthy"
    #: What was good before still serves, but the last attempt failed, or an agent's
    #: renewal is late.
    STALE = "stale"
    #: There is nothing that may still be used.
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """A source at one moment.

    Attributes:
        state: Where it stands.
        generation: Of the snapshot that it serves; 0 when it has none.
        updated_at: When that was last confirmed to be the newest.
        expires_at: When our SVID in it ends.
        failure: What the last attempt failed with; None when it did not fail.
        failed_at: When that was.

    Example:
        >>> SourceHealth(state=SourceState.STARTING).ok
        False
    """

    state: SourceState
    generation: int = 0
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    failure: Exception | None = None
    failed_at: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether it serves an identity, be it not the newest."""
        return self.state in {SourceState.HEALTHY, SourceState.STALE}

    def age(self, now: datetime | None = None) -> timedelta | None:
        """How long ago the snapshot was known to be the newest; None without one."""
        if self.updated_at is None:
            return None
        return (now or datetime.now(UTC)) - self.updated_at
