# SPDX-License-Identifier: Apache-2.0
"""What an agent's messages say about WIT-SVIDs: taken whole, or not at all.

No I/O. Incubating: see `handfast.sources.wit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from handfast.errors import HandfastError, SourceError
from handfast.jwk import NotAJwk, public_key_of
from handfast.jwk_private import read_private_jwk
from handfast.jwt_algorithms import fits
from handfast.sources.workload_api_x509 import HINT_MAX, read_domain, refuse
from handfast.text import escape
from handfast.wit_bundle import WitBundle, WitBundleSet
from handfast.wit_svid import WitSvid
from handfast.workload_api.wit import WitIdentity

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handfast.keys import PrivateKey
    from handfast.workload_api.proto import (
        WITSVID,
        WITBundlesResponse,
        WITSVIDResponse,
    )

__all__ = ["WitBundleState", "WitSvidState"]

_SVIDS_MAX: Final = 100
_BUNDLES_MAX: Final = 1000


class _Told:
    """Remembers why there is nothing, and wakes whoever waits.

    Args:
        tell: Wakes them.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        #: The last failure, until a message can be used again.
        self.trouble: SourceError | None = None

    def fail(self, error: SourceError) -> None:
        """Remember why nothing new comes."""
        self.trouble = error
        self._tell()

    def _good(self) -> None:
        self.trouble = None
        self._tell()


class WitSvidState(_Told):
    """``FetchWITSVID``: a sink, and what it gave last.

    Args:
        tell: Wakes whoever waits for a change.
        now: The clock.
    """

    def __init__(self, tell: Callable[[], None], now: Callable[[], datetime]) -> None:
        super().__init__(tell)
        self._now = now
        self.identities: tuple[WitIdentity, ...] | None = None

    def take(self, message: WITSVIDResponse) -> bool:
        """Take identities, all or none (WAPI-39, WAPI-72)."""
        count = len(message.svids)
        if not 1 <= count <= _SVIDS_MAX:
            refuse(f"1 to {_SVIDS_MAX} WIT-SVIDs", f"{count}")
        kept: list[WitIdentity] = []
        hints: set[str] = set()
        for place, part in enumerate(message.svids, 1):
            found = _read(part, f"WIT-SVID {place}", self._now())
            if found.svid.hint and found.svid.hint in hints:
                continue  # The first wins (WAPI-49).
            hints.add(found.svid.hint)
            kept.append(found)
        changed = self.identities != tuple(kept)
        self.identities = tuple(kept)
        self._good()
        return changed

    def refuse(self, error: SourceError) -> None:
        """Withdraw everything (WAPI-73)."""
        self.identities = None
        self.fail(error)


class WitBundleState(_Told):
    """``FetchWITBundles``: a sink, and what it gave last: judges of WITs alone."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__(tell)
        self.bundles: WitBundleSet | None = None
        self._raw: dict[str, str] = {}

    def take(self, message: WITBundlesResponse) -> bool:
        """Take bundles, all or none; what is not there is gone (WAPI-73, WAPI-74)."""
        count = len(message.bundles)
        if not 1 <= count <= _BUNDLES_MAX:
            refuse(f"1 to {_BUNDLES_MAX} bundles", f"{count}")
        raw = dict(message.bundles)
        changed = self.bundles is None or raw != self._raw
        if changed:
            found = [_read_bundle(name, text) for name, text in raw.items()]
            self.bundles, self._raw = WitBundleSet(found), raw
        self._good()
        return changed

    def refuse(self, error: SourceError) -> None:
        """Withdraw everything (WAPI-73)."""
        self.bundles, self._raw = None, {}
        self.fail(error)


def _read(part: WITSVID, where: str, now: datetime) -> WitIdentity:
    for name in ("spiffe_id", "wit_svid", "wit_svid_key"):
        if not getattr(part, name):
            refuse(f"{where} with its {name}", "none")
    if len(part.hint.encode("utf-8", "surrogatepass")) > HINT_MAX:
        refuse(f"a hint of at most {HINT_MAX} bytes", f"{where}: a longer one")
    try:
        svid = WitSvid.read_unverified(part.wit_svid, hint=part.hint)
        key = read_private_jwk(part.wit_svid_key)
    except HandfastError as error:
        seen = f"{where}: {error.reason}: {error.detail.message()}"
        refuse("a WIT-SVID", seen, cause=error)
    except NotAJwk as error:
        refuse("the WIT-SVID's private key as a JWK", f"{where}: {error}")
    if part.spiffe_id != str(svid.spiffe_id):
        expected = f"{where} to be of {svid.spiffe_id}, as it says itself"
        refuse(expected, f"'{escape(part.spiffe_id)}'")
    _check_key(svid, key, where)
    if now >= svid.expires_at:
        ended = f"{svid.expires_at:%Y-%m-%dT%H:%M:%SZ}"
        refuse("a WIT-SVID that has not ended", f"{where}: it ended at {ended}")
    return WitIdentity(svid, key)


def _check_key(svid: WitSvid, key: PrivateKey, where: str) -> None:
    """Insist that the key is the one that the token is bound to (WIT-08)."""
    public = public_key_of(key.public_der)
    bound = svid.confirmation
    if public is None or public != bound.key or not fits(bound.algorithm, public):
        refuse("the key that the token is bound to", f"{where}: another key")


def _read_bundle(name: str, text: str) -> WitBundle:
    domain = read_domain(name)
    try:
        return WitBundle.from_jwks(domain, text)
    except HandfastError as error:
        seen = f"{error.reason}: {error.detail.message()}"
        refuse(f"the WIT bundle of {domain}", seen, cause=error)
