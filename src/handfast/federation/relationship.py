# SPDX-License-Identifier: Apache-2.0
"""One relationship from the inside: its endpoint, what is known by it, how it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from handfast.errors import FederationError, Reason, detail_for
from handfast.federation.known import interval_of
from handfast.federation.statistics import EndpointStatistics, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from handfast.bundle_document import BundleDocument
    from handfast.federation.endpoint import BundleEndpoint
    from handfast.federation.known import Known

__all__ = ["Limits", "Relationship", "not_ready"]

_STALE_AFTER: Final = 3  # intervals


class Limits(NamedTuple):
    """Seconds between polls, whatever a publisher hints."""

    least: float
    most: float


class Relationship:
    """What the manager holds for each trust domain."""

    def __init__(self, endpoint: BundleEndpoint, limits: Limits) -> None:
        self.endpoint = endpoint
        self.known: Known | None = None
        self.tally = Tally()
        #: Held while something of it is fetched, replaced or removed.
        self.changing = trio.Lock()
        #: Of its task; another one each time that the manager runs.
        self.polling = trio.CancelScope()
        self._limits = limits

    @property
    def document(self) -> BundleDocument | None:
        """Its newest document."""
        return None if self.known is None else self.known.document

    @property
    def interval(self) -> float:
        """Seconds between polls now."""
        return interval_of(self.document, *self._limits)

    def statistics(self, now: datetime) -> EndpointStatistics:
        """Say how it goes."""
        tally, known, interval = self.tally, self.known, self.interval
        document = self.document
        limit = timedelta(seconds=_STALE_AFTER * interval)
        return EndpointStatistics(
            trust_domain=self.endpoint.trust_domain,
            url=str(self.endpoint.url),
            profile=self.endpoint.profile.name,
            fetches=tally.fetches,
            changes=tally.changes,
            failures=dict(tally.failures),
            failures_in_a_row=tally.failures_in_a_row,
            rollbacks=tally.rollbacks,
            last_failure=tally.last_failure,
            sequence=None if document is None else document.sequence,
            x509_authorities=0 if document is None else len(document.x509),
            jwt_authorities=0 if document is None else len(document.jwt),
            fetched_at=None if known is None else known.fetched_at,
            attempted_at=tally.attempted_at,
            interval=interval,
            is_stale=known is None or now - known.fetched_at > limit,
        )


def not_ready(missing: Iterable[Relationship], seconds: float) -> FederationError:
    """Say which bundles are not there, and why; the error is not raised here."""
    each = "; ".join(
        f"{it.endpoint.trust_domain} ({it.tally.last_failure or 'no answer yet'})"
        for it in missing
    )
    detail = detail_for(
        Reason.FEDERATION_TIMEOUT,
        expected=f"a bundle of each trust domain in {seconds:g} seconds",
        seen=f"none of {each}",
    )
    return FederationError(detail)
