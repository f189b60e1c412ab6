# SPDX-License-Identifier: Apache-2.0
"""Fetching bundles when they are due, and judging them against the last ones.

Invariants:
    1. What is taken came from the endpoint that is configured for exactly its trust
       domain, and is not older than the last one (FED-07).
    2. A failed fetch changes nothing but the counters, and is tried again when the next
       one is due, not before (FED-53).
    3. Whatever a server says, it ends no program: what we have not thought of is an
       `InternalError`, and its cause is in the log (F2).
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from handfast.errors import HandfastError, InternalError, Reason, detail_for
from handfast.federation import log
from handfast.federation.endpoint import HttpsSpiffe
from handfast.federation.fetch import fetch_bundle
from handfast.federation.known import Known

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handfast.bundle import TrustBundle
    from handfast.federation.endpoint import BundleEndpoint
    from handfast.federation.fetch import Fetched, Secure
    from handfast.federation.relationship import Relationship
    from handfast.federation.relationships import Relationships

__all__ = ["Polling"]

_AT_ONCE: Final = 8


class Polling:
    """Fetches for relationships, few at once.

    Args:
        relationships: Where what was fetched goes.
        secure: Does the TLS.
        timeout: Seconds for one fetch.
        now: The clock.
    """

    def __init__(
        self,
        relationships: Relationships,
        secure: Secure,
        timeout: float,
        now: Callable[[], datetime],
    ) -> None:
        self._relationships = relationships
        self._secure = secure
        self._timeout = timeout
        self._now = now
        self._places = trio.CapacityLimiter(_AT_ONCE)

    async def poll(self, relationship: Relationship) -> None:
        """Fetch whenever it is due, for as long as the relationship goes on.

        Cancellation: nothing has changed by the fetch that was under way.
        """
        with trio.CancelScope() as relationship.polling:
            while self._relationships.goes_on(relationship):
                await self._wait_verifiable(relationship)
                with suppress(HandfastError):  # counted and logged
                    await self.fetch(relationship)
                await trio.sleep(relationship.interval)

    async def fetch(self, relationship: Relationship) -> bool:
        """Fetch now; True when it is another bundle than before.

        Cancellation: nothing has changed.

        Raises:
            HandfastError: As `fetch_bundle`; the old bundle stays in use.
        """
        endpoint, tally = relationship.endpoint, relationship.tally
        async with relationship.changing, self._places:
            begin = time.monotonic()
            try:
                fetched = await self._fetched(endpoint)
                fetched.document.check_replaces(relationship.document)
            except HandfastError as error:
                tally.bad(self._now(), error)
                log.log_failed(
                    endpoint,
                    error,
                    time.monotonic() - begin,
                    in_a_row=tally.failures_in_a_row,
                )
                self._relationships.newest.tell_attempt()
                raise
            url, now = str(endpoint.url), self._now()
            known = Known(
                document=fetched.document, body=fetched.body, url=url, fetched_at=now
            )
            changed = await self._relationships.take(relationship, known)
            tally.good(self._now(), changed=changed)
            log.log_fetched(
                endpoint, fetched, time.monotonic() - begin, changed=changed
            )
            return changed

    async def _fetched(self, endpoint: BundleEndpoint) -> Fetched:
        try:
            return await fetch_bundle(
                endpoint,
                secure=self._secure,
                trusted=self._trusted(endpoint),
                timeout=self._timeout,
            )
        except HandfastError:
            raise
        except Exception as error:
            detail = detail_for(Reason.INTERNAL, seen=type(error).__name__)
            raise InternalError(detail) from error

    async def _wait_verifiable(self, relationship: Relationship) -> None:
        """Wait for the bundle of an endpoint that is in a third trust domain."""
        profile = relationship.endpoint.profile
        if not isinstance(profile, HttpsSpiffe) or profile.bundle is not None:
            return
        domain, newest = profile.endpoint_id.trust_domain, self._relationships.newest
        if domain not in newest.current.bundles:
            relationship.tally.last_failure = f"no bundle of {domain} yet"
            log.log_waiting(relationship.endpoint, domain)
        while domain not in (current := newest.current).bundles:
            await newest.wait_changed(current.generation)

    def _trusted(self, endpoint: BundleEndpoint) -> TrustBundle | None:
        """The newest bundle of the trust domain that an endpoint's ID is in."""
        if not isinstance(endpoint.profile, HttpsSpiffe):
            return None
        bundles = self._relationships.newest.current.bundles
        return bundles.get(endpoint.profile.endpoint_id.trust_domain)
