# SPDX-License-Identifier: Apache-2.0
"""Many endpoints, watched: the newest bundle of each, and word of every change.

What is done where: `relationships` holds which there are, keeps what they know on disk
and publishes it (`newest`); `polling` fetches; the manager is what programs hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from handfast import _settings
from handfast._clock import utc_now
from handfast.bundle import TrustBundle
from handfast.bundle_document import BundleDocument
from handfast.bundle_set import as_trust_domain
from handfast.errors import Reason, UsageError, detail_for
from handfast.federation import log
from handfast.federation.fetch import TIMEOUT
from handfast.federation.known import Known
from handfast.federation.polling import Polling
from handfast.federation.relationship import Limits, Relationship, not_ready
from handfast.federation.relationships import Relationships
from handfast.federation.state import FederationState
from handfast.federation.statistics import FederationStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from handfast.bundle import TrustBundleSet
    from handfast.federation.endpoint import BundleEndpoint
    from handfast.federation.fetch import Secure
    from handfast.federation.known import Federated
    from handfast.ids import TrustDomain

__all__ = ["FederationManager"]

_MIN_INTERVAL: Final = 60.0
_MAX_INTERVAL: Final = 86400.0


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
        self._limits = Limits(min_interval, max_interval)
        self._now = now
        self._relationships = Relationships(
            None if state is None else FederationState(state), forget
        )
        self._polling = Polling(self._relationships, secure, timeout, now)
        self._newest = self._relationships.newest
        self._running = False
        self._nursery: trio.Nursery | None = None
        for endpoint in endpoints:
            self.add(endpoint)

    # ---- what is known ----

    @property
    def current(self) -> Federated:
        """All that is known, as it belongs together; for any thread."""
        return self._newest.current

    @property
    def bundles(self) -> TrustBundleSet:
        """The newest bundle of each trust domain that has one."""
        return self._newest.current.bundles

    async def wait_changed(self, generation: int) -> int:
        """Wait until the bundles are others than at a generation; return the new one.

        Cancellation: nothing has happened.
        """
        return await self._newest.wait_changed(generation)

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
            while self._relationships.missing():
                await self._newest.wait_attempt()
            return
        raise not_ready(self._relationships.missing(), timeout)

    def statistics(self) -> FederationStatistics:
        """Return how it went so far."""
        return FederationStatistics(
            endpoints=tuple(it.statistics(self._now()) for it in self._relationships),
            generation=self.current.generation,
            unsaved=self._relationships.unsaved,
        )

    # ---- relationships ----

    def add(self, endpoint: BundleEndpoint) -> None:
        """Begin a relationship; it is polled as soon as `run` runs.

        Raises:
            ConfigError: There is one with this trust domain.
        """
        relationship = Relationship(endpoint, self._limits)
        self._relationships.add(relationship)
        if self._nursery is not None:
            self._nursery.start_soon(self._polling.poll, relationship)

    async def remove(self, trust_domain: TrustDomain | str) -> None:
        """End a relationship: its bundle is gone from everywhere when this returns.

        Cancellation: the bundle is out of use, its file may be left until the next
        `run`, which removes it.

        Raises:
            KeyError: There is none with this trust domain.
            OSError: The file of its state cannot be removed.
        """
        await self._relationships.remove(as_trust_domain(trust_domain))

    async def override(self, bundle: BundleDocument | TrustBundle) -> None:
        """Put a bundle in by hand; the next fetch that brings one replaces it (FED-08).

        The way out when a publisher has lost its sequence numbers: one without a number
        is followed by any other.

        Cancellation: it may or may not have been put in.

        Raises:
            KeyError: There is no relationship with its trust domain.
            InvalidBundle: An authority in it cannot be used.
        """
        if isinstance(bundle, TrustBundle):
            bundle = BundleDocument.of(bundle)
        relationship = self._relationships[bundle.trust_domain]
        _settings.need_usable(bundle.x509)
        async with relationship.changing:
            log.log_override(bundle.trust_domain, bundle.sequence)
            body, now = bundle.to_json(), self._now()
            known = Known(document=bundle, body=body, url="", fetched_at=now)
            await self._relationships.take(relationship, known)

    async def refresh(self, trust_domain: TrustDomain | str) -> bool:
        """Fetch a bundle now; True when it is another one than before.

        Cancellation: nothing has changed.

        Raises:
            KeyError: There is no relationship with this trust domain.
            HandfastError: As `fetch_bundle`; the old bundle stays in use.
        """
        relationship = self._relationships[as_trust_domain(trust_domain)]
        return await self._polling.fetch(relationship)

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
            await self._relationships.load()
            async with trio.open_nursery() as self._nursery:
                for relationship in self._relationships:
                    self._nursery.start_soon(self._polling.poll, relationship)
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery, self._running = None, False
