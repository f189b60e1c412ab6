# SPDX-License-Identifier: Apache-2.0
"""An authority at work: it attests who connects to its socket, and answers."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio
from tests.support.authority_state import settings

from handfast.authority.attest import Attestor
from handfast.authority.service import AuthorityService
from handfast.authority.state import AuthorityState
from handfast.authority.workload_socket import open_workload_socket
from handfast.workload_api import Endpoint, ServiceLimits, serve_workload_api

ME = f"unix:uid:{os.getuid()}"
SHOP = "spiffe://a.example/shop"


@dataclass
class Served:
    state: AuthorityState
    service: AuthorityService
    endpoint: Endpoint
    folder: Path

    def other_process(self) -> AuthorityState:
        return AuthorityState.look(self.folder)


@asynccontextmanager
async def authority(tmp_path: Path) -> AsyncGenerator[Served, None]:
    folder, path = tmp_path / "state", tmp_path / "agent.sock"
    attestor = Attestor(hash_executables="when asked")
    with (
        AuthorityState.open(folder, settings=settings()) as state,
        open_workload_socket(path) as listener,
    ):
        service = AuthorityService(state)
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            await nursery.start(
                partial(
                    serve_workload_api,
                    [attestor.watch(listener)],
                    service.issuer,
                    identify=attestor.attest,
                    limits=ServiceLimits(),
                )
            )
            yield Served(state, service, Endpoint.parse(f"unix://{path}"), folder)
            nursery.cancel_scope.cancel()
