# SPDX-License-Identifier: Apache-2.0
"""How federations are doing: counted for each, for metrics and health checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handfast.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from handfast.errors import HandfastError
    from handfast.ids import TrustDomain

__all__ = ["EndpointStatistics", "FederationStatistics", "Tally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatistics:
    """One relationship so far.

    Attributes:
        trust_domain: Whose bundle.
        url: Where from.
        profile: ``https_web`` or ``https_spiffe``.
        fetches: Fetches that brought a bundle which may be used.
        changes: Those of them that brought another one than before.
        failures: Fetches that brought none, by reason.
        failures_in_a_row: How many of them were the last ones.
        rollbacks: Bundles that were refused as older ones; among the failures, too.
        last_failure: What the last failure said; None when the last fetch was good.
        sequence: ``spiffe_sequence`` of the bundle; None without one.
        x509_authorities: X.509 authorities in it.
        jwt_authorities: JWT authorities in it.
        fetched_at: When it was fetched last; None without one.
        attempted_at: When the last fetch ended, good or bad.
        interval: Seconds between polls now.
        is_stale: Whether there is no bundle, or it is three intervals old. A stale
            bundle stays in use: see `FederationManager`.
    """

    trust_domain: TrustDomain
    url: str
    profile: str
    fetches: int
    changes: int
    failures: Mapping[Reason, int]
    failures_in_a_row: int
    rollbacks: int
    last_failure: str | None
    sequence: int | None
    x509_authorities: int
    jwt_authorities: int
    fetched_at: datetime | None
    attempted_at: datetime | None
    interval: float
    is_stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationStatistics:
    """All relationships so far.

    Attributes:
        endpoints: One for each, in the order in which they were added.
        generation: How often the set of bundles has changed.
        unsaved: Changes that could not be written to the state.
    """

    endpoints: tuple[EndpointStatistics, ...]
    generation: int
    unsaved: int

    @property
    def is_healthy(self) -> bool:
        """Whether every relationship has a bundle that is not stale."""
        return not any(endpoint.is_stale for endpoint in self.endpoints)


@dataclass(slots=True)
class Tally:
    """What is counted for one relationship."""

    fetches: int = 0
    changes: int = 0
    failures: Counter[Reason] = field(default_factory=Counter[Reason])
    failures_in_a_row: int = 0
    last_failure: str | None = None
    attempted_at: datetime | None = None

    def good(self, at: datetime, *, changed: bool) -> None:
        """Count a fetch that brought a bundle."""
        self.fetches += 1
        self.changes += changed
        self.failures_in_a_row = 0
        self.last_failure = None
        self.attempted_at = at

    def bad(self, at: datetime, error: HandfastError) -> None:
        """Count a fetch that brought none."""
        self.failures[error.reason] += 1
        self.failures_in_a_row += 1
        self.last_failure = f"{error.reason}: {error}"
        self.attempted_at = at

    @property
    def rollbacks(self) -> int:
        """How often an older bundle came."""
        return self.failures[Reason.BUNDLE_ROLLBACK]
