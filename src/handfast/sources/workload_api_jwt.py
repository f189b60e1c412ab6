# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs by way of an agent: fetched once for all who ask, and judged.

Invariants:
    1. One call at a time for the same thing; those who wait take its answer, or its
       failure.
    2. An agent that does not answer is not asked by each caller anew while what is
       kept may still be used.
    3. Nothing is given out at or after its end, nor after the agent denied it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import trio

from handfast import _settings
from handfast.errors import (
    HandfastError,
    Reason,
    SourceError,
    VerificationError,
    detail_for,
)
from handfast.ids import SpiffeId, TrustDomain
from handfast.jwt_bundle import JwtBundle, JwtBundleSet
from handfast.jwt_cache import TokenCache
from handfast.jwt_svid import JwtSvid
from handfast.sources.workload_api_tokens import Asked, Kept, Tokens, read_tokens
from handfast.sources.workload_api_x509 import read_domain, refuse
from handfast.text import escape
from handfast.workload_api import proto
from handfast.workload_api.status import RpcError, StatusCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handfast.sources.workload_api_link import Link
    from handfast.sources.workload_api_pace import Backoff

__all__ = ["JwtBundleState", "JwtDesk"]

_LOGGER = logging.getLogger("handfast.sources")
_AUDIENCES_MAX: Final = 100
_AUDIENCE_MAX: Final = 2048
_BUNDLES_MAX: Final = 1000


class _Flight:
    """Calls for one thing, one after the other."""

    __slots__ = ("ended", "failure", "failures", "lock", "retry_at", "users")

    def __init__(self) -> None:
        self.lock = trio.Lock()
        self.users = 0
        self.ended = 0
        self.failure: SourceError | None = None
        self.failures = 0
        self.retry_at = float("-inf")


class JwtDesk:
    """Fetches tokens and has tokens judged.

    Args:
        agent: What errors call the source.
        backoff: How long an agent that failed is left in peace.
        timeout: Seconds a call.
        now: The clock.
    """

    def __init__(
        self,
        agent: str,
        *,
        backoff: Backoff,
        timeout: float,
        now: Callable[[], datetime],
    ) -> None:
        self._agent = agent
        self._backoff = backoff
        self._timeout = timeout
        self._now = now
        self._flights: dict[Asked, _Flight] = {}
        self.tokens = Tokens()
        self.judged = TokenCache()
        self.fetched = 0
        self.reused = 0

    async def fetch(self, link: Link, asked: Asked) -> tuple[JwtSvid, ...]:
        """Give tokens, of the cache or the agent.

        Cancellation: somebody else who waits for the same makes the call.
        """
        kept = self.tokens.get(asked, self._now())
        if kept is not None and self._now() < kept.renew_at:
            self.reused += 1
            await trio.lowlevel.checkpoint()
            return kept.svids
        flight = self._flights.setdefault(asked, _Flight())
        flight.users += 1
        try:
            return (await self._take_off(link, asked, flight)).svids
        finally:
            flight.users -= 1
            # What failed is remembered only beside a token that goes on serving: who
            # asks for ever new audiences leaves nothing behind.
            kept = self.tokens.get(asked, self._now())
            if not flight.users and (kept is None or not flight.failures):
                self._flights.pop(asked, None)

    async def _take_off(self, link: Link, asked: Asked, flight: _Flight) -> Kept:
        before = flight.ended
        async with flight.lock:
            kept = self.tokens.get(asked, self._now())
            if kept is not None and self._now() < kept.renew_at:
                self.reused += 1
                return kept
            if flight.ended != before and flight.failure is not None:
                return self._failed(asked, flight.failure)
            if kept is not None and trio.current_time() < flight.retry_at:
                self.reused += 1
                return kept
            since = self.tokens.cleared
            try:
                answer = await self._call(link, asked)
            except SourceError as error:
                flight.ended, flight.failure = flight.ended + 1, error
                flight.failures += 1
                pause = self._backoff.seconds(flight.failures)
                flight.retry_at = trio.current_time() + pause
                return self._failed(asked, error)
            flight.ended, flight.failure, flight.failures = flight.ended + 1, None, 0
            self.tokens.put(asked, answer, since=since)
            return answer

    async def _call(self, link: Link, asked: Asked) -> Kept:
        self.fetched += 1
        whose = "" if asked.spiffe_id is None else str(asked.spiffe_id)
        request = proto.JWTSVIDRequest(audience=asked.audience, spiffe_id=whose)
        answer = await link.unary(
            proto.FETCH_JWT_SVID, request, proto.JWTSVIDResponse, timeout=self._timeout
        )
        return read_tokens(answer, asked, self._now())

    @property
    def calls_remembered(self) -> int:
        """Things that were asked for and may fail again soon, or are under way."""
        return len(self._flights)

    def _failed(self, asked: Asked, error: SourceError) -> Kept:
        """Go on with what is kept as long as it lasts, or raise."""
        if error.reason is Reason.SOURCE_REFUSED:
            self.tokens.drop(asked)
        kept = self.tokens.get(asked, self._now())
        if kept is None:
            raise _again(error, self._agent)
        _LOGGER.warning("%s renews no JWT-SVID: %s", self._agent, error)
        return kept

    async def validate(
        self, link: Link, token: str, audience: tuple[str, ...]
    ) -> JwtSvid:
        """Have the agent judge a token (WAPI-62).

        Cancellation: nothing has happened.
        """
        svid = _read_claimed(token)
        wanted = [it for it in audience if it in svid.audience]
        if not wanted:
            detail = detail_for(
                Reason.JWT_OTHER_AUDIENCE, claimed_id=str(svid.spiffe_id)
            )
            raise VerificationError(detail)
        request = proto.ValidateJWTSVIDRequest(audience=wanted[0], svid=token)
        try:
            answer = await link.unary(
                proto.VALIDATE_JWT_SVID,
                request,
                proto.ValidateJWTSVIDResponse,
                timeout=self._timeout,
            )
        except RpcError as error:
            if error.code is not StatusCode.INVALID_ARGUMENT:
                raise
            detail = detail_for(
                Reason.JWT_REFUSED,
                seen=f"{self._agent}: {error.seen}",
                claimed_id=str(svid.spiffe_id),
            )
            raise VerificationError(detail) from error
        if answer.spiffe_id != str(svid.spiffe_id):
            # One of us reads it wrong, and it is not for us to say who.
            refuse(f"an answer about {svid.spiffe_id}", f"'{escape(answer.spiffe_id)}'")
        return svid


