# SPDX-License-Identifier: Apache-2.0
"""Agents that are gone without a word are noticed, and silent ones are not pestered."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.agent_messages import WEB, part, svid, svids
from tests.support.half_open import HalfOpen
from tests.support.net_world import trio_test
from tests.support.source_world import X509, world
from tests.support.wire_world import COUNT, serving

from handfast.sources import Urgency
from handfast.workload_api import (
    Call,
    Channel,
    ClientLimits,
    Endpoint,
    RpcError,
    ServerStream,
    StatusCode,
    proto,
)
from handfast.workload_api.pulse import Pulse

HOUR = 3600.0
# gRPC servers' default: a PING that comes sooner after the last one is held against us.
LENIENCE = 300.0


async def _quiet(
    call: Call[str], request: proto.X509SVIDRequest
) -> AsyncGenerator[Any, None]:
    """Say one thing, and then nothing for ever."""
    yield proto.X509SVIDResponse()
    await trio.sleep_forever()


@asynccontextmanager
async def quiet_channel(
    limits: ClientLimits | None = None,
) -> AsyncIterator[tuple[Channel, HalfOpen]]:
    """A channel to a server that has nothing to say."""
    methods = {COUNT: ServerStream(proto.X509SVIDRequest, _quiet)}
    async with serving(methods) as served:
        line = HalfOpen(await served.endpoint.open())
        async with Channel(line, limits=limits) as channel:
            yield channel, line


def listen(channel: Channel) -> Any:
    return channel.stream(COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse)


@trio_test
async def test_a_silent_server_is_asked_seldom_and_kept(
    clock: trio.testing.MockClock,
) -> None:
    """P8: no more often than gRPC's servers bear by default."""
    async with quiet_channel() as (channel, line), listen(channel) as answers:
        await anext(answers)
        with trio.move_on_after(HOUR):
            await anext(answers)
        assert channel.is_usable
        assert 8 <= len(line.pings) <= 10
        assert all(later - sooner > LENIENCE for sooner, later in pairwise(line.pings))


@trio_test
async def test_a_server_that_vanished_is_noticed(clock: trio.testing.MockClock) -> None:
    """W5: nothing comes and nothing fails, on a connection that is half open."""
    async with quiet_channel() as (channel, line), listen(channel) as answers:
        await anext(answers)
        line.cut()
        began = trio.current_time()
        with pytest.raises(RpcError, match="not even to a PING") as caught:
            await anext(answers)
        assert caught.value.code is StatusCode.UNAVAILABLE
        assert trio.current_time() - began == pytest.approx(380, abs=1)
        assert len(line.pings) == 1
        assert not channel.is_usable
        with pytest.raises(RpcError):
            await channel.unary(
                COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse, timeout=5
            )


@trio_test
async def test_all_who_wait_are_told(clock: trio.testing.MockClock) -> None:
    told: list[RpcError] = []

    async def wait(answers: Any) -> None:
        with pytest.raises(RpcError) as caught:
            await anext(answers)
        told.append(caught.value)

    async with (
        quiet_channel() as (channel, line),
        listen(channel) as one,
        listen(channel) as two,
    ):
        await anext(one)
        await anext(two)
        line.cut()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, one)
            nursery.start_soon(wait, two)
    assert len(told) == 2


@trio_test
async def test_nobody_is_asked_while_nobody_waits(
    clock: trio.testing.MockClock,
) -> None:
    """Servers hold PINGs without a call against a client."""
    async with quiet_channel() as (channel, line):
        async with listen(channel) as answers:
            await anext(answers)
        await trio.sleep(500)  # ours lets go of who has no call in ten minutes
        channel.probe(1.0)
        async with listen(channel) as answers:
            await anext(answers)
            await trio.sleep(HOUR)
            with trio.move_on_after(100):
                await anext(answers)  # and what was asked for then is forgotten
        assert line.pings == []


@trio_test
async def test_silence_adds_up_over_those_who_wait_in_turn(
    clock: trio.testing.MockClock,
) -> None:
    async with quiet_channel() as (channel, line), listen(channel) as answers:
        await anext(answers)
        line.cut()
        turns = 0
        while channel.is_usable:
            turns += 1
            with trio.move_on_after(7.0), pytest.raises(RpcError):
                await anext(answers)
        assert turns == math.ceil(380 / 7)


@trio_test
async def test_what_came_while_nobody_read_is_a_sign_of_life(
    clock: trio.testing.MockClock,
) -> None:
    """An answer to a PING, too: it is not the server's fault that we were away."""
    async with quiet_channel() as (channel, line), listen(channel) as answers:
        await trio.sleep(2 * HOUR)
        await anext(answers)
        with trio.move_on_after(360.0):
            await anext(answers)
        for _ in range(5):
            await trio.sleep(HOUR)
            with trio.move_on_after(100.0):
                await anext(answers)
        assert line.pings
        assert channel.is_usable


@trio_test
async def test_nobody_is_given_up_before_a_look_at_what_is_there(
    clock: trio.testing.MockClock,
) -> None:
    """Also when the time for an answer ran out just as the last one stopped waiting."""
    async with quiet_channel() as (channel, _), listen(channel) as answers:
        await trio.sleep(1)
        now = trio.current_time()
        channel._pulse.begin(now - 1000)
        assert channel._pulse.ask(now - 500) is True
        channel._pulse.leave(now)
        await anext(answers)
        assert channel.is_usable


