# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs by way of an agent: fetched, kept, renewed, judged."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import trio
import trio.lowlevel
import trio.testing
from tests.support import agent_messages as messages
from tests.support.agent_messages import API, OTHER, OWN, WEB
from tests.support.fake_agent import Agents, FakeAgent, socket_path
from tests.support.net_world import trio_test

from handfast import (
    ConfigError,
    JwtBundle,
    JwtSvid,
    Reason,
    SourceError,
    UsageError,
    VerificationError,
)
from handfast.jwt_signer import JwtSigner
from handfast.sources import bearer_token, grpc_metadata, http_header
from handfast.sources.workload_api import WorkloadApiSource
from handfast.sources.workload_api_pace import Backoff
from handfast.testing import FakeClock
from handfast.workload_api import StatusCode, proto

FETCH, VALIDATE = proto.FETCH_JWT_SVID, proto.VALIDATE_JWT_SVID
KEYS = proto.FETCH_JWT_BUNDLES
STEADY = Backoff(first=1.0, most=30.0, random=lambda: 1.0)
TTL = timedelta(minutes=5)


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """Time passes when nobody has anything to do."""
    return trio.testing.MockClock(autojump_threshold=0)


@pytest.fixture(scope="module", name="signer")
def make_signer() -> JwtSigner:
    """Whoever signs the tokens of a.example."""
    return JwtSigner.generate(OWN)


class World:
    """An agent with tokens, and a source that asks it for some."""

    def __init__(self, agent: FakeAgent, signer: JwtSigner) -> None:
        self.agent = agent
        self.signer = signer
        self.now = FakeClock()
        self.identities = [(WEB, ""), (API, "in")]
        #: Changes each answer before it is sent.
        self.spoil: Callable[[proto.JWTSVIDResponse], object] = lambda answer: answer
        agent.answers[FETCH] = self._tokens
        agent.say(KEYS, bundles(signer.bundle))

    def source(self, **settings: Any) -> WorkloadApiSource:
        settings.setdefault("x509", None)
        settings.setdefault("backoff", STEADY)
        return WorkloadApiSource(self.agent.endpoint, now=self.now, **settings)

    def token(self, spiffe_id: str, audience: Any, ttl: timedelta = TTL) -> str:
        return self.signer.sign(spiffe_id, audience, ttl=ttl, now=self.now()).token

    def _tokens(self, request: proto.JWTSVIDRequest) -> proto.JWTSVIDResponse:
        wanted = [
            (name, hint)
            for name, hint in self.identities
            if request.spiffe_id in ("", name)
        ]
        answer = proto.JWTSVIDResponse(
            svids=[
                proto.JWTSVID(
                    spiffe_id=name,
                    svid=self.token(name, list(request.audience)),
                    hint=hint,
                )
                for name, hint in wanted
            ]
        )
        self.spoil(answer)
        return answer

    @property
    def fetched(self) -> int:
        return self.agent.calls[FETCH]


def bundles(*given: JwtBundle) -> proto.JWTBundlesResponse:
    return proto.JWTBundlesResponse(
        bundles={str(it.trust_domain.id): it.to_jwks() for it in given}
    )


@asynccontextmanager
async def world(signer: JwtSigner) -> AsyncGenerator[World, None]:
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            agent = FakeAgent(path)
            await Agents(nursery, agent).start()
            yield World(agent, signer)
            nursery.cancel_scope.cancel()


# ---- fetching ----


