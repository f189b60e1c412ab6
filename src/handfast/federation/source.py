# SPDX-License-Identifier: Apache-2.0
"""A source that trusts the federated trust domains, too."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from handfast.federation.known import Federated
    from handfast.sources.base import Source, SourceSnapshot

__all__ = ["FederatedSource"]


class _Federation(Protocol):
    @property
    def current(self) -> Federated:
        """The newest documents."""
        ...


class FederatedSource:
    """Another source's identity and bundles, and the bundles of a federation.

    The own trust domain's bundle is always the source's. Of any other trust domain that
    both know, the federation's is taken, as somebody configured it for exactly that;
    the two are never merged (FED-09).

    Args:
        source: Who we are.
        federation: A `FederationManager`.
    """

    def __init__(self, source: Source, federation: _Federation) -> None:
        self._source = source
        self._federation = federation
        self._lock = threading.Lock()
        self._made_of: tuple[int, int] | None = None
        self._snapshot: SourceSnapshot | None = None

    def snapshot(self) -> SourceSnapshot:
        """Return the newest snapshot; its generation grows with either's.

        Raises:
            SourceError: The source has none.
        """
        # All of it in the lock: what one thread saw first must not be published last.
        with self._lock:
            own = self._source.snapshot()
            federated = self._federation.current
            made_of = own.generation, federated.generation
            last = self._snapshot
            if last is not None and self._made_of == made_of:
                return last
            bundles = own.bundles
            for bundle in federated.bundles:
                if bundle.trust_domain != own.svid.spiffe_id.trust_domain:
                    bundles = bundles.with_bundle(bundle)
            self._made_of = made_of
            self._snapshot = dataclasses.replace(
                own,
                bundles=bundles,
                generation=1 if last is None else last.generation + 1,
            )
            return self._snapshot
