# SPDX-License-Identifier: Apache-2.0
"""An identity that somebody else keeps: in memory, replaced by hand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from handfast import _settings
from handfast.crls import NO_LISTS, RevocationLists
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
        crls: Revocation lists, for configurations that ask them.

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
        *,
        crls: RevocationLists = NO_LISTS,
    ) -> None:
        self._lock = threading.Lock()
        self._snapshot = SourceSnapshot(
            svid=svid, bundles=_settings.as_bundle_set(bundles), generation=1, crls=crls
        )

    def snapshot(self) -> SourceSnapshot:
        """Return the newest snapshot."""
        return self._snapshot

    def update(
        self,
        *,
        svid: X509Svid | None = None,
        bundles: TrustBundleSet | TrustBundle | Iterable[TrustBundle] | None = None,
        crls: RevocationLists | None = None,
    ) -> None:
        """Replace our identity, the bundles, the lists, or several at once.

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
                crls=old.crls if crls is None else crls,
            )
