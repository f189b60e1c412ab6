# SPDX-License-Identifier: Apache-2.0
"""What a source of identity is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from handfast.crls import NO_LISTS, RevocationLists

if TYPE_CHECKING:
    from handfast.bundle import TrustBundleSet
    from handfast.svid import X509Svid

__all__ = ["Source", "SourceSnapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSnapshot:
    """Our identity and whom we trust, as they were together at one moment.

    Attributes:
        svid: Our own chain and key.
        bundles: Whom we trust, by trust domain.
        generation: Grows with each change, of either; the same number means the same
            content, so a user that has built something from it need not look again.
        svids: All identities that the source gave, the default first; empty where
            there is only ever one.
        crls: Revocation lists that came along; asked where `crl_policy=` says so.
    """

    svid: X509Svid
    bundles: TrustBundleSet
    generation: int
    svids: tuple[X509Svid, ...] = ()
    crls: RevocationLists = NO_LISTS


@runtime_checkable
class Source(Protocol):
    """Anything that has a current snapshot.

    `snapshot()` is called for each new connection, by any thread: it returns what is
    there, at once, and never waits. Old and new are swapped as a whole (P5).
    """

    def snapshot(self) -> SourceSnapshot:
        """Return the newest snapshot.

        Raises:
            SourceError: there is none yet, or none that may still be used.
        """
        ...
