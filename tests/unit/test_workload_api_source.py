# SPDX-License-Identifier: Apache-2.0
"""The life of a Workload API source: it follows an agent that comes, goes and errs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
import trio.testing
from tests.support import agent_messages as messages
from tests.support.agent_messages import API, OTHER, OWN, WEB, part, svid, svids
from tests.support.fake_agent import Agents, FakeAgent, socket_path
from tests.support.net_world import trio_test

from handfast import ConfigError, Reason, SourceError, UsageError
from handfast.sources.workload_api import WorkloadApiSource
from handfast.sources.workload_api_books import StreamStatistics
from handfast.sources.workload_api_pace import Backoff, Urgency
from handfast.testing import FakeClock
from handfast.workload_api import StatusCode, proto

X509 = proto.FETCH_X509_SVID
BUNDLES = proto.FETCH_X509_BUNDLES
STEADY = Backoff(first=1.0, most=30.0, random=lambda: 1.0)


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """Time passes when nobody has anything to do."""
    return trio.testing.MockClock(autojump_threshold=0)


class World:
    """An agent, and a source that follows it."""

    def __init__(self, nursery: trio.Nursery, path: Path) -> None:
        self.agent = FakeAgent(path)
        self.agents = Agents(nursery, self.agent)
        # When the identity was issued: a run of all tests takes minutes of its hour.
        self.now = FakeClock(svid().not_after - timedelta(hours=1))

    def source(self, **settings: Any) -> WorkloadApiSource:
        settings.setdefault("backoff", STEADY)
        return WorkloadApiSource(self.agent.endpoint, now=self.now, **settings)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the agent and the source work until something is so."""
        with trio.fail_after(300):
            while not condition():  # noqa: ASYNC110 - of things that tell nobody
                await trio.sleep(0.05)


def of(source: WorkloadApiSource, call: str = "FetchX509SVID") -> StreamStatistics:
    return source.statistics().streams[call]


@asynccontextmanager
async def world(*, start: bool = True) -> AsyncGenerator[World, None]:
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            it = World(nursery, path)
            if start:
                await it.agents.start()
                it.agent.say(X509, svids())
            yield it
            nursery.cancel_scope.cancel()


# ---- beginning ----


@trio_test
async def test_an_identity_comes_and_is_renewed(clock: trio.testing.MockClock) -> None:
    """WAPI-30, WAPI-33: one stream carries both, and stays open."""
    async with world() as it, it.source() as source:
        snapshot = await source.wait_ready(5)
        assert str(snapshot.svid.spiffe_id) == WEB
        assert snapshot.generation == 1
        assert snapshot.bundles[OWN] == messages.authority().bundle
        it.agent.say(X509, svids(part(svid(WEB, 1))))
        await source.wait_changed()
        renewed = source.snapshot()
        assert renewed.svid.chain == svid(WEB, 1).chain
        assert renewed.generation == 2
        assert it.agent.calls == {X509: 1}
        assert source.health.state == "healthy"


@trio_test
async def test_a_message_that_changes_nothing_is_suppressed(
    clock: trio.testing.MockClock,
) -> None:
    """W4: the same content is the same generation, and the very same snapshot."""
    async with world() as it, it.source() as source:
        before = await source.wait_ready(5)
        it.agent.say(X509, svids())
        await it.until(lambda: of(source).unchanged == 1)
        assert source.snapshot() is before


@trio_test
async def test_waiting_fails_with_the_reason(clock: trio.testing.MockClock) -> None:
    """P7: nobody is there, and the error says where nobody is."""
    async with world(start=False) as it, it.source() as source:
        with pytest.raises(SourceError) as caught:
            await source.wait_ready(20)
        assert caught.value.reason is Reason.SOURCE_UNAVAILABLE
        assert it.agent.endpoint in str(caught.value)
        assert source.health.state == "unavailable"
        with pytest.raises(SourceError):
            source.snapshot()


