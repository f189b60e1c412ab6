# SPDX-License-Identifier: Apache-2.0
"""Our source at a Workload API on grpcio, gRPC's C core."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from tests.interop.agents import short_folder
from tests.interop.following import follow, serial, until, until_troubled
from tests.interop.world import PATIENCE, Running, running

from handfast import WorkloadApiSource
from handfast.workload_api import ClientLimits

_PROGRAM = Path(__file__).parent / "peers" / "grpcio_agent.py"


class Agent:
    """A running agent: where it is, and what it is told."""

    def __init__(self, process: Running, endpoint: str) -> None:
        self.process = process
        self.endpoint = endpoint

    async def tell(self, command: str) -> None:
        """Give a command and wait until it is done."""

        def tell() -> None:
            self.process.send(f"{command}\n")
            self.process.event("done")

        await trio.to_thread.run_sync(tell)

    async def next_stream(self) -> str:
        """Wait until somebody opens a stream; gives the program that it says it is."""
        event = await trio.to_thread.run_sync(self.process.event, "stream")
        return str(event["agent"])


@pytest.fixture
def agent() -> Iterator[Agent]:
    with short_folder() as folder:
        socket = folder / "api"
        with running(sys.executable, _PROGRAM, socket) as process:
            process.event("ready")
            yield Agent(process, f"unix://{socket}")


def test_streams_and_their_clean_ends(agent: Agent) -> None:
    """WAPI-31: a stream that ended well is opened again at once."""

    async def test(source: WorkloadApiSource) -> None:
        await agent.next_stream()
        first = source.snapshot()
        await agent.tell("rotate")
        second = await until(source, lambda it: serial(it) != serial(first))
        await agent.tell("end")
        await agent.next_stream()
        third = await until(source, lambda it: serial(it) != serial(second))
        assert third.generation > second.generation > first.generation
        assert source.statistics().streams["FetchX509SVID"].failures == {}

    follow(agent.endpoint, test)


def test_unavailable_is_asked_again(agent: Agent) -> None:
    """WAPI-18: what there was stays in use meanwhile."""

    async def test(source: WorkloadApiSource) -> None:
        await agent.next_stream()
        before = source.snapshot()
        await agent.tell("fail UNAVAILABLE")
        await agent.next_stream()
        assert serial(source.snapshot()) == serial(before)
        await agent.tell("well")
        await until(source, lambda it: serial(it) != serial(before))

    follow(agent.endpoint, test)


def test_invalid_argument_is_never_asked_again(agent: Agent) -> None:
    """WAPI-17: it is told, and what there was stays in use until it ends."""

    async def test(source: WorkloadApiSource) -> None:
        await agent.next_stream()
        before = source.snapshot()
        await agent.tell("fail INVALID_ARGUMENT")
        while source.trouble is None:
            await source.wait_changed()
        assert "INVALID_ARGUMENT" in str(source.trouble)
        assert serial(source.snapshot()) == serial(before)
        stream = source.statistics().streams["FetchX509SVID"]
        assert (stream.opened, stream.connected) == (1, False)

    follow(agent.endpoint, test)


def test_an_agent_that_was_stopped_is_noticed(agent: Agent) -> None:
    """W5: nothing is closed and nothing fails, only a PING has no answer."""
    limits = ClientLimits(ping_after=0.1, ping_timeout=1.0)

    async def test(source: WorkloadApiSource) -> None:
        await agent.next_stream()
        before = source.snapshot()
        agent.process.process.send_signal(signal.SIGSTOP)
        try:
            await until_troubled(source)
            assert "PING" in str(source.trouble)
            assert source.health.state == "stale"
            assert source.snapshot() is before
        finally:
            agent.process.process.send_signal(signal.SIGCONT)
        while source.trouble is not None:
            await source.wait_changed()

    follow(agent.endpoint, test, limits=limits)


def test_two_early_questions_are_borne_and_the_fourth_is_too_many(agent: Agent) -> None:
    """P8: gRPC's own count, which is why no source asks more than that."""

    async def test(source: WorkloadApiSource) -> None:
        await agent.next_stream()
        [follower] = source._life.followers
        used = source._life.link._current
        assert used is not None
        channel = used.channel

        async def rest() -> None:
            """Wait until somebody waits for the agent, and no question is open."""
            pulse = channel._pulse
            while not channel._reading or pulse._asked_at or pulse._early:
                await trio.lowlevel.checkpoint()

        for _ in range(3):  # the first one is in time: there was none before it
            await rest()
            channel.probe(PATIENCE)
        await rest()
        assert (follower.failures, channel.is_usable) == ({}, True)
        channel.probe(PATIENCE)
        await until_troubled(source)
        assert "too many pings" in str(source.trouble).lower().replace("_", " ")

    follow(agent.endpoint, test, limits=ClientLimits(ping_timeout=PATIENCE))
