# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs that were fetched: kept until half of their life is over. No I/O.

What an agent sends is checked before it is kept: each token is for the ID that the
message says, for all audiences that were asked for, and has not ended.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from handfast.errors import HandfastError
from handfast.jwt_svid import JwtSvid
from handfast.sources.workload_api_x509 import HINT_MAX, refuse
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from handfast.ids import SpiffeId, TrustDomain

__all__ = ["Asked", "Kept", "Tokens", "read_tokens"]

_TOKENS_MAX: Final = 1000
_SVIDS_MAX: Final = 100


class TokenMessage(Protocol):
    """``JWTSVID``."""

    spiffe_id: str
    svid: str
    hint: str


class TokensMessage(Protocol):
    """``JWTSVIDResponse``."""

    @property
    def svids(self) -> Sequence[TokenMessage]:
        """Tokens, one an identity."""
        ...


class Asked(NamedTuple):
    """What tokens are fetched by.

    Attributes:
        audience: Whom they are to be shown to: each name once, in order of the text.
        spiffe_id: Whose; None asks for all of ours.
    """

    audience: tuple[str, ...]
    spiffe_id: SpiffeId | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Tokens of one answer.

    Attributes:
        svids: In the order of the answer.
        renew_at: From when on to fetch them anew.
        ends: From when on not to use them any more: the earliest of their ends.
    """

    svids: tuple[JwtSvid, ...]
    renew_at: datetime
    ends: datetime


class Tokens:
    """Answers by what was asked; the least recently used gives way."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Asked, Kept] = OrderedDict()
        #: How often something was forgotten: what was asked for before is not kept.
        self.cleared = 0

    def get(self, asked: Asked, now: datetime) -> Kept | None:
        """What is kept and has not ended; it may be due for renewal."""
        kept = self._kept.get(asked)
        if kept is None:
            return None
        if now >= kept.ends:
            del self._kept[asked]
            return None
        self._kept.move_to_end(asked)
        return kept

    def put(self, asked: Asked, kept: Kept, *, since: int) -> None:
        """Keep an answer, unless something was forgotten since it was asked for.

        `since` is what `cleared` was then.
        """
        if since != self.cleared:
            return
        self._kept[asked] = kept
        self._kept.move_to_end(asked)
        while len(self._kept) > _TOKENS_MAX:
            self._kept.popitem(last=False)

    def drop(self, asked: Asked) -> None:
        """Forget an answer: the agent does not grant it any more."""
        self._kept.pop(asked, None)

    def forget(self, trust_domains: Collection[TrustDomain]) -> None:
        """Forget tokens of these trust domains, and what is on its way.

        What is on its way may have been signed before what it is forgotten for.
        """
        self._kept = OrderedDict(
            (asked, kept)
            for asked, kept in self._kept.items()
            if not any(it.spiffe_id.trust_domain in trust_domains for it in kept.svids)
        )
        self.cleared += 1

    def clear(self) -> None:
        """Forget everything, and what is on its way."""
        self._kept.clear()
        self.cleared += 1

    def __len__(self) -> int:
        return sum(len(it.svids) for it in self._kept.values())


def read_tokens(message: TokensMessage, asked: Asked, now: datetime) -> Kept:
    """Read what ``FetchJWTSVID`` answered: all of it, or nothing (WAPI-39).

    Raises:
        SourceError: A part of it cannot be used.
    """
    if not 1 <= len(message.svids) <= _SVIDS_MAX:
        refuse(f"1 to {_SVIDS_MAX} tokens", f"{len(message.svids)}")
    kept: list[JwtSvid] = []
    hints: set[str] = set()
    for place, part in enumerate(message.svids, 1):
        svid = _read(part, asked, f"token {place}", now)
        if svid.hint and svid.hint in hints:
            continue  # The first wins (WAPI-49, WAPI-56).
        hints.add(svid.hint)
        kept.append(svid)
    renewals = [_renew_at(it, now) for it in kept]
    ends = min(it.expires_at for it in kept)
    return Kept(tuple(kept), min(renewals), ends)


def _read(part: TokenMessage, asked: Asked, where: str, now: datetime) -> JwtSvid:
    for name in ("spiffe_id", "svid"):
        if not getattr(part, name):
            refuse(f"{where} with its {name}", "none")
    if len(part.hint.encode("utf-8", "surrogatepass")) > HINT_MAX:
        refuse(f"a hint of at most {HINT_MAX} bytes", f"{where}: a longer one")
    try:
        svid = JwtSvid.read_unverified(part.svid, hint=part.hint)
    except HandfastError as error:
        seen = f"{where}: {error.reason}: {error.detail.message()}"
        refuse("a JWT-SVID", seen, cause=error)
    if part.spiffe_id != str(svid.spiffe_id):
        refuse(
            f"{where} to be of {svid.spiffe_id}, as it says itself",
            f"'{escape(part.spiffe_id)}'",
        )
    if asked.spiffe_id is not None and svid.spiffe_id != asked.spiffe_id:
        refuse(f"a token of {asked.spiffe_id}", f"one of {svid.spiffe_id}")
    missing = [it for it in asked.audience if it not in svid.audience]
    if missing:
        names = ", ".join(f"'{escape(it, limit=64)}'" for it in missing[:4])
        refuse("a token for all that were asked for", f"{where}: not for {names}")
    if now >= svid.expires_at:
        ended = f"{svid.expires_at:%Y-%m-%dT%H:%M:%SZ}"
        refuse("a token that has not ended", f"{where}: one that ended at {ended}")
    return svid


def _renew_at(svid: JwtSvid, now: datetime) -> datetime:
    """Half of its life, or of what is left when the agent gave an older one."""
    begin = svid.issued_at
    if begin is not None:
        half = begin + (svid.expires_at - begin) / 2
        if half > now:
            return half
    return now + (svid.expires_at - now) / 2
