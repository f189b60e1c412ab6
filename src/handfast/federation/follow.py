# SPDX-License-Identifier: Apache-2.0
"""An authority's federated bundles, kept as a manager fetches them.

Both know overrides: one of the manager's reaches the authority, and one that an
operator put into the authority reaches the manager.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from handfast.errors import HandfastError, InvalidBundle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from handfast.bundle_document import BundleDocument
    from handfast.federation.manager import FederationManager
    from handfast.ids import TrustDomain

__all__ = ["follow", "take_overrides"]

_LOGGER = logging.getLogger("handfast.federation")


class _Keeper(Protocol):
    """Where an authority keeps them: its `FederatedBundles`."""

    @property
    def overrides(self) -> Iterable[BundleDocument]:
        """Those that were put in there by hand, against the order."""
        ...

    def put(
        self, trust_domain: TrustDomain, document: bytes, *, override: bool = False
    ) -> None:
        """Take one; an override whatever its sequence number is."""
        ...


async def follow(
    manager: FederationManager, keeper: _Keeper, changed: Callable[[], None]
) -> None:
    """Hand on every change, until cancelled.

    Other bundles that are there, put there by hand, are left alone. What ends is told
    by the manager's `forget=`. An override (FED-08) is handed on whatever its number
    is, but for one from before: since then somebody may have put in another there.

    Args:
        manager: What fetches; it runs.
        keeper: Where the bundles go.
        changed: Is called after changes, to have workloads told.

    Cancellation: what was handed on stays.
    """
    last: Mapping[TrustDomain, BundleDocument] = {}
    before: frozenset[TrustDomain] = manager.current.overrides
    while True:
        current = manager.current
        for domain, document in current.documents.items():
            if last.get(domain) == document:
                continue
            override = domain in current.overrides - before
            try:
                keeper.put(domain, document.to_json(), override=override)
            except HandfastError as error:
                # Somebody has put a newer one there by hand, or it is our own.
                _LOGGER.warning("bundle of %s is not handed on: %s", domain, error)
            else:
                _LOGGER.info("bundle of %s was handed on", domain)
        last = current.documents
        before = frozenset()
        changed()
        await manager.wait_changed(current.generation)


async def take_overrides(
    manager: FederationManager, keeper: _Keeper, changed: Callable[[], Awaitable[None]]
) -> None:
    """Tell a manager what people put into an authority by hand, until cancelled.

    Else it would go on comparing what it fetches with what it fetched before, and a
    publisher that has lost its sequence numbers would never be heard again.

    Args:
        manager: What fetches; it runs.
        keeper: Where an override was put.
        changed: Waits until one may have been.

    Cancellation: what was told stays.
    """
    seen: dict[TrustDomain, BundleDocument] = {}
    while True:
        found = {one.trust_domain: one for one in keeper.overrides}
        for domain, document in found.items():
            known = manager.current.documents.get(domain)
            if document not in (known, seen.get(domain)):
                try:
                    await manager.override(document)
                except KeyError:
                    pass  # nobody fetches this one
                except InvalidBundle as error:
                    _LOGGER.warning("bundle of %s is not taken: %s", domain, error)
        seen = found
        await changed()
