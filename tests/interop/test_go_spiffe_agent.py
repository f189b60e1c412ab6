# SPDX-License-Identifier: Apache-2.0
"""Our source at a Workload API on grpc-go, which SPIRE's agent is built on, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import trio
from tests.interop.agents import EVERY_OTHER_SECOND, GoAgent, go_agent
from tests.interop.following import (
    follow,
    serial,
    until,
    until_troubled,
    until_withdrawn,
)
from tests.interop.peers_built import go_spiffe
from tests.interop.visits import visit_from
from tests.interop.world import PATIENCE, running

from handfast import (
    SourceError,
    TlsConfig,
    VerificationError,
    Verifier,
    WorkloadApiSource,
    authorize,
)
from handfast.authority import Authority

WEB, DB = "spiffe://go.example/web", "spiffe://go.example/db"
SOCKETS = {"web": f"{WEB}#outside,{DB}#inside", "db": DB}


_JUDGES: tuple[Literal["agent", "bundles"], ...] = ("agent", "bundles")


def _broken(token: str) -> str:
    """The same with another signature."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture
def agent(program: Path) -> Iterator[GoAgent]:
    with go_agent(program, "go.example", SOCKETS) as agent:
        yield agent


def test_several_identities_arrive_with_their_hints(agent: GoAgent) -> None:
    """WAPI-64: the first is the default; a hint chooses another."""

    async def test(source: WorkloadApiSource) -> None:
        snapshot = source.snapshot()
        assert str(snapshot.svid.spiffe_id) == WEB
        seen = [(str(svid.spiffe_id), svid.hint) for svid in snapshot.svids]
        assert seen == [(WEB, "outside"), (DB, "inside")]
        inside = source.view(hint="inside").snapshot()
        assert str(inside.svid.spiffe_id) == DB
        # What arrived holds: leaf, intermediate, the trust domain's bundle.
        for svid in snapshot.svids:
            peer = Verifier(snapshot.bundles, authorize=authorize.any_in("go.example"))
            assert peer.verify(svid.chain).spiffe_id == svid.spiffe_id

    follow(agent.endpoint("web"), test)


def test_identities_are_replaced_before_they_end(program: Path) -> None:
    """Four times, while our server and their client meet with each of them (P5)."""
    with go_agent(program, "go.example", SOCKETS, *EVERY_OTHER_SECOND) as agent:

        async def test(source: WorkloadApiSource) -> None:
            config = TlsConfig.client(source, authorize=authorize.exactly(DB))
            command = (program, "server", agent.endpoint("db"), WEB)
            with running(*command) as theirs:
                port = str(theirs.event("listening")["port"])
                seen = {serial(source.snapshot())}
                while len(seen) < 5:
                    met = await visit_from(config, port)
                    assert met.identity == DB
                    assert source.snapshot().svid.expires_in().total_seconds() > 0
                    snapshot = await until(source, lambda it: serial(it) not in seen)
                    seen.add(serial(snapshot))

        follow(agent.endpoint("web"), test)


def test_connections_that_age_lose_nothing(program: Path) -> None:
    """grpc-go says GOAWAY after half a second and cuts the stream after another."""
    options = (*EVERY_OTHER_SECOND, "-age", "500ms")
    with go_agent(program, "go.example", SOCKETS, *options) as agent:

        async def test(source: WorkloadApiSource) -> None:
            seen: set[int] = set()
            while source.statistics().connects < 4:
                snapshot = await until(source, lambda it: serial(it) not in seen)
                assert snapshot.svid.expires_in().total_seconds() > 0
                seen.add(serial(snapshot))

        follow(agent.endpoint("web"), test)


def test_a_new_root_arrives_beside_the_old_and_the_old_one_goes(
    agent: GoAgent,
) -> None:
    """WAPI-32, WAPI-37: each message is all there is; what is gone is not trusted."""

    async def test(source: WorkloadApiSource) -> None:
        before = source.snapshot()
        old = before.bundles["go.example"]
        await trio.to_thread.run_sync(agent.tell, "root")
        both = await until(source, lambda it: len(it.bundles["go.example"]) == 2)
        assert set(old.x509_authorities) < set(
            both.bundles["go.example"].x509_authorities
        )
        await trio.to_thread.run_sync(agent.tell, "sign")
        await trio.to_thread.run_sync(agent.tell, "drop")
        new = await until(source, lambda it: len(it.bundles["go.example"]) == 1)
        assert not set(old.x509_authorities) & set(
            new.bundles["go.example"].x509_authorities
        )
        verifier = Verifier(new.bundles, authorize=authorize.exactly(WEB))
        verifier.verify(new.svid.chain)
        with pytest.raises(VerificationError):
            verifier.verify(before.svid.chain)

    follow(agent.endpoint("web"), test)


