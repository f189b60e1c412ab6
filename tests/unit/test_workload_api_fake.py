# SPDX-License-Identifier: Apache-2.0
"""The source against the server of ours that tests of applications use."""

from __future__ import annotations

import pytest
import trio
from tests.support.net_world import PATIENCE, trio_test

from handfast import Reason, SourceError, WorkloadApiSource, sync
from handfast.authority import Authority
from handfast.sources import Backoff
from handfast.testing import FakeWorkloadApi

WEB, API = "spiffe://example.org/web", "spiffe://example.org/api"
SOON = Backoff(first=0.02, most=0.1)


@trio_test
async def test_all_that_an_agent_does_is_followed() -> None:
    """WAPI-30, WAPI-37, WAPI-51, WAPI-64: our own client and our own server."""
    agent = FakeWorkloadApi(ids=[WEB, API])
    async with (
        agent,
        WorkloadApiSource(agent.endpoint, jwt_bundles=True, backoff=SOON) as source,
    ):
        first = await source.wait_ready(PATIENCE)
        assert [str(it.spiffe_id) for it in first.svids] == [WEB, API]
        await source.wait_jwt_bundles(10)
        token = await source.fetch_jwt_svid("shop")
        assert str((await source.validate_jwt_svid(token.token, "shop")).spiffe_id) == (
            WEB
        )
        by_agent = await source.validate_jwt_svid(token.token, "shop", by="agent")
        assert by_agent == token

        agent.rotate()
        while source.snapshot().generation == 1:
            await source.wait_changed()
        assert source.snapshot().svid.chain != first.svid.chain

        other = Authority("b.example").bundle
        agent.set_bundles(federated=[other])
        while "b.example" not in source.bundles:
            await source.wait_changed()
        agent.set_bundles(federated=[])
        while "b.example" in source.bundles:
            await source.wait_changed()

        agent.set_ids(API, hints={API: "internal"})
        while source.snapshot().svid.hint != "internal":
            await source.wait_changed()

        agent.deny()
        while source.svids:
            await source.wait_changed()
        with pytest.raises(SourceError) as caught:
            source.snapshot()
        assert caught.value.reason is Reason.SOURCE_REFUSED
        agent.fail(None)
        assert str((await source.wait_ready(PATIENCE)).svid.spiffe_id) == API


def test_a_script_asks_an_agent_in_a_thread() -> None:
    with FakeWorkloadApi(ids=[WEB]).in_thread() as agent:
        snapshot = sync.fetch_x509(agent.address)
        assert str(snapshot.svid.spiffe_id) == WEB
        assert agent.bundle in list(sync.fetch_x509_bundles(agent.address))
        token = sync.fetch_jwt_svid("shop", endpoint=agent.address)
        judged = sync.validate_jwt_svid(token.token, "shop", endpoint=agent.address)
        assert judged == token


def test_an_event_loop_is_gone_when_a_script_has_its_answer() -> None:
    with FakeWorkloadApi(ids=[WEB]).in_thread() as agent:
        for _ in range(3):
            sync.fetch_x509(agent.address)
        assert not trio.lowlevel.in_trio_run()
