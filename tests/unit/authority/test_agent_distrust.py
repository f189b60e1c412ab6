# SPDX-License-Identifier: Apache-2.0
"""What an authority believes no more, the agent of another host gives nobody any more.

The agent's own identity rests on a root that stays: the first one. The workloads' SVIDs
are signed under the second, which is distrusted.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support.authority_state import Process, entry, settings
from tests.support.net_world import echo, trio_test
from tests.support.nodes_world import NODE, World, document
from tests.support.served_authority import ME

from handfast import (
    Reason,
    StaticSource,
    TlsConfig,
    TrustBundleSet,
    VerificationError,
    Verifier,
    X509Svid,
    authorize,
    open_mtls_stream,
)
from handfast._clock import utc_now
from handfast.authority import serve_workloads
from handfast.authority.agent import NodeAgent, NodeIdentity
from handfast.authority.audit import read_audit
from handfast.authority.distrusting import distrust
from handfast.authority.revocation import revoke
from handfast.authority.service import AuthorityService
from handfast.authority.signer_rows import wish_for
from handfast.authority.state import AuthorityState
from handfast.errors import SourceError
from handfast.jwt_svid import JwtSvid
from handfast.net import open_mtls_listeners, serve_mtls_listeners
from handfast.net.keeper import TICK
from handfast.sources import SourceState, WorkloadApiSource
from handfast.workload_api import Endpoint
from handfast.workload_api.status import PermissionDenied

DB, SHOP = "spiffe://a.example/db", "spiffe://a.example/shop"
WITHIN = 60


@dataclass
class Joined:
    """An authority, an agent of another host that has joined, and its socket."""

    folder: Path
    service: AuthorityService
    agent: NodeAgent
    endpoint: Endpoint

    @property
    def process(self) -> Process:
        return Process(selectors=entry(DB, ME).selectors)

    @property
    def bundle(self) -> TrustBundleSet:
        """What peers have who follow the authority."""
        return TrustBundleSet([document(self.service).x509])

    def in_another_process(self, do: Callable[[AuthorityState], object]) -> None:
        with AuthorityState.look(self.folder) as other:
            do(other)

    def distrust_what_signs(self) -> None:
        root = self.service.state.signers.active("root").id

        def do(state: AuthorityState) -> None:
            assert distrust(state, "root", [root], why="stolen").nodes == ()

        self.in_another_process(do)

    def issued(self, spiffe_id: str = DB) -> int:
        rows = read_audit(self.service.state.database, spiffe_id=spiffe_id)
        return sum(row.event == "x509_issued" for row in rows)


def rotate_the_root(service: AuthorityService) -> None:
    state = service.state
    first = state.signers.active("root").id
    with state.database.transaction() as run:
        wish_for(run, "root", utc_now())
    state.reload()
    for _ in range(4):  # prepared, active; and so its intermediate
        service.look()
    second = state.signers.active("root")
    assert second.id != first
    assert state.signers.root_of(state.signers.signs_now) == second.certificate


@asynccontextmanager
async def joined(tmp_path: Path) -> AsyncGenerator[Joined, None]:
    made = settings(lead=timedelta(0), svid_ttl=timedelta(hours=1))
    world = World(tmp_path / "state", made=made)
    path, folder = tmp_path / "agent.sock", tmp_path / "agent"
    async with world.authority() as service, trio.open_nursery() as nursery:
        identity = await world.join(service, NODE)
        rotate_the_root(service)
        service.state.registry.add(entry(DB, ME, node=NODE))
        agent = world.agent(folder, identity)
        await nursery.start(agent.run)
        await nursery.start(partial(serve_workloads, agent.issuer, path))
        await agent.wait_connected()
        endpoint = Endpoint.parse(f"unix://{path}")
        yield Joined(world.folder, service, agent, endpoint)
        nursery.cancel_scope.cancel()


def roots(bundles: TrustBundleSet) -> set[bytes]:
    return set(bundles["a.example"].x509_authorities)


def refusal(bundles: TrustBundleSet, svid: X509Svid) -> Reason:
    with pytest.raises(VerificationError) as refused:
        Verifier(bundles, cache=None).verify(svid.chain)
    return refused.value.reason


async def changed_svid(source: WorkloadApiSource, old: X509Svid) -> X509Svid:
    with trio.fail_after(WITHIN):
        while source.snapshot().svid == old:
            await source.wait_changed()
    return source.snapshot().svid


@trio_test
async def test_workloads_have_new_svids_as_soon_as_a_root_is_distrusted(
    tmp_path: Path,
) -> None:
    """C6: no renewal is waited for, and peers who know of it accept the new one."""
    async with joined(tmp_path) as it, WorkloadApiSource(it.endpoint) as source:
        old = (await source.wait_ready(WITHIN)).svid
        Verifier(it.bundle, cache=None).verify(old.chain)
        it.distrust_what_signs()
        new = await changed_svid(source, old)
        # The bundle came in the same message.
        assert roots(source.bundles) == roots(it.bundle)
        assert str(Verifier(it.bundle, cache=None).verify(new.chain).spiffe_id) == DB
        assert refusal(it.bundle, old) is Reason.UNKNOWN_AUTHORITY
        async with WorkloadApiSource(it.endpoint) as another:
            assert (await another.wait_ready(WITHIN)).svid == new
        assert it.agent.is_connected
        assert it.issued() == 2
        await shake_hands(it, source)


async def shake_hands(it: Joined, source: WorkloadApiSource) -> None:
    """A server with that identity, and a client on the authority's own host."""
    it.service.state.registry.add(entry(SHOP))
    (svid,) = (await it.service.issuer.x509_context(Process())).svids
    server = TlsConfig.server(source, authorize=authorize.exactly(SHOP))
    client = TlsConfig.client(
        StaticSource(svid, it.bundle), authorize=authorize.exactly(DB)
    )
    listeners = await open_mtls_listeners(0, server, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_mtls_listeners, echo, listeners))
        stream = await open_mtls_stream("127.0.0.1", listeners[0].port, client)
        async with stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello"
        nursery.cancel_scope.cancel()


