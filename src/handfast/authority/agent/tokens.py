# SPDX-License-Identifier: Apache-2.0
"""Tokens from afar: JWT-SVIDs that the authority signs, kept by audience and renewed.

Each is judged by the bundle that the authority has told last, before it is given: one
of a key that is in it no more (`handfast authority distrust jwt`) helps nobody. What
was judged is remembered for as long as that bundle stays as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from handfast._clock import utc_now
from handfast.authority.agent.asking import Ask
from handfast.authority.entries import Entry
from handfast.authority.nodes import proto
from handfast.errors import (
    ConfigError,
    HandfastError,
    Reason,
    VerificationError,
    detail_for,
)
from handfast.jwt_bundle import JwtBundle, JwtBundleSet
from handfast.jwt_cache import TokenCache
from handfast.jwt_svid import JwtSvid
from handfast.workload_api.status import RpcError, StatusCode

__all__ = ["RemoteTokens"]

_KEPT_MAX: Final = 10_000


class RemoteTokens:
    """The JWT-SVIDs of entries, by audience, as `EntryIssuer` asks for them.

    Args:
        ask: Calls the authority.
        bundle: What was told of the keys that sign there.
        now: The clock.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        bundle: Callable[[], JwtBundle],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._ask = ask
        self._bundle = bundle
        self._now = now
        self._judged = TokenCache(_KEPT_MAX)
        self._kept: OrderedDict[
            tuple[Entry, tuple[str, ...]], tuple[datetime, JwtSvid]
        ] = OrderedDict()

    async def prepare(
        self, entry: Entry, audience: Sequence[str], who: Mapping[str, Any]
    ) -> None:
        """Have a token signed, if there is none or half of its life is over.

        Cancellation: nothing is left behind.

        Raises:
            RpcError: it is not to be had, and there is none that still holds.
        """
        place, now = (entry, tuple(audience)), self._now()
        kept = self._kept.get(place)
        if kept is not None and not self._holds(kept[1]):
            del self._kept[place]
            kept = None
        if kept is not None and now < kept[0]:
            return
        try:
            token = await self._have_signed(entry, audience, who)
        except RpcError:
            # The bundle may have become another one meanwhile.
            if kept is None or not self._holds(kept[1]):
                raise
            return
        self._kept[place] = (now + (token.expires_at - now) / 2, token)
        self._kept.move_to_end(place)
        while len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)

    async def _have_signed(
        self, entry: Entry, audience: Sequence[str], who: Mapping[str, Any]
    ) -> JwtSvid:
        request = proto.SignJWTRequest(
            entry=entry.id, audience=audience, caller=str(who.get("caller"))
        )
        answer = await self._ask(proto.SIGN_JWT, request, proto.SignJWTResponse)
        token = _token_of(answer.token, entry)
        if not self._holds(token):
            # Signed before its key was distrusted, or told of after it signs already.
            text = f"the token of {entry.spiffe_id} is signed by no key of the bundle"
            raise RpcError(StatusCode.UNAVAILABLE, text)
        return token

    def jwt(
        self, entry: Entry, audience: Sequence[str], _who: Mapping[str, Any]
    ) -> JwtSvid:
        """Return the token that was prepared.

        Raises:
            ConfigError: none was, or validators refuse it since.
        """
        kept = self._kept.get((entry, tuple(audience)))
        if kept is None or not self._holds(kept[1]):
            detail = detail_for(
                Reason.SOURCE_UNAVAILABLE, seen=f"no token of {entry.spiffe_id}"
            )
            raise ConfigError(detail)
        return kept[1]

    def _holds(self, token: JwtSvid) -> bool:
        """Whether somebody who has the bundle that was told accepts a token now."""
        bundles, now = JwtBundleSet([self._bundle()]), self._now()
        if now >= token.expires_at:
            return False
        # Not before it begins: clocks differ, and only its key is asked about.
        at = max(now, token.not_before or now)
        try:
            JwtSvid.parse(
                token.token, bundles, token.audience, at=at, cache=self._judged
            )
        except VerificationError:
            return False
        return True

    def forget(self, entries: Sequence[Entry]) -> None:
        """Let go of what is of no entry any more, or of one that was changed."""
        known = set(entries)
        for place in [it for it in self._kept if it[0] not in known]:
            del self._kept[place]


def _token_of(text: str, entry: Entry) -> JwtSvid:
    try:
        token = JwtSvid.read_unverified(text, hint=entry.hint)
    except HandfastError as error:
        message = f"the authority's token cannot be used: {error}"
        raise RpcError(StatusCode.INTERNAL, message) from error
    if token.spiffe_id != entry.spiffe_id:
        message = f"the authority answers for {token.spiffe_id}"
        raise RpcError(StatusCode.INTERNAL, message)
    return token
