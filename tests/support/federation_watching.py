# SPDX-License-Identifier: Apache-2.0
"""Federations watched in tests, with a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trio
from tests.support.bundle_server import (
    PARTNER,
    Served,
)
from tests.support.net_world import authority
from trio.testing import MockClock

from handfast.authority import Authority
from handfast.federation import (
    BundleEndpoint,
    EndpointStatistics,
    FederationManager,
)
from handfast.net import secure_endpoint

WHEN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def document(
    sequence: int | None = None, hint: int | None = None, of: Authority | None = None
) -> bytes:
    bundle = (of or authority(PARTNER)).bundle
    return replace(bundle, sequence=sequence, refresh_hint=hint).to_json()


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


class World:
    """A manager of endpoints, running, and its clock."""

    def __init__(self, manager: FederationManager, clock: MockClock) -> None:
        self.manager = manager
        self.clock = clock

    def facts(self, name: str = PARTNER) -> EndpointStatistics:
        every = self.manager.statistics().endpoints
        return next(it for it in every if it.trust_domain.name == name)

    def attempts(self, name: str = PARTNER) -> int:
        facts = self.facts(name)
        return facts.fetches + sum(facts.failures.values())

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await trio.testing.wait_all_tasks_blocked(cushion=0.005)

    async def until_attempts(self, count: int, name: str = PARTNER) -> None:
        await self.until(lambda: self.attempts(name) >= count)
        # And until the task has gone to sleep: then the clock may be moved.
        await trio.testing.wait_all_tasks_blocked(cushion=0.005)
        assert self.attempts(name) == count

    async def pass_time(self, seconds: float) -> None:
        self.clock.jump(seconds)
        await trio.testing.wait_all_tasks_blocked(cushion=0.005)


@asynccontextmanager
async def watching(
    *endpoints: BundleEndpoint, clock: MockClock, **settings: Any
) -> AsyncGenerator[World, None]:
    """Run a manager around a test; its wall clock follows trio's."""
    begin = trio.current_time()
    manager = FederationManager(
        endpoints,
        secure=secure_endpoint,
        now=lambda: WHEN + timedelta(seconds=clock.current_time() - begin),
        **settings,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(manager.run)
        yield World(manager, clock)
        nursery.cancel_scope.cancel()


def move(manager: FederationManager, served: Served) -> None:
    """Let the same endpoint be on another port: as if its server were restarted."""
    [relationship] = manager._relationships
    url = replace(relationship.endpoint.url, port=served.port)
    relationship.endpoint = replace(relationship.endpoint, url=url)
