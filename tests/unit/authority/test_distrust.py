# SPDX-License-Identifier: Apache-2.0
"""A key that was stolen is believed no more, at once and by everybody who asks."""

from __future__ import annotations

import sqlite3
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.support.authority_state import WEB, Process, World, entry, settings
from tests.support.net_world import trio_test
from tests.support.nodes_world import NODE
from tests.support.served_authority import ME, authority

from handfast import JwtSvid, Reason, VerificationError, Verifier
from handfast.authority import distrusting
from handfast.authority.audit import read_audit
from handfast.authority.distrusting import distrust, plan_distrust
from handfast.authority.nodes.caller import NodeCaller
from handfast.authority.nodes.proto import WATCH, WatchRequest
from handfast.authority.service import AuthorityService
from handfast.authority.signer_rows import wish_for
from handfast.authority.state import AuthorityState
from handfast.bundle_document import Ordering
from handfast.errors import ConfigError, InvalidBundle
from handfast.keys import PrivateKey
from handfast.sources import WorkloadApiSource
from handfast.workload_api.methods import Call
from handfast.workload_api.status import PermissionDenied


def refusal(source: WorkloadApiSource, chain: tuple[bytes, ...]) -> Reason:
    """Judge a chain as a peer does that follows a source."""
    with pytest.raises(VerificationError) as refused:
        Verifier(source.bundles).verify(chain)
    return refused.value.reason


@trio_test
async def test_workloads_are_given_everything_anew_while_they_wait(
    tmp_path: Path,
) -> None:
    """C6, BUN-05: streams get the bundle without the old root, and SVIDs of the new.

    What the old root has signed is refused from then on by whoever follows a source.
    """
    async with authority(tmp_path) as it:
        it.state.registry.add(entry(WEB, ME))
        async with WorkloadApiSource(it.endpoint) as source:
            await source.wait_ready(60)
            (old_root,) = source.bundles["a.example"].x509_authorities
            old = source.snapshot()
            Verifier(source.bundles).verify(old.svid.chain)
            document = it.state.bundle_document()
            with it.other_process() as other:
                distrust(other, "root", why="stolen")
            with trio.fail_after(60):
                while old_root in source.bundles["a.example"].x509_authorities:
                    await source.wait_changed()
            new = source.snapshot()
            assert refusal(source, old.svid.chain) is Reason.UNKNOWN_AUTHORITY
            assert str(Verifier(source.bundles).verify(new.svid.chain).spiffe_id) == WEB
        # Who federates with us sees a higher number, and never goes back.
        fresh = it.state.bundle_document()
        assert fresh.compared_to(document) is Ordering.NEWER
        with pytest.raises(InvalidBundle):
            document.check_replaces(fresh)
        rows = {row.event: row for row in read_audit(it.state.database)}
        assert rows["root_distrusted"].details["why"] == "stolen"
        assert rows["intermediate_distrusted"].details["svids_revoked"] == 1
        assert len(list((it.folder / "keys").iterdir())) == 3


@trio_test
async def test_a_token_key_goes_alone_and_tokens_are_signed_anew(
    tmp_path: Path,
) -> None:
    """JWT-27: what the removed key has signed is refused; X.509 is left as it was."""
    async with authority(tmp_path) as it:
        it.state.registry.add(entry(WEB, ME))
        async with WorkloadApiSource(it.endpoint, jwt_bundles=True) as source:
            await source.wait_jwt_bundles(60)
            (old,) = await source.fetch_jwt_svids("shop")
            x509, known = source.bundles, source.jwt_bundles["a.example"]
            key = it.state.signers.active("jwt").id
            with it.other_process() as other:
                found = distrust(other, "jwt", [key[:8]], why="seen in a log")
            assert found.ids("root") == ()
            assert found.token_until is not None
            with trio.fail_after(60):
                while source.jwt_bundles["a.example"] == known:
                    await source.wait_changed()
            with pytest.raises(VerificationError) as refused:
                JwtSvid.parse(old.token, source.jwt_bundles, "shop")
            assert refused.value.reason is Reason.JWT_UNKNOWN_KEY
        (new,) = await it.service.issuer.jwt_svids(_me(), ["shop"])
        bundles = await it.service.issuer.jwt_bundles(_me())
        assert str(JwtSvid.parse(new.token, bundles, "shop").spiffe_id) == WEB
        authorities = it.state.signers.bundle.x509_authorities
        assert x509["a.example"].x509_authorities == authorities


def _me() -> Process:
    return Process(selectors=entry(WEB, ME).selectors)


