# SPDX-License-Identifier: Apache-2.0
"""go-spiffe and handfast in all roles, all identities from our Workload API.

TLS client or server is theirs, the other ours, between workloads of one trust domain or
of two that federate; both ends take what they are and whom they trust from us, and keep
their connections over renewals. The Workload API of others is in test_go_spiffe_agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import trio
from tests.interop.agents import short_folder
from tests.interop.following import opened
from tests.interop.foreign_clients import AUDIENCE, fetch
from tests.interop.peers_built import go_spiffe
from tests.interop.visits import visit_from
from tests.interop.world import PATIENCE, running

from handfast import TlsConfig, VerificationError, authorize
from handfast.authority import Authority
from handfast.net import MtlsListener, MtlsStream, serve_mtls
from handfast.testing import FakeWorkloadApi

_JUDGES: tuple[Literal["agent", "bundles"], ...] = ("agent", "bundles")


@dataclass(frozen=True)
class Ends:
    """Two workloads and the Workload API of each."""

    server_id: str
    client_id: str
    server: FakeWorkloadApi
    client: FakeWorkloadApi


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture(params=["one trust domain", "two that federate"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    a = Authority("a.example")
    b = a if request.param == "one trust domain" else Authority("b.example")
    server_id = "spiffe://a.example/server"
    client_id = f"spiffe://{b.trust_domain}/client"
    with short_folder() as folder, ExitStack() as running_apis:
        server = FakeWorkloadApi(a, ids=[server_id], path=str(folder / "server"))
        client = FakeWorkloadApi(b, ids=[client_id], path=str(folder / "client"))
        for api in (server, client):
            running_apis.enter_context(api.in_thread())
        if a is b:
            client.jwt_signer = server.jwt_signer
            client.set_jwt_bundles(server.jwt_signer.bundle)
        else:
            server.set_bundles(federated=[b.bundle])
            client.set_bundles(federated=[a.bundle])
            server.set_jwt_bundles(server.jwt_signer.bundle, client.jwt_signer.bundle)
        yield Ends(server_id, client_id, server, client)


def test_their_server_and_our_client(program: Path, ends: Ends) -> None:
    """Three visits, the last two after both have been renewed."""

    async def main(port: str) -> None:
        with trio.fail_after(PATIENCE):
            async with opened(ends.client.address) as source:
                config = TlsConfig.client(
                    source, authorize=authorize.exactly(ends.server_id)
                )
                for _ in range(3):
                    met = await visit_from(config, port)
                    assert met.identity == ends.server_id
                    assert met.said == b"forty-two\n"
                    ends.server.rotate()
                    ends.client.rotate()
                    await source.wait_changed()

    command = (program, "server", ends.server.address, ends.client_id)
    with running(*command) as server:
        trio.run(main, str(server.event("listening")["port"]))
        for _ in range(3):
            assert server.event("met")["peer"] == ends.client_id


def test_their_client_and_our_server(program: Path, ends: Ends) -> None:
    seen: list[str] = []

    async def echo(stream: MtlsStream) -> None:
        async with stream:
            seen.append(str(stream.peer.spiffe_id))
            await stream.send_all(await stream.receive_some())

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            async with (
                opened(ends.server.address) as source,
                trio.open_nursery() as nursery,
            ):
                config = TlsConfig.server(
                    source, authorize=authorize.exactly(ends.client_id)
                )
                listeners: list[MtlsListener] = await nursery.start(
                    partial(serve_mtls, echo, 0, config, host="127.0.0.1")
                )
                await trio.to_thread.run_sync(visit, listeners[0].port)
                nursery.cancel_scope.cancel()

    def visit(port: int) -> None:
        address = f"127.0.0.1:{port}"
        with running(
            program, "client", ends.client.address, address, ends.server_id, "2"
        ) as client:
            for _ in range(2):
                assert client.event("met")["peer"] == ends.server_id
                assert client.event("heard")["line"] == "forty-two\n"
            assert client.exit_code() == 0, client.everything()

    trio.run(main)
    assert seen == [ends.client_id] * 2


def test_tokens_that_they_fetched_hold_with_us(program: Path, ends: Ends) -> None:
    """go-spiffe fetches and verifies ours; we judge what it would send (WAPI-62)."""
    token = str(fetch([program], ends.client.address).tokens[0]["token"])

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            async with opened(ends.server.address, jwt_bundles=True) as source:
                await source.wait_jwt_bundles(PATIENCE)
                for by in _JUDGES:
                    svid = await source.validate_jwt_svid(token, AUDIENCE, by=by)
                    assert str(svid.spiffe_id) == ends.client_id
                    with pytest.raises(VerificationError):
                        await source.validate_jwt_svid(token, "another", by=by)

    trio.run(main)
