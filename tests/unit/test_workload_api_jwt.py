# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs by way of an agent: fetched, kept, renewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
import trio.testing
from tests.support import agent_messages as messages
from tests.support.agent_messages import API, OTHER, OWN, WEB
from tests.support.fake_agent import Agents, FakeAgent, socket_path
from tests.support.net_world import trio_test
from tests.support.token_world import (
    FETCH,
    KEYS,
    SIGNER,
    World,
    bundles,
    world,
)

from handfast import (
    ConfigError,
    JwtBundle,
    JwtSvid,
    Reason,
    SourceError,
    UsageError,
)
from handfast.jwt_signer import JwtSigner
from handfast.sources.workload_api_tokens import Asked, Kept, Tokens
from handfast.workload_api import StatusCode, proto


@pytest.fixture(name="signer")
def get_signer() -> JwtSigner:
    """Whoever signs the tokens of a.example."""
    return SIGNER


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
async def test_failures_leave_nothing_behind(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """P8: an application may take audiences from its own callers."""
    async with world(signer) as it, it.source() as source:
        it.agent.errors[FETCH] = StatusCode.UNAVAILABLE
        for number in range(200):
            with pytest.raises(SourceError):
                await source.fetch_jwt_svid(f"shop-{number}")
        assert source._desk.calls_remembered == 0


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


@trio_test
async def test_a_key_that_goes_takes_the_tokens_of_its_trust_domain_along(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """JWT-27: it may be distrusted. One that comes, or another's, takes none."""
    other, new = JwtSigner.generate(OTHER).bundle, JwtSigner.generate(OWN)
    keys = {**signer.bundle.keys, **new.bundle.keys}
    both = JwtBundle(signer.bundle.trust_domain, keys)
    async with world(signer) as it, it.source(jwt_bundles=True) as source:

        async def publish(*given: JwtBundle) -> int:
            it.agent.say(KEYS, bundles(*given))
            await source.wait_changed()
            return source.statistics().jwt_cached

        await source.wait_jwt_bundles(5)
        old = await source.fetch_jwt_svid("shop")
        for given in ((signer.bundle, other), (signer.bundle,), (both,)):
            assert await publish(*given) == 2
        it.agent.fail(KEYS, StatusCode.PERMISSION_DENIED)
        await source.wait_changed()
        it.signer = new
        assert await publish(new.bundle) == 0
        fresh = await source.fetch_jwt_svid("shop")
        assert fresh != old
        JwtSvid.parse(fresh.token, source.jwt_bundles, "shop", at=it.now())


@trio_test
async def test_an_identity_that_is_gone_takes_its_tokens_along(
    clock: trio.testing.MockClock, signer: JwtSigner
) -> None:
    """W4, WAPI-36: of two one is taken away, and the other stays."""
    async with world(signer) as it:
        both = messages.svids(*map(messages.part, map(messages.svid, (WEB, API))))
        it.agent.say(proto.FETCH_X509_SVID, both)
        async with it.source(x509="svids") as source:
            await source.wait_ready(5)
            assert str((await source.fetch_jwt_svid("shop")).spiffe_id) == WEB
            it.identities = [(API, "")]
            it.agent.say(
                proto.FETCH_X509_SVID, messages.svids(messages.part(messages.svid(API)))
            )
            while len(source.svids) > 1:
                await source.wait_changed()
            assert str((await source.fetch_jwt_svid("shop")).spiffe_id) == API


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


@pytest.mark.parametrize("forget", [Tokens.clear, lambda it: it.forget({OWN})])
def test_what_was_on_its_way_when_an_identity_or_a_key_went_is_not_kept(
    forget: Callable[[Tokens], None],
) -> None:
    """W4: the answer is older than what made others be forgotten."""
    now = datetime.now(UTC)
    tokens, asked = Tokens(), Asked(("shop",), None)
    kept = Kept(svids=(), renew_at=now, ends=now + timedelta(minutes=5))
    before = tokens.cleared
    forget(tokens)
    tokens.put(asked, kept, since=before)
    assert tokens.get(asked, now) is None
    tokens.put(asked, kept, since=tokens.cleared)
    assert tokens.get(asked, now) is kept
