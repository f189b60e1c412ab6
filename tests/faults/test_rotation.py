# SPDX-License-Identifier: Apache-2.0
"""Rotation under load, the short form of `make soak` (P5)."""

from __future__ import annotations

import gc

import trio
from tests.soak.rotation import live_snapshots, rotate_under_load
from tests.support.net_world import trio_test

TICKS = 16
CLIENTS = 10


@trio_test
async def test_rotation_under_load_loses_nothing_and_keeps_nothing() -> None:
    """P5: no failed handshake, no dropped stream, and old snapshots are freed."""
    gc.collect()
    before = live_snapshots()

    async def pause() -> None:
        # Not by the clock: as long as a few dozen steps of every task take.
        for _ in range(100):
            await trio.lowlevel.checkpoint()

    outcome = await rotate_under_load(TICKS, CLIENTS, pause)
    assert outcome.failed == []
    assert outcome.ticks == TICKS
    assert outcome.handshakes >= CLIENTS
    assert outcome.messages >= outcome.handshakes
    assert outcome.flat, outcome.snapshots
    gc.collect()
    assert live_snapshots() <= before
