# SPDX-License-Identifier: Apache-2.0
"""An authority's federated bundles, kept as a manager fetches them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from handfast.errors import HandfastError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handfast.bundle_document import BundleDocument
    from handfast.federation.manager import FederationManager
    from handfast.ids import TrustDomain

__all__ = ["follow"]

_LOGGER = logging.getLogger("handfast.federation")


class _Keeper(Protocol):
    """Where an authority keeps them: its `FederatedBundles`."""

    def put(self, trust_domain: TrustDomain, document: bytes) -> None:
        """Take one."""
        ...


async def follow(
    manager: FederationManager, keeper: _Keeper, changed: Callable[[], None]
) -> None:
    """Hand on every change, until cancelled.

    Other bundles that are there, put there by hand, are left alone. What ends is told
    by the manager's `forget=`.

    Args:
        manager: What fetches; it runs.
        keeper: Where the bundles go.
        changed: Is called after changes, to have workloads told.

    Cancellation: what was handed on stays.
    """
    last: Mapping[TrustDomain, BundleDocument] = {}
    while True:
        current = manager.current
        for domain, document in current.documents.items():
            if last.get(domain) == document:
                continue
            try:
                keeper.put(domain, document.to_json())
            except HandfastError as error:
                # Somebody has put a newer one there by hand, or it is our own.
                _LOGGER.warning("bundle of %s is not handed on: %s", domain, error)
            else:
                _LOGGER.info("bundle of %s was handed on", domain)
        last = current.documents
        changed()
        await manager.wait_changed(current.generation)