@trio_test
async def test_waiting_for_a_silent_agent_says_that_it_is_silent(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-34: an agent has to begin to answer; it is asked again meanwhile."""
    async with world() as it:
        it.agent.messages.clear()
        async with it.source(first_answer=2.0) as source:
            with pytest.raises(SourceError) as caught:
                await source.wait_ready(30)
            assert "no first answer in 2 seconds" in str(caught.value)
            assert it.agent.calls[X509] > 2


@trio_test
async def test_an_agent_that_starts_late_is_found(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-18: unreachable is asked again."""
    async with world(start=False) as it, it.source() as source:
        it.agent.say(X509, svids())
        with pytest.raises(SourceError):
            await source.wait_ready(10)
        await it.agents.start()
        assert (await source.wait_ready(60)).generation == 1
        assert source.trouble is None


@trio_test
async def test_before_the_beginning_there_is_nothing(
    clock: trio.testing.MockClock,
) -> None:
    async with world() as it:
        source = it.source()
        assert source.health.state == "starting"
        with pytest.raises(SourceError) as caught:
            source.snapshot()
        assert caught.value.reason is Reason.SOURCE_NOT_READY
        with pytest.raises(UsageError):
            await source.wait_ready(1)
        async with source:
            with pytest.raises(UsageError):
                async with source:
                    pass


@trio_test
async def test_the_endpoint_comes_from_the_environment(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WAPI-10: unless it is given."""
    async with world() as it:
        monkeypatch.setenv("SPIFFE_ENDPOINT_SOCKET", it.agent.endpoint)
        async with WorkloadApiSource(now=it.now) as source:
            assert (await source.wait_ready(5)).generation == 1
        monkeypatch.delenv("SPIFFE_ENDPOINT_SOCKET")
        with pytest.raises(ConfigError):
            WorkloadApiSource()


# ---- several identities ----


@trio_test
async def test_identities_are_chosen_by_hint_or_by_a_function(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-64, WAPI-65: the first by default; a hint that nobody has is an error."""
    async with world() as it:
        both = svids(part(svid(WEB), hint="out"), part(svid(API), hint="in"))
        it.agent.say(X509, both)
        async with it.source(hint="in") as source:
            assert str((await source.wait_ready(5)).svid.spiffe_id) == API
            assert str(source.view().snapshot().svid.spiffe_id) == WEB
            last = source.view(choose=lambda found: found[-1])
            assert str(last.snapshot().svid.spiffe_id) == API
            assert [it.hint for it in source.svids] == ["out", "in"]
            lost = source.view(hint="elsewhere")
            with pytest.raises(SourceError) as caught:
                lost.snapshot()
            assert caught.value.reason is Reason.SOURCE_NO_SUCH_IDENTITY
            assert "'in'" in str(caught.value)
            it.agent.say(X509, svids(part(svid(API))))
            await source.wait_changed()
            with pytest.raises(SourceError):
                source.snapshot()  # WAPI-36: the hint is gone, too
            assert source.health.state == "unavailable"


@pytest.mark.parametrize("answer", ["nobody", "a stranger", "an error"])
@trio_test
async def test_a_choice_that_is_none_gives_no_identity(
    clock: trio.testing.MockClock, answer: str
) -> None:
    """WAPI-65: never another identity than one that was given and chosen."""

    def choose(found: object) -> Any:
        if answer == "an error":
            raise ValueError("the application's")
        return None if answer == "nobody" else svid(API)

    async with world() as it, it.source(choose=choose) as source:
        with pytest.raises(SourceError) as caught:
            await source.wait_ready(3)
        assert caught.value.reason is Reason.SOURCE_NO_SUCH_IDENTITY


def test_hint_and_choice_exclude_each_other() -> None:
    with pytest.raises(ConfigError):
        WorkloadApiSource("unix:///run/a.sock", hint="x", choose=lambda _: None)


# ---- trouble ----


@trio_test
async def test_a_stream_that_ends_well_is_followed_at_once(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-31: without a moment's wait, over the same connection."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        await trio.sleep(100)
        began = trio.current_time()
        it.agent.end_streams()
        await it.until(lambda: it.agent.calls[X509] == 2 and it.agent.open == 1)
        assert trio.current_time() - began < 0.2
        statistics = source.statistics()
        assert statistics.connects == 1
        assert statistics.streams["FetchX509SVID"].failures == {}
        assert source.snapshot().generation == 1


@trio_test
async def test_an_agent_that_ends_each_stream_at_once_is_not_asked_in_a_hot_loop(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-31, P8."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        it.agent.end_streams()

        async def end_all() -> None:
            for begun in count(1):
                await it.until(lambda: it.agent.calls[X509] > begun)  # noqa: B023
                it.agent.end_streams()

        with trio.move_on_after(120):
            await end_all()
        assert 4 < it.agent.calls[X509] < 20
        assert source.snapshot().generation == 1


@trio_test
async def test_a_bad_message_is_told_and_changes_nothing(
    clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """W4, WAPI-39: the last good state stays, the stream stays, health says it."""
    async with world() as it, it.source() as source:
        before = await source.wait_ready(5)
        bad = svids()
        bad.svids[0].x509_svid_key = svid(API).key.der
        it.agent.say(X509, bad)
        await it.until(lambda: of(source).rejected == 1)
        assert source.snapshot() is before
        assert source.health.state == "stale"
        assert source.trouble is not None
        assert source.trouble.reason is Reason.SOURCE_INVALID
        assert "key_mismatch" in caplog.text
        assert it.agent.calls[X509] == 1
        it.agent.say(X509, svids(part(svid(WEB, 1))))
        await it.until(lambda: source.snapshot().generation == 2)
        assert source.health.state == "healthy"
        assert of(source).failure is None


@trio_test
async def test_what_the_agent_does_not_grant_any_more_is_withdrawn(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-51, WAPI-20, W4: PermissionDenied later: drop it, and ask again later."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        it.agent.fail(X509, StatusCode.PERMISSION_DENIED)
        await source.wait_changed()
        with pytest.raises(SourceError) as caught:
            source.snapshot()
        assert caught.value.reason is Reason.SOURCE_REFUSED
        assert it.agent.endpoint in str(caught.value)
        assert source.health.state == "unavailable"
        await it.until(lambda: it.agent.calls[X509] > 4)
        failures = source.statistics().failures
        assert failures == {"PERMISSION_DENIED": it.agent.calls[X509]} or (
            failures["PERMISSION_DENIED"] >= it.agent.calls[X509] - 1
        )
        it.agent.say(X509, svids())
        assert (await source.wait_ready(60)).generation == 2


@pytest.mark.parametrize(
    "code", [StatusCode.INVALID_ARGUMENT, StatusCode.UNIMPLEMENTED]
)
@trio_test
async def test_what_the_agent_does_not_take_is_not_tried_again(
    clock: trio.testing.MockClock, code: StatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    """WAPI-17, WAPI-21, WAPI-25: reported, once, and waiting for it ends at once."""
    async with world() as it:
        it.agent.fail(X509, code)
        async with it.source() as source:
            began = trio.current_time()
            with pytest.raises(SourceError) as caught:
                await source.wait_ready(1000)
            assert trio.current_time() - began < 5
            assert code.name in str(caught.value)
            await trio.sleep(1000)
            assert it.agent.calls[X509] == 1
            assert [it.levelname for it in caplog.records] == ["ERROR"]


@pytest.mark.parametrize(
    "code",
    [StatusCode.UNAVAILABLE, StatusCode.INTERNAL, StatusCode.RESOURCE_EXHAUSTED],
)
@trio_test
async def test_other_failures_keep_the_state_and_are_tried_again(
    clock: trio.testing.MockClock, code: StatusCode
) -> None:
    """WAPI-18: with growing waits."""
    async with world() as it, it.source() as source:
        before = await source.wait_ready(5)
        it.agent.fail(X509, code)
        began = trio.current_time()
        await it.until(lambda: it.agent.calls[X509] == 5)
        # 1 + 2 + 4 + 8 seconds.
        assert 14 < trio.current_time() - began < 17
        assert source.snapshot() is before
        assert source.health.state == "stale"
        it.agent.say(X509, svids())
        await it.until(lambda: source.trouble is None)
        assert source.snapshot() is before


@trio_test
async def test_an_agent_that_restarts_is_followed_again(
    clock: trio.testing.MockClock,
) -> None:
    """W4: what changed while nobody listened comes with the first message."""
    async with world() as it, it.source() as source:
        before = await source.wait_ready(5)
        it.agent.stop()
        await it.until(lambda: source.trouble is not None)
        assert source.snapshot() is before
        it.agent.say(X509, svids(part(svid(WEB, 1))))
        await it.agents.start()
        await it.until(lambda: source.snapshot().generation == 2)
        assert source.statistics().connects == 2
        assert source.health.state == "healthy"


# ---- the agent is gone (W5) ----


@trio_test
async def test_what_is_cached_serves_until_it_ends_with_growing_warnings(
    clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """W5: fail static until expiry, then fail with the agent's name."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        it.agent.stop()
        seen: list[tuple[int, Urgency]] = []
        caplog.clear()
        begin = it.now()
        for minutes in (10, 30, 50, 58):
            it.now.set(begin + timedelta(minutes=minutes))
            await trio.sleep(12)
            assert source.snapshot().generation == 1
            seen.append((minutes, source.statistics().urgency))
        assert seen == [
            (10, Urgency.FRESH),
            (30, Urgency.FRESH),
            (50, Urgency.URGENT),
            (58, Urgency.LAST),
        ]
        assert source.health.state == "stale"
        age = source.health.age(it.now())
        assert age is not None
        assert age >= timedelta(minutes=57)
        it.now.set(begin + timedelta(minutes=61))
        await trio.sleep(12)
        with pytest.raises(SourceError) as caught:
            source.snapshot()
        assert caught.value.reason is Reason.SOURCE_EXPIRED
        assert it.agent.endpoint in str(caught.value)
        statistics = source.statistics()
        assert statistics.expires_in is not None
        assert statistics.expires_in < 0
        assert statistics.streams["FetchX509SVID"].age is not None
        assert source.health.state == "unavailable"
        told = [
            (it.levelname, it.__dict__["urgency"])
            for it in caplog.records
            if "urgency" in it.__dict__
        ]
        assert told == [("WARNING", 2), ("ERROR", 3), ("CRITICAL", 4)]
        # It comes back: all is well.
        it.agent.say(X509, svids(part(messages.fresh(WEB, it.now))))
        await it.agents.start()
        await source.wait_ready(60)
        assert source.statistics().urgency is Urgency.FRESH


@trio_test
async def test_an_agent_that_does_not_renew_is_told_of_too(
    clock: trio.testing.MockClock,
) -> None:
    """W5: connected is not healthy."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        it.now.advance(minutes=55)
        assert source.statistics().connected
        assert source.health.state == "stale"


@trio_test
async def test_a_message_does_not_bring_back_what_has_ended(
    clock: trio.testing.MockClock,
) -> None:
    """W4, W5: an agent that repeats an old SVID is rejected."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        it.now.advance(hours=2)
        it.agent.end_streams()
        await it.until(lambda: of(source).rejected)
        with pytest.raises(SourceError) as caught:
            source.snapshot()
        assert caught.value.reason is Reason.SOURCE_EXPIRED


# ---- bundles alone ----


@trio_test
async def test_a_verifier_needs_no_identity_of_its_own(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-53: bundles alone, dropped when they are redacted or denied."""
    async with world() as it:
        own, other = messages.authority().bundle, messages.authority(OTHER).bundle
        it.agent.say(BUNDLES, messages.bundles(own, other))
        async with it.source(x509="bundles") as source:
            bundles = await source.wait_bundles(5)
            assert {it.trust_domain.name for it in bundles} == {OWN, OTHER}
            assert source.health.ok
            with pytest.raises(SourceError):
                source.snapshot()
            with pytest.raises(UsageError):
                await source.wait_ready(1)
            it.agent.say(BUNDLES, messages.bundles(own))
            await source.wait_changed()
            assert OTHER not in source.bundles
            it.agent.fail(BUNDLES, StatusCode.PERMISSION_DENIED)
            await source.wait_changed()
            with pytest.raises(SourceError) as caught:
                _ = source.bundles
            assert caught.value.reason is Reason.SOURCE_REFUSED
            assert it.agent.calls[X509] == 0


# ---- the end ----


@trio_test
async def test_the_end_leaves_nothing_behind_but_the_last_snapshot(
    clock: trio.testing.MockClock,
) -> None:
    async with world() as it:
        async with it.source() as source:
            before = await source.wait_ready(5)
        await it.until(lambda: it.agent.open == 0)
        assert source.snapshot() is before


@trio_test
async def test_errors_of_the_block_come_out_as_they_are(
    clock: trio.testing.MockClock,
) -> None:
    async with world() as it:

        async def block() -> None:
            async with it.source() as source:
                await source.wait_ready(5)
                raise KeyError

        with pytest.raises(KeyError):
            await block()
        with trio.move_on_after(1) as scope:
            async with it.source():
                await trio.sleep_forever()
        assert scope.cancelled_caught


@trio_test
async def test_threads_get_snapshots_while_they_change(
    clock: trio.testing.MockClock,
) -> None:
    """P5, P9: any thread, at once, and always one whole message."""
    whole = {svid(WEB, it).chain[0]: svid(WEB, it).key for it in range(8)}
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        stop = False

        def look() -> int:
            seen: dict[int, bytes] = {}
            while not stop:
                snapshot = source.snapshot()
                leaf = snapshot.svid.chain[0]
                assert whole[leaf] == snapshot.svid.key
                assert seen.setdefault(snapshot.generation, leaf) == leaf
            return len(seen)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, look)
            for number in range(1, 8):
                it.agent.say(X509, svids(part(svid(WEB, number))))
                with trio.fail_after(60):
                    while source.snapshot().generation != number + 1:
                        await trio.lowlevel.checkpoint()
            stop = True
