# SPDX-License-Identifier: Apache-2.0
"""Our own identity, judged before anybody else does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from handfast.errors import VerificationError
from handfast.verify import Verifier

if TYPE_CHECKING:
    from datetime import datetime

    from handfast.bundle import TrustBundleSet
    from handfast.svid import X509Svid

__all__ = ["end_of_chain"]


def end_of_chain(svid: X509Svid, bundles: TrustBundleSet, at: datetime) -> datetime:
    """Judge an SVID as a peer would who has these bundles and is not too strict.

    It may be for servers alone or for clients alone: one of them is enough.

    Returns:
        When the first certificate of the chain that was found ends, the authority's
        included.

    Raises:
        VerificationError: No peer could verify it at that time; the verdict is the one
            on a client.
        InvalidBundle: The engine refuses one of the bundles.
    """
    try:
        return _judge(svid, bundles, at, "server")
    except VerificationError:
        return _judge(svid, bundles, at, "client")


def _judge(
    svid: X509Svid,
    bundles: TrustBundleSet,
    at: datetime,
    purpose: Literal["client", "server"],
) -> datetime:
    verifier = Verifier(bundles, rules="compatible", at=at, purpose=purpose, cache=None)
    return verifier.verify(svid.chain).not_after
