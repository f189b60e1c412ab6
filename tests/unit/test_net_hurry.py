# SPDX-License-Identifier: Apache-2.0
"""D1: one task for all deadlines of handshakes, which ends those that are late."""

from __future__ import annotations

import gc
import math
import weakref

import pytest
import trio
import trio.testing
from tests.support.net_world import trio_test

from handfast import HandfastError, Reason
from handfast.net.hurry import hurry


class Shaking:
    """A handshake that is done when a test says so."""

    def __init__(self) -> None:
        self.is_shaking_hands = True
        self.ended_at = math.inf
        self.told = ""

    def give_up(self, why: HandfastError) -> None:
        assert why.reason is Reason.HANDSHAKE_TIMEOUT
        self.is_shaking_hands = False
        self.ended_at = trio.current_time()
        self.told = why.detail.expected


@pytest.fixture
def clock() -> trio.testing.MockClock:
    return trio.testing.MockClock(autojump_threshold=0)


@trio_test
async def test_each_ends_at_its_own_deadline(clock: trio.testing.MockClock) -> None:
    """Whatever the order in which they came: a later one may be due first."""
    seconds = (10.0, 3.0, 7.0, 3.0, 0.0)
    streams = [Shaking() for _ in seconds]
    begin = trio.current_time()
    for stream, given in zip(streams, seconds, strict=True):
        hurry(stream, given)
    await trio.sleep(11)
    assert [it.ended_at - begin for it in streams] == pytest.approx(seconds)
    assert [it.told for it in streams] == [
        f"a handshake in {n:g} seconds" for n in seconds
    ]


@trio_test
async def test_what_is_done_is_left_alone(clock: trio.testing.MockClock) -> None:
    done, late = Shaking(), Shaking()
    hurry(done, 5)
    hurry(late, 6)
    await trio.sleep(1)
    done.is_shaking_hands = False
    await trio.sleep(10)
    assert done.ended_at == math.inf
    assert late.ended_at < math.inf


@trio_test
async def test_the_task_comes_back_after_it_had_nothing_left(
    clock: trio.testing.MockClock,
) -> None:
    for _ in range(3):
        stream = Shaking()
        hurry(stream, 2)
        await trio.sleep(50)
        assert "2 seconds" in stream.told


@trio_test
async def test_no_deadline_is_for_ever_and_stops_nobody_elses(
    clock: trio.testing.MockClock,
) -> None:
    endless, late = Shaking(), Shaking()
    hurry(endless, math.inf)
    hurry(late, 4)
    await trio.sleep(1000)
    assert endless.ended_at == math.inf
    assert late.ended_at < math.inf
    with pytest.raises(ValueError, match="number"):
        hurry(endless, math.nan)


@trio_test
async def test_a_deadline_keeps_no_stream_alive(clock: trio.testing.MockClock) -> None:
    stream = Shaking()
    left = weakref.ref(stream)
    hurry(stream, 100)
    del stream
    gc.collect()
    assert left() is None
    await trio.sleep(200)


@pytest.mark.parametrize("seconds", [86400, math.inf])
@trio_test
async def test_deadlines_far_away_do_not_pile_up(
    clock: trio.testing.MockClock, seconds: float
) -> None:
    """P8: what is done is forgotten long before it would be due; the rest is not."""
    late, done = Shaking(), Shaking()
    hurry(late, 4)
    for _ in range(10_000):
        hurry(done, seconds)
        done.is_shaking_hands = False
    assert len(gc.get_referrers(weakref.ref(done))) < 2_000
    await trio.sleep(5)
    assert late.ended_at < math.inf
    assert done.ended_at == math.inf


@trio_test
async def test_the_time_may_have_begun_before(clock: trio.testing.MockClock) -> None:
    stream, begin = Shaking(), trio.current_time()
    await trio.sleep(4)
    hurry(stream, 10, due=begin + 10)
    await trio.sleep(20)
    assert stream.ended_at - begin == pytest.approx(10)
    assert "10 seconds" in stream.told
