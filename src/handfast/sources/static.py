# SPDX-License-Identifier: Apache-2.0
"""An identity that somebody else keeps: in memory, replaced by hand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from handfast import _settings
from handfast.sources.base import SourceSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handfast.bundle import TrustBundle, TrustBundleSet
    from handfast.svid import X509Svid

__all__ = ["StaticSource"]


class StaticSource:
    """A source in memory.

    Args:
        svid: Our own identity.
        bundles: Whom we trust: one bundle, several, or a set.

    Example:
        >>> from handfast import StaticSource
        >>> from handfast.authority import Authority
        >>> authority = Authority("prod.example.com")
        >>> svid = authority.issue("spiffe://prod.example.com/web")
        >>> source = StaticSource(svid, authority.bundle)
        >>> source.snapshot().generation
        1
        >>> source.update(svid=authority.issue("spiffe://prod.example.com/web"))
        >>> source.snapshot().generation
        2
    """

    __slots__ = ("_lock", "_snapshot")

    def __init__(
        self,
        svid: X509Svid,
        bundles: TrustBundleSet | TrustBundle | Iterable[TrustBundle],
    ) -> None:
        self._lock = threading.Lock()
        self._snapshot = SourceSnapshot(
            svid=svid, bundles=_settings.as_bundle_set(bundles), generation=1
        )

    def snapshot(self) -> SourceSnapshot:
        """Return the newest snapshot."""
        return self._snapshot

    def update(
        self,
        *,
        svid: X509Svid | None = None,
        bundles: TrustBundleSet | TrustBundle | Iterable[TrustBundle] | None = None,
    ) -> None:
        """Replace our identity, the bundles, or both at once.

        Connections made from now on use the new ones; a handshake that has begun ends
        on the old ones (P5).

        Raises:
            InvalidBundle: two bundles are of one trust domain; nothing is changed then.
        """
        trusted = None if bundles is None else _settings.as_bundle_set(bundles)
        with self._lock:
            old = self._snapshot
            self._snapshot = SourceSnapshot(
                svid=old.svid if svid is None else svid,
                bundles=old.bundles if trusted is None else trusted,
                generation=old.generation + 1,
            )
