# SPDX-License-Identifier: Apache-2.0
"""Another host: its agent gets its own entries, and both survive restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from tests.support.authority_state import NOON, Process, entry, settings
from tests.support.net_world import PATIENCE, trio_test
from tests.support.nodes_world import (
    DOMAIN,
    NODE,
    OTHER,
    Question,
    World,
    channel_of,
    document,
    port_of,
    questions,
)
from tests.support.stubs import fields_in_stub

from handfast import (
    StaticSource,
    TrustBundleSet,
    Verifier,
    authorize,
)
from handfast.authority.agent import NodeAgent, NodeIdentity, NodeSource
from handfast.authority.audit import read_audit
from handfast.authority.nodes import NodeDoor, proto
from handfast.authority.nodes.proto import (
    RENEW,
    SIGN_JWT,
    SIGN_X509,
    WATCH,
    WatchRequest,
    WatchResponse,
)
from handfast.authority.revocation import revoke
from handfast.authority.service import AuthorityService
from handfast.authority.state import AuthorityState
from handfast.errors import ConfigError, NotAuthorized
from handfast.jwt_svid import JwtSvid
from handfast.keys import PrivateKey
from handfast.net.nodes import dial_authority, open_node_listeners, serve_nodes
from handfast.testing import FakeClock
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode


@trio_test
async def test_an_agent_joins_by_a_token_and_gives_its_own_entries(
    tmp_path: Path,
) -> None:
    """Mutual TLS both times: the token's SVID first, the node's own then."""
    world = World(tmp_path / "state")
    async with world.authority() as service, trio.open_nursery() as nursery:
        identity = await world.join(service, NODE)
        assert identity.spiffe_id == NODE
        agent = world.agent(tmp_path / "agent", identity)
        await nursery.start(agent.run)
        await agent.wait_connected()
        with pytest.raises(PermissionDenied):
            await agent.issuer.x509_context(Process())
        watch = agent.issuer.watch(Process())
        service._state.registry.add(
            entry("spiffe://a.example/db", "unix:uid:1000", node=NODE)
        )
        service._state.registry.add(
            entry("spiffe://a.example/web", "unix:uid:1000", node=OTHER)
        )
        service._state.registry.add(entry("spiffe://a.example/local", "unix:uid:1000"))
        service.node_service.ring()
        await watch.wait()
        context = await agent.issuer.x509_context(Process())
        assert [str(it.spiffe_id) for it in context.svids] == ["spiffe://a.example/db"]
        bundles = TrustBundleSet([document(service).x509])
        Verifier(bundles, authorize=authorize.any_in(DOMAIN)).verify(
            context.svids[0].chain
        )
        kept = await agent.issuer.x509_context(Process())
        assert kept.svids == context.svids
        tokens = await agent.issuer.jwt_svids(Process(), ["https://x.example"])
        assert [str(it.spiffe_id) for it in tokens] == ["spiffe://a.example/db"]
        again = await agent.issuer.jwt_svids(Process(), ["https://x.example"])
        assert again == tokens
        jwt_bundles = await agent.issuer.jwt_bundles(Process())
        JwtSvid.parse(tokens[0].token, jwt_bundles, "https://x.example")
        nursery.cancel_scope.cancel()
    with AuthorityState.look(tmp_path / "state") as state:
        rows = list(read_audit(state.database, spiffe_id="spiffe://a.example/db"))
    issued = [it for it in rows if it.event == "x509_issued"]
    assert [it.details["node"] for it in issued] == [str(NODE)]
    assert issued[0].details["caller"] == "pid 7"


@trio_test
async def test_an_agent_gets_nothing_of_another_node(tmp_path: Path) -> None:
    """An authority trusts an agent for the entries of its own node alone."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        identity = await world.join(service, NODE)
        others = entry("spiffe://a.example/web", "unix:uid:1000", node=OTHER)
        local = entry("spiffe://a.example/local", "unix:uid:1000")
        for it in (others, local):
            service._state.registry.add(it)
        async with await channel_of(world, identity) as channel:
            for name in (others.id, local.id, "", "x" * 10_000):
                for question in questions(name):
                    with pytest.raises(PermissionDenied):
                        await channel.unary(*question, timeout=PATIENCE)


