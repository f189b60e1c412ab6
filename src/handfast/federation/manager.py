# SPDX-License-Identifier: Apache-2.0
"""Many endpoints, watched: the newest bundle of each, and word of every change.

Invariants:
    1. There is at most one bundle a trust domain, and it came from the endpoint that is
       configured for exactly that one. Nothing is ever merged (FED-09).
    2. What is published was judged: a bundle older than the last one is not (FED-07).
    3. A failed fetch changes nothing but the counters, and is tried again when the next
       one is due, not before (FED-53).
    4. A relationship that ended leaves nothing: no bundle, no poll, no file (FED-54). A
       fetch that was under way then is thrown away.
    5. `_current` is never changed, only replaced: any thread may read it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import trio

from handfast import _settings
from handfast._clock import utc_now
from handfast.bundle import TrustBundle
from handfast.bundle_document import BundleDocument
from handfast.bundle_set import as_trust_domain
from handfast.errors import (
    HandfastError,
    Reason,
    UsageError,
    detail_for,
)
from handfast.federation import log
from handfast.federation.endpoint import BundleEndpoint, HttpsSpiffe
from handfast.federation.fetch import TIMEOUT, fetch_bundle
from handfast.federation.known import Federated, Known
from handfast.federation.relationship import Limits, Relationship, not_ready
from handfast.federation.state import FederationState
from handfast.federation.statistics import FederationStatistics

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from handfast.bundle import TrustBundleSet
    from handfast.federation.fetch import Secure
    from handfast.ids import TrustDomain

__all__ = ["FederationManager"]

_MIN_INTERVAL: Final = 60.0
_MAX_INTERVAL: Final = 86400.0
_AT_ONCE: Final = 8


class FederationManager:
    """Fetches bundles of other trust domains, and keeps them fresh.

    When an endpoint fails, its last bundle stays in use, and `statistics()` says how
    old it is. The standard sets no end to that: a bundle is a statement of who may
    speak for a trust domain, and no news does not change it. Whoever wants an end looks
    at `is_stale` and calls `remove`.

    Args:
        endpoints: The relationships; `add` and `remove` change them later.
        secure: Does the TLS: `handfast.net.secure_endpoint`.
        state: A directory of our own to keep the latest bundles in; None forgets them
            at the end, and with them which ones are old.
        timeout: Seconds for one fetch.
        min_interval: Seconds between polls at least, whatever an endpoint hints.
        max_interval: And at most.
        forget: Told of each trust domain whose relationship has ended, also while
            nothing ran, before its file goes: for bundles that were handed on.
        now: The clock, for tests: gives aware times.

    Raises:
        ConfigError: Two endpoints are for one trust domain, or a limit is not one.

    Example:
        A task of the program's own::

            async with trio.open_nursery() as nursery:
                manager = FederationManager([endpoint], secure=secure_endpoint)
                await nursery.start(manager.run)
                await manager.wait_ready(30)
                source = FederatedSource(own_source, manager)
    """

    def __init__(  # noqa: PLR0913 - all by keyword
        self,
        endpoints: Iterable[BundleEndpoint] = (),
        *,
        secure: Secure,
        state: Path | str | None = None,
        timeout: float = TIMEOUT,
        min_interval: float = _MIN_INTERVAL,
        max_interval: float = _MAX_INTERVAL,
        forget: Callable[[TrustDomain], object] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if not timeout > 0:
            _settings.refuse("timeout= above 0", timeout)
        if not 0 < min_interval <= max_interval:
            _settings.refuse(
                "min_interval= above 0 and not above max_interval=",
                f"{min_interval} and {max_interval}",
            )
        self._secure = secure
        self._state = None if state is None else FederationState(state)
        self._timeout = timeout
        self._limits = Limits(min_interval, max_interval)
        self._now = now
        self._relationships: dict[TrustDomain, Relationship] = {}
        self._current = Federated()
        self._change = trio.Event()
        self._attempt = trio.Event()
        self._places = trio.CapacityLimiter(_AT_ONCE)
        self._running = False
        self._nursery: trio.Nursery | None = None
        self._unsaved = 0
        self._forget = forget
        for endpoint in endpoints:
            self.add(endpoint)

    # ---- what is known ----

    @property
    def current(self) -> Federated:
        """All that is known, as it belongs together; for any thread."""
        return self._current

    @property
    def bundles(self) -> TrustBundleSet:
        """The newest bundle of each trust domain that has one."""
        return self._current.bundles

    async def wait_changed(self, generation: int) -> int:
        """Wait until the bundles are others than at a generation; return the new one.

        Cancellation: nothing has happened.
        """
        await trio.lowlevel.checkpoint()
        while self._current.generation == generation:
            await self._change.wait()
        return self._current.generation

    async def wait_ready(self, timeout: float) -> None:  # noqa: ASYNC109 - it says why
        """Wait until every relationship has a bundle.

        Args:
            timeout: Seconds to wait.

        Cancellation: nothing has happened.

        Raises:
            FederationError: Time is over; it says which are missing, and why.
        """
        await trio.lowlevel.checkpoint()
        with trio.move_on_after(timeout):
            while self._missing():
                await self._attempt.wait()
            return
        raise not_ready(self._missing(), timeout)

    def statistics(self) -> FederationStatistics:
        """Return how it went so far."""
        return FederationStatistics(
            endpoints=tuple(
                it.statistics(self._now()) for it in self._relationships.values()
            ),
            generation=self._current.generation,
            unsaved=self._unsaved,
        )

    # ---- relationships ----

    def add(self, endpoint: BundleEndpoint) -> None:
        """Begin a relationship; it is polled as soon as `run` runs.

        Raises:
            ConfigError: There is one with this trust domain.
        """
        if endpoint.trust_domain in self._relationships:
            _settings.refuse(
                "one endpoint a trust domain: remove() the old one first",
                f"a second one for {endpoint.trust_domain}",
            )
        relationship = Relationship(endpoint, self._limits)
        self._relationships[endpoint.trust_domain] = relationship
        if self._nursery is not None:
            self._nursery.start_soon(self._poll, relationship)

    async def remove(self, trust_domain: TrustDomain | str) -> None:
        """End a relationship: its bundle is gone from everywhere when this returns.

        Cancellation: the bundle is out of use, its file may be left until the next
        `run`, which removes it.

        Raises:
            KeyError: There is none with this trust domain.
            OSError: The file of its state cannot be removed.
        """
        relationship = self._relationships.pop(as_trust_domain(trust_domain))
        relationship.polling.cancel()
        self._publish()
        async with relationship.changing:
            await self._end(relationship.endpoint.trust_domain)

    async def override(self, bundle: BundleDocument | TrustBundle) -> None:
        """Put a bundle in by hand; the next fetch that brings one replaces it (FED-08).

        The way out when a publisher has lost its sequence numbers: one without a number
        is followed by any other.

        Cancellation: it may or may not have been put in.

        Raises:
            KeyError: There is no relationship with its trust domain.
        """
        if isinstance(bundle, TrustBundle):
            bundle = BundleDocument.of(bundle)
        relationship = self._relationships[bundle.trust_domain]
        async with relationship.changing:
            log.log_override(bundle.trust_domain, bundle.sequence)
            body, now = bundle.to_json(), self._now()
            known = Known(document=bundle, body=body, url="", fetched_at=now)
            await self._take(relationship, known)

    async def refresh(self, trust_domain: TrustDomain | str) -> bool:
        """Fetch a bundle now; True when it is another one than before.

        Cancellation: nothing has changed.

        Raises:
            KeyError: There is no relationship with this trust domain.
            HandfastError: As `fetch_bundle`; the old bundle stays in use.
        """
        return await self._fetch(self._relationships[as_trust_domain(trust_domain)])

    # ---- the task ----

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Read the state, then poll until cancelled.

        Args:
            task_status: `nursery.start` returns when the state was read: what is known
                from before is in `bundles` then.

        Cancellation: fetches are stopped; what is known stays readable.

        Raises:
            FederationError: The state is damaged; it was left as it is.
            OSError: The state cannot be read.
            UsageError: It runs already.
        """
        if self._running:
            detail = detail_for(
                Reason.WRONG_STATE, expected="one run at a time", seen="a second one"
            )
            raise UsageError(detail)
        self._running = True
        try:
            await self._load()
            async with trio.open_nursery() as self._nursery:
                for relationship in self._relationships.values():
                    self._nursery.start_soon(self._poll, relationship)
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery, self._running = None, False

    async def _load(self) -> None:
        if self._state is None:
            return
        found = await trio.to_thread.run_sync(self._state.load)
        for domain, known in found.items():
            relationship = self._relationships.get(domain)
            if relationship is None:
                await self._end(domain)  # it ended while we did not run
            elif relationship.known is None:
                relationship.known = known
        self._publish()

    async def _end(self, domain: TrustDomain) -> None:
        log.log_ended(domain)
        if self._forget is not None:
            self._forget(domain)
        if self._state is not None:
            await trio.to_thread.run_sync(self._state.remove, domain)

    async def _poll(self, relationship: Relationship) -> None:
        with trio.CancelScope() as relationship.polling:
            while self._goes_on(relationship):
                await self._wait_verifiable(relationship)
                with suppress(HandfastError):  # counted and logged
                    await self._fetch(relationship)
                await trio.sleep(relationship.interval)

    def _goes_on(self, relationship: Relationship) -> bool:
        domain = relationship.endpoint.trust_domain
        return self._relationships.get(domain) is relationship

    async def _wait_verifiable(self, relationship: Relationship) -> None:
        """Wait for the bundle of an endpoint that is in a third trust domain."""
        profile = relationship.endpoint.profile
        if not isinstance(profile, HttpsSpiffe) or profile.bundle is not None:
            return
        domain = profile.endpoint_id.trust_domain
        if domain not in self.bundles:
            relationship.tally.last_failure = f"no bundle of {domain} yet"
            log.log_waiting(relationship.endpoint, domain)
        while domain not in self.bundles:
            await self._change.wait()

    async def _fetch(self, relationship: Relationship) -> bool:
        endpoint, tally = relationship.endpoint, relationship.tally
        async with relationship.changing, self._places:
            begin = time.monotonic()
            try:
                fetched = await fetch_bundle(
                    endpoint,
                    secure=self._secure,
                    trusted=self._trusted(endpoint),
                    timeout=self._timeout,
                )
                fetched.document.check_replaces(relationship.document)
            except HandfastError as error:
                tally.bad(self._now(), error)
                log.log_failed(
                    endpoint,
                    error,
                    time.monotonic() - begin,
                    in_a_row=tally.failures_in_a_row,
                )
                self._tell_attempt()
                raise
            url, now = str(endpoint.url), self._now()
            known = Known(
                document=fetched.document, body=fetched.body, url=url, fetched_at=now
            )
            changed = await self._take(relationship, known)
            tally.good(self._now(), changed=changed)
            log.log_fetched(
                endpoint, fetched, time.monotonic() - begin, changed=changed
            )
            return changed

    def _trusted(self, endpoint: BundleEndpoint) -> TrustBundle | None:
        """The newest bundle of the trust domain that an endpoint's ID is in."""
        if not isinstance(endpoint.profile, HttpsSpiffe):
            return None
        return self.bundles.get(endpoint.profile.endpoint_id.trust_domain)

    async def _take(self, relationship: Relationship, known: Known) -> bool:
        """Keep a bundle and publish it, unless the relationship has ended."""
        if not self._goes_on(relationship):
            return False
        if self._state is not None:
            try:
                # What is in use is on the disk, also when we are cancelled just now.
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(self._state.save, known)
            except OSError as error:
                self._unsaved += 1
                log.log_unsaved(known.document.trust_domain, error)
        if not self._goes_on(relationship):
            return False  # ended meanwhile: who ended it removes the file next
        changed = known.document != relationship.document
        relationship.known = known
        self._publish()
        return changed

    def _publish(self) -> None:
        documents = {
            domain: it.document
            for domain, it in self._relationships.items()
            if it.document is not None
        }
        by_hand = frozenset(
            domain
            for domain, it in self._relationships.items()
            if it.known is not None and it.known.is_override
        )
        old = self._current
        if (documents, by_hand) != (old.documents, old.overrides):
            self._current = Federated(
                old.generation + 1, MappingProxyType(documents), by_hand
            )
            self._change.set()
            self._change = trio.Event()
        self._tell_attempt()

    def _tell_attempt(self) -> None:
        self._attempt.set()
        self._attempt = trio.Event()

    def _missing(self) -> list[Relationship]:
        return [it for it in self._relationships.values() if it.known is None]