@trio_test
async def test_the_new_bundle_is_on_the_disk_too(tmp_path: Path) -> None:
    async with joined(tmp_path) as it:
        watch = it.agent.issuer.watch(it.process)
        it.distrust_what_signs()
        with trio.fail_after(WITHIN):
            await watch.wait()
            while NodeIdentity.load(tmp_path / "agent").bundle != document(it.service):
                await trio.lowlevel.checkpoint()


@trio_test
async def test_a_revoked_svid_is_replaced_at_once_too(tmp_path: Path) -> None:
    """WAPI-47: who asks lists refuses it from now on."""
    async with joined(tmp_path) as it, WorkloadApiSource(it.endpoint) as source:
        old = (await source.wait_ready(WITHIN)).svid
        serial = f"{old.leaf.serial_number:x}"
        it.in_another_process(lambda state: revoke(state.database, serial))
        new = await changed_svid(source, old)
        peer = Verifier(it.bundle, crls=source.crls, crl_policy="if_available")
        peer.verify(new.chain)
        with pytest.raises(VerificationError) as refused:
            peer.verify(old.chain)
        assert refused.value.reason is Reason.CERTIFICATE_REVOKED
        assert it.issued() == 2


@trio_test
async def test_a_token_of_a_distrusted_key_is_not_given_again(tmp_path: Path) -> None:
    """JWT-27: nobody accepts it, however fresh it is."""
    async with joined(tmp_path) as it:
        issuer = it.agent.issuer
        (old,) = await issuer.jwt_svids(it.process, ["shop"])
        assert await issuer.jwt_svids(it.process, ["shop"]) == (old,)
        watch = issuer.watch(it.process)
        key = it.service.state.signers.active("jwt").id
        it.in_another_process(lambda state: distrust(state, "jwt", [key], why="seen"))
        with trio.fail_after(WITHIN):
            await watch.wait()
        bundles = await issuer.jwt_bundles(it.process)
        (new,) = await issuer.jwt_svids(it.process, ["shop"])
        assert str(JwtSvid.parse(new.token, bundles, "shop").spiffe_id) == DB
        with pytest.raises(VerificationError) as refused:
            JwtSvid.parse(old.token, bundles, "shop")
        assert refused.value.reason is Reason.JWT_UNKNOWN_KEY


@pytest.mark.parametrize("first", ["the service", "the connection's keeper"])
@trio_test
async def test_an_agent_whose_own_identity_goes_gives_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Nor do its workloads keep what they have: the agent is nobody's now.

    It is told so whoever notices first: once its connection is gone there is no root by
    which it could believe the authority.
    """
    async with joined(tmp_path) as it, WorkloadApiSource(it.endpoint) as source:
        await source.wait_ready(WITHIN)
        if first != "the service":
            node_service = it.service.node_service
            monkeypatch.setattr(
                "handfast.authority.nodes.service._LOOK_AGAIN", 2 * TICK
            )
            node_service.ring()  # whoever waits now does so for as long
            monkeypatch.setattr(node_service, "ring", lambda: None)
            await trio.testing.wait_all_tasks_blocked()
        it.in_another_process(lambda state: distrust(state, "root", why="stolen"))
        with trio.fail_after(WITHIN):
            while source.health.state is not SourceState.UNAVAILABLE:
                await source.wait_changed()
        with pytest.raises(SourceError) as withdrawn:
            source.snapshot()
        assert withdrawn.value.reason is Reason.SOURCE_REFUSED
        with pytest.raises(PermissionDenied):
            await it.agent.issuer.x509_context(it.process)
