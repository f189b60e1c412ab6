# SPDX-License-Identifier: Apache-2.0
"""A call to a Workload API is cancelled at every step: the channel serves on (D6)."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from itertools import count

import pytest
import trio
import trio.testing
from tests.support.cancelling import cancelled_at
from tests.support.net_world import PATIENCE, trio_test
from tests.support.sweep import Sweep, descriptors
from tests.support.wire_world import COUNT, ECHO, serving

from handfast.workload_api import Channel, ServerLimits, proto

#: More steps than a call has, should it never end.
STEPS = 1000


async def unary(channel: Channel) -> None:
    request = proto.JWTSVIDRequest(audience=["a"] * 3)
    answer = await channel.unary(ECHO, request, proto.JWTSVIDResponse, timeout=PATIENCE)
    assert len(answer.svids) == 3


async def stream(channel: Channel) -> None:
    async with channel.stream(
        COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse
    ) as answers:
        found = [it.svids[0].spiffe_id async for it in answers]
    assert found == ["0", "1", "2"]


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("call", [unary, stream])
@trio_test
async def test_a_call_may_be_cancelled_at_every_step(
    call: Callable[[Channel], Awaitable[None]], beside: bool
) -> None:
    """D6: with another call on the channel, for which somebody has to read, or none."""
    sweep = Sweep(f"cancelled {call.__name__} on a channel")
    # So many resets within a second or two are a flood otherwise, on a fast machine.
    calm = ServerLimits(control_burst=1_000_000)
    async with serving(limits=calm) as served, await served.open() as channel:
        await unary(channel)  # the connection has begun
        for k in count(1):
            assert k < STEPS

            async def once() -> None:
                await call(channel)

            async with trio.open_nursery() as nursery:
                if beside:
                    nursery.start_soon(stream, channel)
                was = await cancelled_at(k, once)
                sweep.injected += was
            await unary(channel)
            assert channel.is_usable
            assert channel._wire.calls == 0
            if not was:
                break
        assert served.statistics.accepted == 1
        assert not served.statistics.failed
    sweep.report()


@trio_test
async def test_connecting_may_be_cancelled_at_every_step() -> None:
    """D6, D10: no descriptor is left behind."""
    sweep = Sweep("cancelled connects to a Workload API")
    async with serving() as served:
        gc.collect()  # what earlier tests left
        before = descriptors()

        async def once() -> None:
            async with await served.open() as channel:
                await unary(channel)

        for k in count(1):
            was = await cancelled_at(k, once)
            sweep.injected += was
            # Whoever was cut off may not have been accepted yet, and is so first.
            await trio.testing.wait_all_tasks_blocked()
            while served.statistics.connections:
                await trio.testing.wait_all_tasks_blocked()
            sweep.leaked += descriptors() != before
            if not was:
                break
    sweep.report()
