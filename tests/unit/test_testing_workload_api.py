# SPDX-License-Identifier: Apache-2.0
"""The fake Workload API for tests: in trio programs, and beside any other."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import trio
from tests.support.net_world import PATIENCE, trio_test

from handfast.testing import FakeWorkloadApi
from handfast.workload_api import RpcError, open_channel, proto


async def tokens(api: FakeWorkloadApi) -> list[str]:
    async with await open_channel(api.endpoint) as channel:
        answer = await channel.unary(
            proto.FETCH_JWT_SVID,
            proto.JWTSVIDRequest(audience=["x"]),
            proto.JWTSVIDResponse,
            timeout=PATIENCE,
        )
    return [it.spiffe_id for it in answer.svids]


@trio_test
async def test_it_is_gone_when_the_context_is_left() -> None:
    api = FakeWorkloadApi()
    async with api:
        path = Path(api.endpoint.path)
        assert await tokens(api) == ["spiffe://example.org/workload"]
    assert not await trio.Path(path.parent).exists()


@trio_test
async def test_an_error_of_the_test_comes_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with FakeWorkloadApi():
            1 / 0  # noqa: B018


@trio_test
async def test_a_restart_cuts_all_connections_and_serves_again() -> None:
    async with (
        FakeWorkloadApi() as api,
        await open_channel(api.endpoint) as channel,
        channel.stream(
            proto.FETCH_X509_SVID, proto.X509SVIDRequest(), proto.X509SVIDResponse
        ) as answers,
    ):
        await anext(answers)
        await api.restart()
        with pytest.raises(RpcError):
            await anext(answers)
        assert await tokens(api) == ["spiffe://example.org/workload"]


@trio_test
async def test_a_path_that_cannot_be_used_is_an_error_of_the_context() -> None:
    with pytest.raises(OSError, match="No such file"):
        async with FakeWorkloadApi(path="/no/such/folder/api.sock"):
            pass


def test_it_serves_programs_without_trio() -> None:
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        api = FakeWorkloadApi(path=f"{folder}/api.sock")
        with api.in_thread():
            assert trio.run(tokens, api) == ["spiffe://example.org/workload"]
            api.set_ids("spiffe://example.org/other")
            assert trio.run(tokens, api) == ["spiffe://example.org/other"]
        with (
            pytest.raises(OSError, match="No such file"),
            FakeWorkloadApi(path=f"{folder}/none/api.sock").in_thread(),
        ):
            pass


def test_forging_needs_no_event_loop() -> None:
    code = "import sys, handfast.testing; sys.exit('trio' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