def test_a_restart_of_the_agent_is_survived(agent: GoAgent) -> None:
    """WAPI-18: what came before serves meanwhile; then there is a newer one."""

    async def test(source: WorkloadApiSource) -> None:
        before = source.snapshot()
        await trio.to_thread.run_sync(agent.stop)
        await until_troubled(source)
        assert serial(source.snapshot()) == serial(before)
        await trio.to_thread.run_sync(agent.start)
        after = await until(source, lambda it: serial(it) != serial(before))
        assert after.bundles == before.bundles
        assert source.trouble is None

    follow(agent.endpoint("web"), test)


def test_no_identity_any_more_withdraws_what_there_was(agent: GoAgent) -> None:
    """WAPI-51: PermissionDenied ends it; WAPI-20: and we ask until it comes back."""

    async def test(source: WorkloadApiSource) -> None:
        await trio.to_thread.run_sync(agent.tell, "deny")
        reason = await until_withdrawn(source)
        assert "no identity issued" in str(reason)
        await trio.to_thread.run_sync(agent.tell, "allow")
        snapshot = await until(source, lambda _: True)
        assert str(snapshot.svid.spiffe_id) == WEB

    follow(agent.endpoint("web"), test)


def test_bundles_of_other_trust_domains_stay_apart(
    program: Path, tmp_path: Path
) -> None:
    """WAPI-40, P1: theirs never signs for ours; it goes when the agent takes it out."""
    other, document = Authority("b.example"), tmp_path / "b.json"
    document.write_bytes(other.bundle.to_json())
    option = f"b.example={document}"
    with go_agent(program, "go.example", SOCKETS, "-federates", option) as agent:

        async def test(source: WorkloadApiSource) -> None:
            snapshot = source.snapshot()
            bundles = snapshot.bundles
            assert {str(it.trust_domain) for it in bundles} == {
                "go.example",
                "b.example",
            }
            stranger = other.issue("spiffe://b.example/web")
            verifier = Verifier(bundles, authorize=authorize.any_in("b.example"))
            assert verifier.verify(stranger.chain).spiffe_id == stranger.spiffe_id
            newer = Authority("b.example")
            document.write_bytes(newer.bundle.to_json())
            await trio.to_thread.run_sync(agent.tell, "federate")
            replaced = await until(source, lambda it: it.bundles != bundles)
            assert replaced.bundles["b.example"] == newer.bundle
            assert serial(replaced) != serial(snapshot)

        follow(agent.endpoint("web"), test)


def test_a_message_of_many_windows_arrives_whole(program: Path, tmp_path: Path) -> None:
    """HTTP/2 lets 64 KiB through until they are acknowledged; this is twice as much."""
    document = tmp_path / "other.json"
    other = Authority("other.example")
    document.write_bytes(other.bundle.to_json())
    names = [f"t{number}.example" for number in range(400)]
    options = [it for name in names for it in ("-federates", f"{name}={document}")]
    assert len(names) * len(other.bundle.x509_authorities[0]) > 2 * 65536
    with go_agent(program, "go.example", SOCKETS, *options) as agent:

        async def test(source: WorkloadApiSource) -> None:
            bundles = source.snapshot().bundles
            assert {str(it.trust_domain) for it in bundles} == {*names, "go.example"}

        follow(agent.endpoint("web"), test)


def test_tokens_are_fetched_and_hold_here_and_there(agent: GoAgent) -> None:
    """WAPI-54, WAPI-62, JWT-26: by our own judgement and by go-spiffe's."""

    async def test(source: WorkloadApiSource) -> None:
        await source.wait_jwt_bundles(PATIENCE)
        first, second = await source.fetch_jwt_svids("shop")
        assert (str(first.spiffe_id), first.hint) == (WEB, "outside")
        assert (str(second.spiffe_id), second.hint) == (DB, "inside")
        one = await source.fetch_jwt_svid("shop", DB)
        assert str(one.spiffe_id) == DB
        for by in _JUDGES:
            judged = await source.validate_jwt_svid(first.token, "shop", by=by)
            assert judged.spiffe_id == first.spiffe_id
            with pytest.raises(VerificationError):
                await source.validate_jwt_svid(_broken(first.token), "shop", by=by)
            with pytest.raises(VerificationError):
                await source.validate_jwt_svid(first.token, "bank", by=by)

    follow(agent.endpoint("web"), test, jwt_bundles=True)


def test_an_agent_that_is_not_there_is_named(program: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with WorkloadApiSource(f"unix://{tmp_path}/none") as source:
            with pytest.raises(SourceError, match="none"):
                await source.wait_ready(0.2)

    trio.run(main)
