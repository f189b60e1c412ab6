# SPDX-License-Identifier: Apache-2.0
"""All relationships of a manager: which there are, and what is known by them.

Invariants:
    1. There is at most one bundle a trust domain (FED-09).
    2. What is published is on the disk first, where there is one to keep it.
    3. A relationship that ended leaves nothing: what comes for it later is thrown away,
       and its file is removed (FED-54).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from handfast import _settings
from handfast.federation import log
from handfast.federation.newest import Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handfast.federation.known import Known
    from handfast.federation.relationship import Relationship
    from handfast.federation.state import FederationState
    from handfast.ids import TrustDomain

__all__ = ["Relationships"]


class Relationships:
    """The relationships by trust domain; what they know is kept and published.

    Args:
        state: Where the latest bundles are kept; None keeps none.
        forget: Told of each trust domain whose relationship has ended.
    """

    def __init__(
        self,
        state: FederationState | None,
        forget: Callable[[TrustDomain], object] | None,
    ) -> None:
        self._state = state
        self._forget = forget
        self._all: dict[TrustDomain, Relationship] = {}
        self.newest = Newest()
        #: Bundles that are in use and could not be written.
        self.unsaved = 0

    def __iter__(self) -> Iterator[Relationship]:
        return iter(self._all.values())

    def __getitem__(self, domain: TrustDomain) -> Relationship:
        return self._all[domain]

    def goes_on(self, relationship: Relationship) -> bool:
        """Whether it has not ended; another one with its trust domain is not it."""
        return self._all.get(relationship.endpoint.trust_domain) is relationship

    def missing(self) -> list[Relationship]:
        """Those that have no bundle yet."""
        return [it for it in self if it.known is None]

    def add(self, relationship: Relationship) -> None:
        """Begin one.

        Raises:
            ConfigError: There is one with this trust domain.
        """
        domain = relationship.endpoint.trust_domain
        if domain in self._all:
            _settings.refuse(
                "one endpoint a trust domain: remove() the old one first",
                f"a second one for {domain}",
            )
        self._all[domain] = relationship

    async def remove(self, domain: TrustDomain) -> None:
        """End one: its bundle is gone from everywhere when this returns.

        Cancellation: the bundle is out of use, its file may be left until `load`.

        Raises:
            KeyError: There is none with this trust domain.
            OSError: The file of its state cannot be removed.
        """
        relationship = self._all.pop(domain)
        relationship.polling.cancel()
        self._publish()
        async with relationship.changing:
            await self._end(domain)

    async def load(self) -> None:
        """Take what is known from before, and end what ended meanwhile.

        Cancellation: nothing has been published.

        Raises:
            FederationError: The state is damaged; it was left as it is.
            OSError: The state cannot be read.
        """
        if self._state is None:
            return
        found = await trio.to_thread.run_sync(self._state.load)
        for domain, known in found.items():
            relationship = self._all.get(domain)
            if relationship is None:
                await self._end(domain)  # it ended while we did not run
            elif relationship.known is None:
                relationship.known = known
        self._publish()

    async def take(self, relationship: Relationship, known: Known) -> bool:
        """Keep a bundle and publish it, unless the relationship has ended.

        Returns:
            Whether it is another one than before.

        Cancellation: it may or may not have been taken.
        """
        if not self.goes_on(relationship):
            return False
        if self._state is not None:
            try:
                # What is in use is on the disk, also when we are cancelled just now.
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(self._state.save, known)
            except OSError as error:
                self.unsaved += 1
                log.log_unsaved(known.document.trust_domain, error)
        if not self.goes_on(relationship):
            return False  # ended meanwhile: who ended it removes the file next
        changed = known.document != relationship.document
        relationship.known = known
        self._publish()
        return changed

    async def _end(self, domain: TrustDomain) -> None:
        log.log_ended(domain)
        if self._forget is not None:
            self._forget(domain)
        if self._state is not None:
            await trio.to_thread.run_sync(self._state.remove, domain)

    def _publish(self) -> None:
        self.newest.publish(
            {
                domain: it.known
                for domain, it in self._all.items()
                if it.known is not None
            }
        )