@trio_test
async def test_it_can_be_asked_ahead_of_time(clock: trio.testing.MockClock) -> None:
    """W5: of a server that lives nothing comes of it; one that is gone is found."""
    async with quiet_channel() as (channel, line), listen(channel) as answers:
        await anext(answers)

        async def probe() -> None:
            await trio.sleep(10.0)
            channel.probe(2.0)
            channel.probe(2.0)
            await trio.sleep(10.0)
            assert len(line.pings) == 1
            line.cut()
            channel.probe(2.0)

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(probe)
            with pytest.raises(RpcError, match="PING"):
                await anext(answers)
        assert trio.current_time() - began == pytest.approx(22, abs=1)


@trio_test
async def test_asking_can_be_switched_off(clock: trio.testing.MockClock) -> None:
    limits = ClientLimits(ping_after=math.inf)
    async with quiet_channel(limits) as (channel, line), listen(channel) as answers:
        await anext(answers)
        line.cut()
        with trio.move_on_after(100 * HOUR):
            await anext(answers)
        assert line.pings == []
        assert channel.is_usable


class Lines:
    """Connects to agents over connections that can be cut."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all: list[HalfOpen] = []
        real = Endpoint.open

        async def half_open(endpoint: Endpoint) -> HalfOpen:
            self.all.append(HalfOpen(await real(endpoint)))
            return self.all[-1]

        monkeypatch.setattr(Endpoint, "open", half_open)


@trio_test
async def test_a_source_finds_its_agent_again_over_a_new_connection(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W5: the agent is there, and the connection to it leads nowhere."""
    lines = Lines(monkeypatch)
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        lines.all[0].cut()
        it.agent.say(X509, svids(part(svid(WEB, 1))))
        began = trio.current_time()
        await trio.sleep(350)
        assert source.trouble is None
        await it.until(lambda: source.trouble is not None)
        assert "PING" in str(source.trouble)
        await it.until(lambda: source.snapshot().generation == 2)
        assert trio.current_time() - began < 400
        assert source.health.state == "healthy"
        assert source.statistics().connects == 2


@trio_test
async def test_an_urgent_renewal_asks_at_once_and_no_more_than_twice(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W5, P8: a third PING between two messages could end the connection."""
    lines = Lines(monkeypatch)
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        [line] = lines.all
        for minutes in (25, 24, 5, 4, 8, 2):
            it.now.advance(minutes=minutes)
            await trio.sleep(12)
        assert source.statistics().urgency is Urgency.EXPIRED
        assert len(line.pings) == 2
        assert len(lines.all) == 1


@trio_test
async def test_an_urgent_renewal_comes_in_time_over_a_new_connection(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W5: seconds, and not minutes, after it got urgent."""
    lines = Lines(monkeypatch)
    async with world() as it, it.source() as source:
        await source.wait_ready(5)
        lines.all[0].cut()
        it.agent.say(X509, svids(part(svid(WEB, 1))))
        it.now.set(source.snapshot().svid.not_after - timedelta(minutes=10))
        began = trio.current_time()
        await it.until(lambda: source.snapshot().generation == 2)
        assert trio.current_time() - began < 30


# ---- the machine alone ----


def test_an_early_question_has_its_own_patience_and_the_next_one_not() -> None:
    pulse = Pulse(after=100.0, within=20.0)
    pulse.begin(0.0)
    assert pulse.hurry(3.0)
    assert pulse.ask(1.0) is True
    assert not pulse.hurry(1.0)  # it is asked already
    assert pulse.deadline == 4.0
    assert pulse.ask(3.9) is None
    pulse.heard(3.9)
    assert pulse.deadline == 103.9  # after what was heard
    assert pulse.ask(103.9) is True
    assert pulse.deadline == 123.9
    assert pulse.ask(123.9) is False


def test_an_early_question_never_has_more_patience_than_others() -> None:
    pulse = Pulse(after=100.0, within=20.0)
    pulse.begin(0.0)
    pulse.hurry(1000.0)
    pulse.ask(0.0)
    assert pulse.deadline == 20.0


def test_time_in_which_nobody_waits_is_no_silence() -> None:
    """Neither before a question nor after it."""
    pulse = Pulse(after=100.0, within=20.0)
    pulse.begin(0.0)
    pulse.leave(10.0)
    pulse.begin(1000.0)
    assert pulse.deadline == 1090.0
    assert pulse.ask(1090.0) is True
    pulse.leave(1095.0)
    pulse.begin(5000.0)
    assert pulse.deadline == 5015.0
    assert pulse.ask(5014.0) is None
    assert pulse.ask(5015.0) is False


def test_two_questions_are_never_closer_than_they_may_be() -> None:
    """P8: not after an early one, either."""
    pulse = Pulse(after=100.0, within=20.0)
    pulse.begin(0.0)
    pulse.hurry(5.0)
    assert pulse.ask(99.0) is True
    pulse.heard(99.1)
    assert pulse.ask(198.0) is None
    assert pulse.ask(199.2) is True