@trio_test
async def test_a_token_is_fetched_once_until_half_of_its_life(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-54: for the audience that was asked for, whatever order it is written in."""
    async with world(signer) as it, it.source() as source:
        first = await source.fetch_jwt_svid(["shop", "bank"])
        assert str(first.spiffe_id) == WEB
        assert set(first.audience) == {"shop", "bank"}
        it.now.advance(seconds=149)
        assert await source.fetch_jwt_svid(["bank", "shop", "bank"]) == first
        assert it.fetched == 1
        it.now.advance(seconds=2)
        second = await source.fetch_jwt_svid(["shop", "bank"])
        assert second.expires_at > first.expires_at
        assert it.fetched == 2
        statistics = source.statistics()
        assert (statistics.jwt_fetched, statistics.jwt_reused) == (2, 1)
        assert statistics.jwt_cached == 2  # one an identity
        assert first.token not in repr(statistics)


@trio_test
async def test_other_audiences_and_identities_are_other_tokens(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-55, WAPI-64, WAPI-65: one of an ID, of a hint, or the first."""
    async with world(signer) as it, it.source() as source:
        assert str((await source.fetch_jwt_svid("shop")).spiffe_id) == WEB
        assert str((await source.fetch_jwt_svid("shop", API)).spiffe_id) == API
        hinted = await source.fetch_jwt_svid("shop", hint="in")
        assert str(hinted.spiffe_id) == API
        assert len(await source.fetch_jwt_svids("shop")) == 2
        await source.fetch_jwt_svid("bank")
        assert it.fetched == 3
        with pytest.raises(SourceError) as caught:
            await source.fetch_jwt_svid("shop", hint="out")
        assert caught.value.reason is Reason.SOURCE_NO_SUCH_IDENTITY
    async with world(signer) as it, it.source(hint="in") as source:
        assert str((await source.fetch_jwt_svid("shop")).spiffe_id) == API


@trio_test
async def test_many_who_ask_at_once_make_one_call(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """P8: of those who wait one may be cancelled, whoever made the call included."""
    found: list[JwtSvid] = []
    async with world(signer) as it, it.source() as source:

        async def ask() -> None:
            found.append(await source.fetch_jwt_svid("shop"))

        async def ask_and_leave() -> None:
            with leader:
                await ask()

        leader = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_and_leave)
            while not it.fetched:
                await trio.lowlevel.checkpoint()
            for _ in range(50):
                nursery.start_soon(ask)
            leader.cancel()
        assert leader.cancelled_caught
        assert len(found) == 50
        assert len({one.token for one in found}) == 1
        assert it.fetched == 2  # the leader's, and one more for all others


@trio_test
async def test_those_who_waited_share_a_failure_too(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """P8: an agent that fails is not asked by each of them in turn."""
    failures: list[SourceError] = []
    async with world(signer) as it, it.source() as source:
        it.agent.errors[FETCH] = StatusCode.UNAVAILABLE

        async def ask() -> None:
            with pytest.raises(SourceError) as caught:
                await source.fetch_jwt_svid("shop")
            failures.append(caught.value)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
        assert len(failures) == 20
        assert len(set(map(id, failures))) == 20  # each raises its own
        assert it.fetched == 1


@trio_test
async def test_when_the_agent_is_gone_a_token_serves_until_it_ends(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """W5: and the agent is left in peace between two attempts."""
    async with world(signer) as it, it.source() as source:
        first = await source.fetch_jwt_svid("shop")
        it.agent.errors[FETCH] = StatusCode.UNAVAILABLE
        it.now.advance(seconds=200)
        for _ in range(10):
            assert await source.fetch_jwt_svid("shop") == first
        assert it.fetched == 2
        await trio.sleep(2)
        assert await source.fetch_jwt_svid("shop") == first
        assert it.fetched == 3
        it.now.advance(seconds=100)
        with pytest.raises(SourceError) as caught:
            await source.fetch_jwt_svid("shop")
        assert caught.value.reason is Reason.SOURCE_UNAVAILABLE
        assert it.agent.endpoint in caught.value.__notes__[0]
        del it.agent.errors[FETCH]
        assert (await source.fetch_jwt_svid("shop")).token != first.token


@trio_test
async def test_a_token_that_is_denied_is_not_used_any_more(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-51, WAPI-57: PermissionDenied drops what is kept."""
    async with world(signer) as it, it.source() as source:
        await source.fetch_jwt_svid("shop")
        it.agent.errors[FETCH] = StatusCode.PERMISSION_DENIED
        it.now.advance(seconds=200)
        with pytest.raises(SourceError) as caught:
            await source.fetch_jwt_svid("shop")
        assert caught.value.reason is Reason.SOURCE_REFUSED
        assert source.statistics().jwt_cached == 0


@trio_test
async def test_who_is_nobody_any_more_has_no_tokens_either(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-51: a withdrawn X.509 identity takes the kept tokens along."""
    async with world(signer) as it:
        it.agent.say(proto.FETCH_X509_SVID, messages.svids())
        async with it.source(x509="svids") as source:
            await source.wait_ready(5)
            await source.fetch_jwt_svid("shop")
            it.agent.fail(proto.FETCH_X509_SVID, StatusCode.PERMISSION_DENIED)
            await source.wait_changed()
            assert source.statistics().jwt_cached == 0


def _none(answer: proto.JWTSVIDResponse) -> None:
    del answer.svids[:]


def _no_id(answer: proto.JWTSVIDResponse) -> None:
    answer.svids[1].spiffe_id = ""


def _no_token(answer: proto.JWTSVIDResponse) -> None:
    answer.svids[1].svid = ""


def _garbage(answer: proto.JWTSVIDResponse) -> None:
    answer.svids[0].svid = "garbage"


def _of_another(answer: proto.JWTSVIDResponse) -> None:
    answer.svids[0].spiffe_id = API


def _long_hint(answer: proto.JWTSVIDResponse) -> None:
    answer.svids[0].hint = "x" * 1025


def _too_many(answer: proto.JWTSVIDResponse) -> None:
    answer.svids.extend([answer.svids[0]] * 100)


@pytest.mark.parametrize(
    "spoil",
    [_none, _no_id, _no_token, _garbage, _of_another, _long_hint, _too_many],
    ids=lambda it: it.__name__.strip("_"),
)
@trio_test
async def test_an_answer_with_a_wrong_part_is_not_used(
    clock: trio.testing.MockClock,
    signer: JwtSigner,
    spoil: Callable[[proto.JWTSVIDResponse], None],
) -> None:
    """WAPI-39, W4: and what was there before is."""
    async with world(signer) as it, it.source() as source:
        first = await source.fetch_jwt_svid("shop")
        it.spoil = spoil
        it.now.advance(seconds=200)
        assert await source.fetch_jwt_svid("shop") == first
        with pytest.raises(SourceError) as caught:
            await source.fetch_jwt_svid("bank")
        assert caught.value.reason is Reason.SOURCE_INVALID


@pytest.mark.parametrize("wrong", ["audience", "identity", "time"])
@trio_test
async def test_a_token_that_was_not_asked_for_is_not_used(
    clock: trio.testing.MockClock, signer: JwtSigner, wrong: str
) -> None:
    """W4: another audience, another identity, or one that has ended."""

    def spoil(answer: proto.JWTSVIDResponse) -> None:
        name = f"{WEB}/other" if wrong == "identity" else WEB
        audience = "bank" if wrong == "audience" else "shop"
        made = it.token(name, audience)
        answer.svids[0].spiffe_id, answer.svids[0].svid = name, made
        if wrong == "time":
            it.now.advance(hours=1)

    async with world(signer) as it, it.source() as source:
        it.spoil = spoil
        with pytest.raises(SourceError) as caught:
            await source.fetch_jwt_svid("shop", WEB)
        assert caught.value.reason is Reason.SOURCE_INVALID


@trio_test
async def test_the_first_of_two_equal_hints_wins(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-49, WAPI-56."""
    async with world(signer) as it, it.source() as source:
        it.identities = [(WEB, "in"), (API, "in")]
        assert [str(one.spiffe_id) for one in await source.fetch_jwt_svids("x")] == [
            WEB
        ]


@pytest.mark.parametrize("audience", [[], "", ["shop", ""], [7], ["x" * 2049]])
@trio_test
async def test_an_audience_is_mandatory(
    clock: trio.testing.MockClock, signer: JwtSigner, audience: Any
) -> None:
    """WAPI-54: refused before anybody is asked."""
    async with world(signer) as it, it.source() as source:
        with pytest.raises(ConfigError):
            await source.fetch_jwt_svid(audience)
        assert it.fetched == 0


@trio_test
async def test_tokens_want_an_open_source(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    async with world(signer) as it:
        source = it.source()
        with pytest.raises(UsageError):
            await source.fetch_jwt_svid("shop")
        with pytest.raises(UsageError):
            await source.validate_jwt_svid("x", "shop")


@trio_test
async def test_a_connection_that_was_lost_unseen_is_made_anew(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-31: nobody waits on it, so nobody saw it end."""
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            agent = FakeAgent(path)
            agents = Agents(nursery, agent)
            await agents.start()
            it = World(agent, signer)
            async with it.source() as source:
                await source.fetch_jwt_svid("shop")
                agent.stop()
                await trio.sleep(1)
                await agents.start()
                await source.fetch_jwt_svid("bank")
                assert source.statistics().connects == 2
            nursery.cancel_scope.cancel()


# ---- judging ----


@trio_test
async def test_tokens_are_judged_here_by_the_bundle_of_their_own_trust_domain(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-62, WAPI-58: no bundle of that trust domain, no trust."""
    other = JwtSigner.generate(OTHER)
    async with world(signer) as it, it.source(jwt_bundles=True) as source:
        await source.wait_jwt_bundles(5)
        token = it.token(API, "shop")
        judged = await source.validate_jwt_svid(token, ["bank", "shop"])
        assert str(judged.spiffe_id) == API
        assert it.agent.calls[VALIDATE] == 0
        foreign = other.sign(f"spiffe://{OTHER}/x", "shop", now=it.now()).token
        forged = JwtSigner.generate(OWN).sign(API, "shop", now=it.now()).token
        for bad in (foreign, forged, token[:-2], "x"):
            with pytest.raises(VerificationError):
                await source.validate_jwt_svid(bad, "shop")
        with pytest.raises(VerificationError):
            await source.validate_jwt_svid(token, "bank")
        it.agent.say(KEYS, bundles(signer.bundle, other.bundle))
        await source.wait_changed()
        await source.validate_jwt_svid(foreign, "shop")
        # WAPI-60, WAPI-37: and it is gone when the agent does not send it any more.
        it.agent.say(KEYS, bundles(signer.bundle))
        await source.wait_changed()
        with pytest.raises(VerificationError):
            await source.validate_jwt_svid(foreign, "shop")
        it.now.advance(hours=1)
        with pytest.raises(VerificationError):
            await source.validate_jwt_svid(token, "shop")


@trio_test
async def test_one_kind_of_bundle_never_judges_the_other_kind_of_svid(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-40, WAPI-58: what came for certificates judges no token, and the reverse."""
    async with world(signer) as it:
        it.agent.say(proto.FETCH_X509_SVID, messages.svids())
        it.agent.answers[VALIDATE] = lambda _: proto.ValidateJWTSVIDResponse()
        async with it.source(x509="svids") as source:
            await source.wait_ready(5)
            with pytest.raises(UsageError):
                await source.validate_jwt_svid(
                    it.token(API, "shop"), "shop", by="bundles"
                )
        async with it.source(jwt_bundles=True) as source:
            await source.wait_jwt_bundles(5)
            with pytest.raises(SourceError):
                _ = source.bundles
            with pytest.raises(SourceError):
                source.snapshot()


@trio_test
async def test_jwt_bundles_that_are_denied_judge_nothing(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-60: PermissionDenied drops them."""
    async with world(signer) as it, it.source(jwt_bundles=True) as source:
        await source.wait_jwt_bundles(5)
        assert source.health.state == "healthy"
        it.agent.fail(KEYS, StatusCode.PERMISSION_DENIED)
        await source.wait_changed()
        with pytest.raises(SourceError) as caught:
            await source.validate_jwt_svid(it.token(API, "shop"), "shop")
        assert caught.value.reason is Reason.SOURCE_REFUSED
        assert source.health.state == "unavailable"


@pytest.mark.parametrize("bad", ["none", "name", "keys"])
@trio_test
async def test_bad_jwt_bundles_are_told_and_change_nothing(
    clock: trio.testing.MockClock, signer: JwtSigner, bad: str
) -> None:
    """WAPI-39, W4."""
    message = bundles(signer.bundle)
    if bad == "none":
        message = proto.JWTBundlesResponse()
    elif bad == "name":
        message.bundles[OTHER] = signer.bundle.to_jwks()
    else:
        message.bundles[f"spiffe://{OTHER}"] = b"{"
    async with world(signer) as it, it.source(jwt_bundles=True) as source:
        before = await source.wait_jwt_bundles(5)
        it.agent.say(KEYS, message)
        await source.wait_changed()
        assert source.jwt_bundles is before
        assert source.health.state == "stale"
        assert source.trouble is not None
        assert source.trouble.reason is Reason.SOURCE_INVALID


@trio_test
async def test_the_agent_judges_where_no_bundles_are_followed(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-62: ValidateJWTSVID; InvalidArgument is a verdict, others are not."""
    async with world(signer) as it, it.source() as source:
        token = it.token(API, "shop")
        it.agent.answers[VALIDATE] = lambda _: proto.ValidateJWTSVIDResponse(
            spiffe_id=API
        )
        judged = await source.validate_jwt_svid(token, ["bank", "shop"])
        assert str(judged.spiffe_id) == API
        request = it.agent.requests[-1]
        assert isinstance(request, proto.ValidateJWTSVIDRequest)
        assert (request.audience, request.svid) == ("shop", token)
        calls = it.agent.calls[VALIDATE]
        for bad in ("garbage", it.token(API, "bank")):
            with pytest.raises(VerificationError):
                await source.validate_jwt_svid(bad, "shop")
        assert it.agent.calls[VALIDATE] == calls
        it.agent.errors[VALIDATE] = StatusCode.INVALID_ARGUMENT
        with pytest.raises(VerificationError) as caught:
            await source.validate_jwt_svid(token, "shop")
        assert caught.value.reason is Reason.JWT_REFUSED
        assert token not in str(caught.value)
        it.agent.errors[VALIDATE] = StatusCode.UNAVAILABLE
        with pytest.raises(SourceError):
            await source.validate_jwt_svid(token, "shop")
        with pytest.raises(UsageError):
            await source.validate_jwt_svid(token, "shop", by="bundles")


@trio_test
async def test_an_agent_that_judges_another_token_is_not_believed(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """WAPI-62, W4: two readings of one token are none."""
    async with world(signer) as it, it.source() as source:
        it.agent.answers[VALIDATE] = lambda _: proto.ValidateJWTSVIDResponse(
            spiffe_id=WEB
        )
        with pytest.raises(SourceError) as caught:
            await source.validate_jwt_svid(it.token(API, "shop"), "shop")
        assert caught.value.reason is Reason.SOURCE_INVALID


# ---- headers ----


def test_a_token_goes_into_headers_and_out_again(signer: JwtSigner) -> None:
    """JWT-20, JWT-21."""
    svid = signer.sign(WEB, "shop")
    assert http_header(svid) == ("Authorization", f"Bearer {svid.token}")
    [(name, value)] = grpc_metadata(svid)
    assert name == "authorization"
    assert bearer_token(value) == svid.token
    assert bearer_token(value.encode()) == svid.token
    assert bearer_token(f"bEARER  {svid.token}") == svid.token


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic aaa",
        "aaa.bbb.ccc",
        "Bearer a b",
        "Bearer a, Bearer b",
        "Bearer a\n",
        " Bearer a",
        "Bearer a ",
        "Bearer\ta",
        "Bearer \N{LATIN SMALL LETTER E WITH ACUTE}",
        "Bearer " + "a" * 70_000,
    ],
)
def test_what_is_not_one_bearer_token_is_refused(value: str) -> None:
    """JWT-20, JWT-21: two readings, or none; and the error shows nothing of it."""
    with pytest.raises(VerificationError) as caught:
        bearer_token(value)
    assert caught.value.reason is Reason.JWT_MALFORMED
    assert "aaa" not in str(caught.value)
