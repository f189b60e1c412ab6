# SPDX-License-Identifier: Apache-2.0
"""How a source of identity is doing: the same questions for every kind of source."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from handfast.sources.ageing import Urgency

__all__ = ["SourceHealth", "SourceState", "SourceStatistics"]


class SourceState(enum.StrEnum):
    """Where a source stands."""

    #: Nothing has come yet.
    STARTING = "starting"
    #: What it has is the newest.
    HEALTHY = "healthy"
    #: What was good before still serves, but the last attempt failed, or its renewal
    #: is late.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatistics:
    """What metrics are made of: the same for every source that is renewed.

    Attributes:
        generation: Of the snapshot; 0 before the first.
        age: Seconds since what it has was last known to be the newest; None before.
        expires_in: Seconds until our identity ends; None without one, negative after.
        urgency: How late its renewal is; grows from 0 to 4.
        failures: Attempts that failed since the beginning, by gRPC status or reason.
        trouble: Why nothing new comes, in words; None when all is well.
    """

    generation: int
    age: float | None
    expires_in: float | None
    urgency: Urgency
    failures: Mapping[str, int]
    trouble: str | None