def _read_claimed(token: str) -> JwtSvid:
    try:
        return JwtSvid.read_unverified(token)
    except HandfastError as error:
        raise VerificationError(error.detail) from None


def _again(error: SourceError, agent: str) -> SourceError:
    """Make an error of its own for each who waited; it names the agent."""
    told = SourceError(error.detail)
    told.add_note(f"asked of {agent}")
    told.__cause__ = error
    return told


def as_asked(audience: str | Sequence[str], spiffe_id: SpiffeId | str | None) -> Asked:
    """Check what tokens are asked for (WAPI-54).

    Raises:
        ConfigError: no audience, or one that is not a text.
        InvalidId: not a SPIFFE ID.
    """
    names = (audience,) if isinstance(audience, str) else tuple(audience)
    if not 1 <= len(names) <= _AUDIENCES_MAX:
        _settings.refuse(f"1 to {_AUDIENCES_MAX} audiences", len(names))
    for name in names:
        if not _is_name(name):
            _settings.refuse("audiences as texts that are not empty", repr(name)[:80])
    if isinstance(spiffe_id, str):
        spiffe_id = SpiffeId.parse(spiffe_id)
    return Asked(tuple(sorted(set(names))), spiffe_id)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _AUDIENCE_MAX


class JwtBundleState:
    """JWT bundles as ``FetchJWTBundles`` gave them last: a sink, and a state.

    They judge tokens, and nothing else (WAPI-58). A key that goes out of them may have
    been distrusted: tokens of our own that it may have signed are not shown any more.

    Args:
        tell: Wakes whoever waits for a change.
        forget: Lets go of our own tokens of some trust domains.
    """

    def __init__(
        self,
        tell: Callable[[], None],
        forget: Callable[[frozenset[TrustDomain]], object],
    ) -> None:
        self._tell = tell
        self._forget = forget
        # Those that were there last, also while they are withdrawn.
        self._last = JwtBundleSet()
        self._raw: dict[str, bytes] = {}
        self.bundles: JwtBundleSet | None = None
        self.absence: SourceError | None = None
        self.trouble: SourceError | None = None

    def take(self, message: proto.JWTBundlesResponse) -> bool:
        """Take bundles, all or none (WAPI-39); what is not there is gone (WAPI-60)."""
        count = len(message.bundles)
        if not 1 <= count <= _BUNDLES_MAX:
            refuse(f"1 to {_BUNDLES_MAX} bundles", f"{count}")
        raw = dict(message.bundles)
        changed = self.bundles is None or raw != self._raw
        if changed:
            found = [_read_bundle(name, data) for name, data in raw.items()]
            self.bundles, self._raw = JwtBundleSet(found), raw
            if gone := _without_a_key(self._last, self.bundles):
                self._forget(gone)
            self._last = self.bundles
        self.absence = self.trouble = None
        self._tell()
        return changed

    def refuse(self, error: SourceError) -> None:
        """Withdraw everything (WAPI-60)."""
        self.bundles, self._raw, self.absence = None, {}, error
        self.fail(error)

    def fail(self, error: SourceError) -> None:
        """Remember why nothing new comes."""
        self.trouble = error
        self._tell()


def _without_a_key(old: JwtBundleSet, new: JwtBundleSet) -> frozenset[TrustDomain]:
    """Which trust domains have lost a key, or all of them."""
    now = {it.trust_domain: it.keys for it in new}
    return frozenset(
        it.trust_domain
        for it in old
        if any(now.get(it.trust_domain, {}).get(kid) != it.keys[kid] for kid in it.keys)
    )


def _read_bundle(name: str, data: bytes) -> JwtBundle:
    domain = read_domain(name)
    try:
        return JwtBundle.from_jwks(domain, data)
    except HandfastError as error:
        seen = f"{error.reason}: {error.detail.message()}"
        refuse(f"the JWT bundle of {domain}", seen, cause=error)


#: How a token is judged.
By = Literal["auto", "bundles", "agent"]
