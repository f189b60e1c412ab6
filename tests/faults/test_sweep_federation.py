# SPDX-License-Identifier: Apache-2.0
"""A refresh cancelled at its k-th step, and an answer cut at its k-th byte, for all k.

Afterwards memory and disk say the same, nothing is left open, and the next one works.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from tests.support.bundle_server import (
    ENDPOINT_ID,
    LOOPBACK,
    PARTNER,
    Served,
    endpoint_of,
    http,
    svid_context,
)
from tests.support.cancelling import cancelled_at
from tests.support.net_world import PATIENCE, authority, trio_test
from tests.support.sweep import Sweep, descriptors, stride

from handfast import BundleDocument, HandfastError, TrustDomain
from handfast.federation import BundleEndpoint, FederationManager
from handfast.federation.state import FederationState
from handfast.net import secure_endpoint

MANY = 1000


def document(sequence: int) -> bytes:
    bundle = replace(authority(PARTNER).bundle, sequence=sequence, refresh_hint=86400)
    return BundleDocument.of(bundle).to_json()


@asynccontextmanager
async def watched(
    state: Path,
) -> AsyncGenerator[tuple[FederationManager, Served], None]:
    """Run an endpoint and a manager that has fetched from it once."""
    svid = authority(PARTNER).issue(ENDPOINT_ID)
    answers = {"/": http(document(0))}
    async with endpoint_of(svid_context(svid), answers) as served:
        endpoint = BundleEndpoint.https_spiffe(
            PARTNER,
            served.url("/", "127.0.0.1"),  # no resolver's thread takes part
            endpoint_id=ENDPOINT_ID,
            bundle=authority(PARTNER).bundle,
            allow_networks=LOOPBACK,
        )
        manager = FederationManager([endpoint], secure=secure_endpoint, state=state)
        async with trio.open_nursery() as nursery:
            await nursery.start(manager.run)
            await manager.wait_ready(PATIENCE)
            yield manager, served
            nursery.cancel_scope.cancel()


def kept(state: Path) -> int | None:
    """What a restart would know."""
    return FederationState(state).load()[TrustDomain(PARTNER)].document.sequence


async def are_open(files: int) -> bool:
    """Wait until no more are open than before: a server hears late that we are gone."""
    with trio.move_on_after(PATIENCE / 2):
        while descriptors() > files:
            await trio.testing.wait_all_tasks_blocked(cushion=0.01)
    return descriptors() <= files


@trio_test
async def test_a_refresh_cancelled_at_every_step(tmp_path: Path) -> None:
    """D6, FED-06: what is in use is what was saved; the next refresh brings the newest.

    F2: and never an older one.
    """
    sweep = Sweep("cancelled at every step: a refresh of a federation")
    async with watched(tmp_path) as (manager, served):
        await manager.refresh(PARTNER)
        await trio.testing.wait_all_tasks_blocked(cushion=0.02)
        files = descriptors()
        for k in range(MANY):
            newest = k + 1
            served.answers["/"] = http(document(newest))

            async def refresh() -> None:
                await manager.refresh(PARTNER)

            was_cancelled = await cancelled_at(k, refresh)
            in_use = manager.bundles[PARTNER].sequence
            sweep.accepted += in_use not in {newest - 1, newest}
            sweep.accepted += kept(tmp_path) != in_use
            await manager.refresh(PARTNER)
            sweep.accepted += manager.bundles[PARTNER].sequence != newest
            sweep.leaked += not await are_open(files)
            if not was_cancelled:
                break
            sweep.injected += 1
        assert 5 < k < MANY
    sweep.report()


@trio_test
async def test_an_answer_cut_at_every_byte(tmp_path: Path) -> None:
    """D4, F2: nothing that is not whole is taken for a document."""
    sweep = Sweep("cut at every byte: the answer of a bundle endpoint")
    async with watched(tmp_path) as (manager, served):
        whole = http(document(1))
        for k in range(0, len(whole), stride(29)):
            served.answers["/"] = whole[:k]
            with pytest.raises(HandfastError) as caught:
                await manager.refresh(PARTNER)
            sweep.note(caught.value)
            sweep.injected += 1
            sweep.accepted += manager.bundles[PARTNER].sequence != 0
        served.answers["/"] = whole
        assert await manager.refresh(PARTNER)
    sweep.report()