@trio_test
async def test_a_node_that_is_banned_gets_nothing_from_then_on(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    async with world.authority() as service, trio.open_nursery() as nursery:
        identity = await world.join(service, NODE)
        service._state.registry.add(entry("spiffe://a.example/db", node=NODE))
        agent = world.agent(tmp_path / "agent", identity)
        await nursery.start(agent.run)
        await agent.wait_connected()
        assert (await agent.issuer.x509_context(Process())).svids
        watch = agent.issuer.watch(Process())
        service.nodes.ban(NODE)
        service.node_service.ring()
        await watch.wait()
        with pytest.raises(PermissionDenied):
            await agent.issuer.x509_context(Process())
        with pytest.raises(ConfigError, match="banned"):
            service.nodes.make_token(NODE)
        service.nodes.remove(NODE)
        assert service.nodes.make_token(NODE).text
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_nodes_stolen_svid_does_not_come_back_when_the_node_does(
    tmp_path: Path,
) -> None:
    """A node whose key was stolen is removed, and its host joins again."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        stolen = await world.join(service, NODE)
        one = entry("spiffe://a.example/db", node=NODE)
        service._state.registry.add(one)
        async with await channel_of(world, stolen) as thief:
            for question in questions(one.id):
                await thief.unary(*question, timeout=PATIENCE)
            service.nodes.ban(NODE)
            service.nodes.remove(NODE)
            back = await world.join(service, NODE)
            key = PrivateKey.generate("p256").public_der
            renewing: Question = (
                RENEW,
                proto.RenewRequest(public_key=key),
                proto.RenewResponse,
            )
            for question in [*questions(one.id), renewing]:
                with pytest.raises(PermissionDenied):
                    await thief.unary(*question, timeout=PATIENCE)
                async with await channel_of(world, stolen) as another:
                    with pytest.raises(PermissionDenied):
                        await another.unary(*question, timeout=PATIENCE)
        async with await channel_of(world, back) as channel:
            for question in [*questions(one.id), renewing]:
                await channel.unary(*question, timeout=PATIENCE)


@trio_test
async def test_a_nodes_revoked_svid_gets_nothing(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    async with world.authority() as service:
        identity = await world.join(service, NODE)
        one = entry("spiffe://a.example/db", node=NODE)
        service._state.registry.add(one)
        serial = f"{identity.svid.leaf.serial_number:x}"
        revoke(service._state.database, serial, "keyCompromise")
        async with await channel_of(world, identity) as channel:
            for question in questions(one.id):
                with pytest.raises(PermissionDenied):
                    await channel.unary(*question, timeout=PATIENCE)


@pytest.mark.parametrize("audience", [["x" * 100_000], ["x" * 200] * 32, ["é" * 1000]])
@trio_test
async def test_a_node_gets_no_tokens_that_fill_the_authority(
    tmp_path: Path, audience: list[str]
) -> None:
    """P8: each token is kept in memory, and its audience in the log."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        identity = await world.join(service, NODE)
        one = entry("spiffe://a.example/db", node=NODE)
        service._state.registry.add(one)
        request = proto.SignJWTRequest(entry=one.id, audience=audience)
        async with await channel_of(world, identity) as channel:
            with pytest.raises(RpcError) as refused:
                await channel.unary(
                    SIGN_JWT, request, proto.SignJWTResponse, timeout=PATIENCE
                )
        assert refused.value.code is StatusCode.INVALID_ARGUMENT
        assert not list(read_audit(service._state.database, event="jwt_issued"))


@trio_test
async def test_a_workload_of_ours_is_no_agent(tmp_path: Path) -> None:
    """It has an SVID of the trust domain, and is not let in by it."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        one = entry("spiffe://a.example/web")
        service._state.registry.add(one)
        context = await service.issuer.x509_context(Process())
        identity = NodeIdentity(
            authority=("127.0.0.1", world.port),
            svid=context.svids[0],
            bundle=document(service),
        )
        async with await channel_of(world, identity) as channel:
            watch: Question = (WATCH, WatchRequest(), WatchResponse)
            for question in [*questions(one.id), watch]:
                with pytest.raises(RpcError):
                    await channel.unary(*question, timeout=PATIENCE)


@pytest.mark.parametrize("spiffe_id", ["/handfast/authority", "/handfast/agent/db-7"])
def test_no_entry_gives_the_ids_of_authority_and_agents(
    tmp_path: Path, spiffe_id: str
) -> None:
    with (
        AuthorityState.open(tmp_path, settings=settings()) as state,
        pytest.raises(ConfigError, match="not under /handfast/"),
    ):
        state.registry.add(entry(f"spiffe://a.example{spiffe_id}"))


@trio_test
async def test_an_authority_of_another_name_is_not_believed(tmp_path: Path) -> None:
    """An agent's key in the wrong hands makes no authority."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        identity = await world.join(service, NODE)
        source = StaticSource(identity.svid, TrustBundleSet([identity.bundle.x509]))
        listeners = await open_node_listeners(source, 0, host="127.0.0.1")
        port = port_of(listeners[0])
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_nodes, service.node_service, listeners, DOMAIN)
            dial = dial_authority(source, DOMAIN, ("127.0.0.1", port))
            with pytest.raises(NotAuthorized):
                await dial()
            nursery.cancel_scope.cancel()


