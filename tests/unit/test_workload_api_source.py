# SPDX-License-Identifier: Apache-2.0
"""The life of a Workload API source: its beginning, its identities, its end."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from tests.support import agent_messages as messages
from tests.support.agent_messages import API, OTHER, OWN, WEB, part, svid, svids
from tests.support.net_world import trio_test
from tests.support.source_world import X509, of, world

from handfast import ConfigError, Reason, SourceError, UsageError
from handfast.sources.workload_api import WorkloadApiSource
from handfast.workload_api import StatusCode, proto

BUNDLES = proto.FETCH_X509_BUNDLES


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


@trio_test
async def test_a_source_can_be_opened_again(clock: trio.testing.MockClock) -> None:
    async with world() as it:
        source = it.source()
        async with source:
            before = await source.wait_ready(5)
        it.agent.say(X509, svids(part(svid(WEB, 1))))
        assert source.snapshot() is before
        async with source:
            await it.until(lambda: source.snapshot().generation == 2)
