# SPDX-License-Identifier: Apache-2.0
"""Waiting for what an agent's change does to our source; no clock but a last bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import trio
from tests.interop.world import PATIENCE

from handfast import SourceError, SourceSnapshot, WorkloadApiSource
from handfast.workload_api import ClientLimits


async def until(
    source: WorkloadApiSource, holds: Callable[[SourceSnapshot], bool]
) -> SourceSnapshot:
    """Wait for a snapshot of which something holds."""
    while True:
        with suppress(SourceError):
            snapshot = source.snapshot()
            if holds(snapshot):
                return snapshot
        await source.wait_changed()


async def until_withdrawn(source: WorkloadApiSource) -> SourceError:
    """Wait until there is no snapshot any more; gives the reason."""
    while True:
        try:
            source.snapshot()
        except SourceError as reason:
            return reason
        await source.wait_changed()


async def until_troubled(source: WorkloadApiSource) -> None:
    """Wait until it knows that its agent is gone, which changes no snapshot."""
    while source.trouble is None:
        await source.wait_changed()


def serial(snapshot: SourceSnapshot) -> int:
    """Which certificate we have now."""
    return snapshot.svid.leaf.serial_number


@asynccontextmanager
async def opened(
    endpoint: str, *, jwt_bundles: bool = False, limits: ClientLimits | None = None
) -> AsyncIterator[WorkloadApiSource]:
    """Our source at an agent, when it has its first identity."""
    async with WorkloadApiSource(
        endpoint, jwt_bundles=jwt_bundles, limits=limits
    ) as source:
        await source.wait_ready(PATIENCE)
        yield source


def follow(
    endpoint: str,
    test: Callable[[WorkloadApiSource], Awaitable[None]],
    *,
    jwt_bundles: bool = False,
    limits: ClientLimits | None = None,
) -> None:
    """Run a test in trio with an opened source."""

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            opening = opened(endpoint, jwt_bundles=jwt_bundles, limits=limits)
            async with opening as source:
                await test(source)

    trio.run(main)
