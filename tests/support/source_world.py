# SPDX-License-Identifier: Apache-2.0
"""An agent, and a source that follows it, on a clock that jumps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import trio
from tests.support.agent_messages import svid, svids
from tests.support.fake_agent import Agents, FakeAgent, socket_path

from handfast.sources.workload_api import WorkloadApiSource
from handfast.sources.workload_api_books import StreamStatistics
from handfast.sources.workload_api_pace import Backoff
from handfast.testing import FakeClock
from handfast.workload_api import proto

X509 = proto.FETCH_X509_SVID
STEADY = Backoff(first=1.0, most=30.0, random=lambda: 1.0)


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