def test_an_intermediate_takes_its_root_along_and_a_successor_signs_at_once(
    tmp_path: Path,
) -> None:
    """C6: nothing less makes others refuse what an intermediate has signed."""
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        with state.database.transaction() as run:
            wish_for(run, "root", world.clock())
        state.reload()
        state.signers.keep()
        world.clock.advance(minutes=1)
        first = state.signers.active("root").id
        (waits,) = {r.id for r in state.signers.rows if r.kind == "root"} - {first}
        signs = state.signers.signs_now
        found = plan_distrust(state, "intermediate", [signs], now=world.clock)
        assert (found.ids("intermediate"), found.ids("root")) == ((signs,), (first,))
        assert not found.trusts_nobody
        before = state.signers.sequence
        assert state.signers.signs_now == signs  # a plan changes nothing
        distrust(state, "intermediate", [signs], why="stolen", now=world.clock)
        state.signers.keep()
        assert state.signers.active("root").id == waits
        assert state.signers.signs_now not in {"", signs}
        assert state.signers.sequence > before
        assert len(state.signers.bundle) == 1


def test_all_of_a_kind_may_go_together_and_everything_works_again(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        service = AuthorityService(state, now=world.clock)
        own = service.node_service.own_svid()
        with AuthorityState.look(world.folder, now=world.clock) as other:
            assert plan_distrust(other, "root", now=world.clock).trusts_nobody
            distrust(other, "root", why="the host was broken into", now=world.clock)
            distrust(other, "jwt", why="the host was broken into", now=world.clock)
        service.look()
        assert service.node_service.own_svid() != own
        peer = Verifier(state.signers.bundle, at=world.clock(), cache=None)
        peer.verify(service.node_service.own_svid().chain)
        assert len(state.signers.jwt_bundle.keys) == 1


def test_a_restart_finishes_what_a_command_has_begun(tmp_path: Path) -> None:
    """Nothing ran, or it crashed: the keys are made when it runs again."""
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        old = state.signers.bundle.x509_authorities
    with AuthorityState.look(world.folder, now=world.clock) as other:
        distrust(other, "root", why="stolen", now=world.clock)
        assert other.signers.bundle.is_empty  # it revokes: nobody is trusted
    with world.open() as state:
        assert not set(state.signers.bundle.x509_authorities) & set(old)
        assert state.signers.signs_now
    assert len(list((world.folder / "keys").iterdir())) == 3


@trio_test
async def test_an_agent_whose_identity_rests_on_it_gets_nothing_more(
    tmp_path: Path,
) -> None:
    """Whoever has the root's key could be this agent, and ask for its workloads'.

    It is not given the new bundle by a way that the old root has made safe.
    """
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        service = AuthorityService(state, now=world.clock)
        token = service.nodes.make_token(NODE, timedelta(minutes=5))
        service.nodes.use_token(token.trust_domain)
        svid = service._issuing.sign(
            entry(str(NODE), "handfast:node:x"), _key(), {"node": str(NODE)}
        )
        caller = NodeCaller(spiffe_id=NODE, serial=svid[1])
        watch: Any = service.node_service.methods[WATCH]
        call = Call(caller=caller, method=WATCH, metadata={})
        async with aclosing(watch.handler(call, WatchRequest())) as told:
            await anext(told)
            with AuthorityState.look(world.folder, now=world.clock) as other:
                found = distrust(other, "root", why="stolen", now=world.clock)
            assert found.nodes == (str(NODE),)
            service.look()
            with pytest.raises(PermissionDenied):
                await anext(told)


def _key() -> Any:
    return PrivateKey.generate("p256")


@pytest.mark.parametrize("key", ["", "0123456", "ffffffffffff"])
def test_a_key_that_is_not_there_is_said_and_nothing_goes(
    tmp_path: Path, key: str
) -> None:
    """And seven characters are too few to mean one key for certain."""
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        rows = state.signers.rows
        with pytest.raises(ConfigError, match="status"):
            distrust(state, "root", [key], why="stolen", now=world.clock)
        state.signers.reload()
        assert state.signers.rows == rows


def test_what_goes_is_chosen_while_nobody_else_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a key that a running authority makes meanwhile would be left out."""
    world = World(tmp_path / "state")
    refused: list[str] = []

    def plan(*args: Any, **more: Any) -> distrusting.Distrust:
        with closing(sqlite3.connect(world.folder / "authority.db", timeout=0)) as its:
            with pytest.raises(sqlite3.OperationalError, match="locked") as locked:
                its.execute("BEGIN IMMEDIATE")
            refused.append(str(locked.value))
        return plan_distrust(*args, **more)

    monkeypatch.setattr(distrusting, "plan_distrust", plan)
    with world.open(settings()) as state:
        (root,) = state.signers.bundle.x509_authorities
        distrust(state, "root", why="stolen", now=world.clock)
        assert root not in state.signers.bundle.x509_authorities
    assert len(refused) == 1
