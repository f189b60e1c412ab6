# SPDX-License-Identifier: Apache-2.0
"""A Workload API source whose agent errs, goes, or does not renew."""

from __future__ import annotations

from itertools import count

import pytest
import trio
import trio.testing
from tests.support.agent_messages import API, WEB, part, svid, svids
from tests.support.net_world import trio_test
from tests.support.source_world import X509, of, world

from handfast import Reason, SourceError
from handfast.sources.workload_api_x509 import X509Reader
from handfast.workload_api import Channel, StatusCode, proto

BUNDLES = proto.FETCH_X509_BUNDLES


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
async def test_an_agent_that_was_away_is_found_before_a_short_svid_ends(
    clock: trio.testing.MockClock,
) -> None:
    """W5: the pauses keep to what is left, and get no longer when nothing is."""
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        it.now.advance(minutes=59, seconds=40)
        it.agent.stop()
        await it.until(lambda: sum(source.statistics().failures.values()) > 5)
        began = trio.current_time()
        await it.until(lambda: sum(source.statistics().failures.values()) > 7)
        assert trio.current_time() - began < 11
        it.now.advance(minutes=10)
        await it.until(lambda: sum(source.statistics().failures.values()) > 8)
        began = trio.current_time()
        await it.until(lambda: sum(source.statistics().failures.values()) > 10)
        assert 9 < trio.current_time() - began < 11


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


@trio_test
async def test_a_stream_that_ends_without_an_answer_is_a_failure(
    clock: trio.testing.MockClock,
) -> None:
    """WAPI-34, P8: status OK and nothing said: told, and asked again with pauses."""
    async with world() as it:
        it.agent.messages.clear()
        async with it.source() as source:
            for number in range(1, 4):
                await it.until(lambda: it.agent.calls[X509] == number)  # noqa: B023
                await it.until(lambda: it.agent.open == 1)
                it.agent.end_streams()
            await it.until(lambda: source.trouble is not None)
            assert "ended without an answer" in str(source.trouble)


@pytest.mark.parametrize("where", ["reading", "connecting"])
@trio_test
async def test_a_mistake_of_ours_ends_no_program(
    clock: trio.testing.MockClock,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """W4: what we did not foresee in an agent's bytes costs one message, or a pause."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in the middle of it")

    async with world() as it, it.source() as source:
        before = await source.wait_ready(5)
        with monkeypatch.context() as patch:
            if where == "reading":
                patch.setattr(X509Reader, "read_svids", broken)
            else:
                patch.setattr(Channel, "stream", broken)
            it.agent.say(X509, svids(part(svid(WEB, 1))))
            it.agent.end_streams()
            await it.until(lambda: source.trouble is not None)
            assert "ZeroDivisionError" in str(source.trouble)
            assert source.snapshot() is before
        assert "ZeroDivisionError" in caplog.text
        it.agent.end_streams()
        await it.until(lambda: source.snapshot().generation == 2)


@trio_test
async def test_a_connection_that_breaks_in_the_middle_is_made_anew(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WAPI-18: whatever error the system has for it."""

    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    async with world() as it, it.source() as source:
        before = await source.wait_ready(5)
        with monkeypatch.context() as patch:
            patch.setattr(Channel, "stream", broken)
            it.agent.end_streams()
            await it.until(lambda: source.trouble is not None)
            assert "Input/output error" in str(source.trouble)
        await it.until(lambda: source.trouble is None)
        assert source.snapshot() is before