@trio_test
async def test_authority_and_agent_survive_each_others_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path / "state")
    async with world.authority() as service:
        identity = await world.join(service, NODE)
        service._state.registry.add(entry("spiffe://a.example/db", node=NODE))
        identity.save(tmp_path / "agent")
    loaded = NodeIdentity.load(tmp_path / "agent")
    assert loaded == identity
    async with trio.open_nursery() as nursery:
        agent = world.agent(tmp_path / "agent", loaded)
        await nursery.start(agent.run)
        # Nothing is known, and nothing is taken away: WAPI-18, not WAPI-51.
        monkeypatch.setattr("handfast.authority.agent.issuer.TOLD_WITHIN", 0.0)
        with pytest.raises(RpcError) as refused:
            await agent.issuer.x509_context(Process())
        assert refused.value.code is StatusCode.UNAVAILABLE
        # Who asks while it is still on its way waits for it.
        monkeypatch.setattr("handfast.authority.agent.issuer.TOLD_WITHIN", 60.0)
        async with world.authority():
            first = await agent.issuer.x509_context(Process())
        await agent.wait_connected(connected=False)
        # The authority is away, and what there is goes on being given.
        again = await agent.issuer.x509_context(Process())
        assert again.svids == first.svids
        with pytest.raises(RpcError) as refused:
            await agent.issuer.jwt_svids(Process(), ["https://x.example"])
        assert refused.value.code is StatusCode.UNAVAILABLE
        async with world.authority() as service:
            await agent.wait_connected()
            assert await agent.issuer.jwt_svids(Process(), ["https://x.example"])
            assert NODE in {it.spiffe_id for it in service.nodes.all()}
        nursery.cancel_scope.cancel()


@trio_test
async def test_an_agent_renews_its_own_svid_under_a_new_key(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    async with world.authority() as service, trio.open_nursery() as nursery:
        identity = await world.join(service, NODE)
        source = NodeSource(identity)
        dial = dial_authority(source, DOMAIN, identity.authority)
        late = identity.renew_at() + timedelta(seconds=1)

        def now() -> datetime:
            return late if source.identity == identity else datetime.now(UTC)

        agent = NodeAgent(tmp_path / "agent", source, dial, now=now)
        await nursery.start(agent.run)
        await agent.wait_connected()
        renewed = source.identity
        assert renewed.spiffe_id == NODE
        assert renewed.svid.key != identity.svid.key
        assert NodeIdentity.load(tmp_path / "agent").svid == renewed.svid
        nursery.cancel_scope.cancel()


def test_the_messages_are_a_service_of_their_own_and_as_the_stub_says() -> None:
    """WAPI-22: the Workload API is not extended."""
    file = proto.JoinRequest.DESCRIPTOR.file
    assert file.package == "handfast.node.v1"
    service = file.services_by_name["NodeAPI"]
    paths = {f"/{service.full_name}/{it.name}" for it in service.methods}
    assert paths == {proto.JOIN, RENEW, WATCH, SIGN_X509, SIGN_JWT}
    messages = file.message_types_by_name.items()
    assert fields_in_stub(proto.__file__) == {
        name: {field.name for field in it.fields} for name, it in messages
    }


def test_the_authority_shows_one_svid_until_it_is_renewed(tmp_path: Path) -> None:
    """Not a new one for each change of the entries, which anybody could cause."""
    clock = FakeClock(NOON)
    with AuthorityState.open(tmp_path, settings=settings(), now=clock) as state:
        service = AuthorityService(state, now=clock)
        door = NodeDoor(state, service.nodes, service.node_service)
        first = door.snapshot()
        state.registry.add(entry("spiffe://a.example/db", node=NODE))
        service._issuing.forget()
        assert door.snapshot() is first
        token = service.nodes.make_token(NODE)
        second = door.snapshot()
        assert (second.svid, second.generation) == (first.svid, 2)
        assert token.trust_domain in {it.trust_domain for it in second.bundles}
        clock.advance(minutes=31)
        assert door.snapshot().svid != first.svid
