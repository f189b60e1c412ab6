# SPDX-License-Identifier: Apache-2.0
"""The bundle that is known of a trust domain, and which one may take its place.

Sequence numbers order bundles (FED-07), so an older one never comes back: not by a
stale cache, and not by somebody who replays it to bring a removed authority back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from handfast.errors import FederationError, Reason, detail_for

if TYPE_CHECKING:
    from datetime import datetime

    from handfast.bundle import TrustBundle

__all__ = ["Known", "interval_of", "need_newer"]

#: Seconds between polls when the publisher says nothing (FED-05).
INTERVAL: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The latest bundle of a trust domain.

    Attributes:
        bundle: The bundle; its trust domain goes where it goes (FED-14).
        document: What was fetched, as it came.
        url: Where it was fetched from; empty for one that was put in by hand.
        fetched_at: When; of the same one again, when it came last.
    """

    bundle: TrustBundle
    document: bytes = field(repr=False)
    url: str
    fetched_at: datetime


def need_newer(new: TrustBundle, old: TrustBundle | None) -> None:
    """Insist that a fetched bundle is not older than the one that is there.

    Of two with the same number, or with none at all, the one that came last counts. One
    without a number, where the publisher had begun to set them, is from before that.

    Raises:
        FederationError: It is older.
    """
    if old is None or old.sequence is None:
        return
    if new.sequence is None or new.sequence < old.sequence:
        seen = "none" if new.sequence is None else f"{new.sequence}"
        detail = detail_for(
            Reason.FEDERATION_ROLLBACK,
            expected=f"spiffe_sequence {old.sequence} or later",
            seen=seen,
        )
        raise FederationError(detail)


def interval_of(bundle: TrustBundle | None, least: float, most: float) -> float:
    """Seconds until the next poll: the publisher's hint, between our own limits.

    Example:
        >>> from handfast import TrustBundle, TrustDomain
        >>> domain = TrustDomain.parse("a.example")
        >>> interval_of(TrustBundle(domain, refresh_hint=0), 60, 86400)
        60
        >>> interval_of(None, 60, 86400)
        300.0
    """
    hint = None if bundle is None else bundle.refresh_hint
    return min(max(INTERVAL if hint is None else hint, least), most)
