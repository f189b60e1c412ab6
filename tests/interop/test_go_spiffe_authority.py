# SPDX-License-Identifier: Apache-2.0
"""go-spiffe and handfast in all roles with identities of `handfast authority run`.

Attestation tells the programs apart: what is go_spiffe and what is Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from tests.interop.authorities import PYTHON, RunningAuthority, authority
from tests.interop.following import opened, serial, until
from tests.interop.foreign_clients import AUDIENCE, fetch
from tests.interop.peers_built import go_spiffe
from tests.interop.visits import visit, visit_from
from tests.interop.world import PATIENCE, handfast, running

from handfast import StaticSource, TlsConfig, TrustBundle, TrustBundleSet, authorize
from handfast.authority import Authority

THEIRS, OURS = "spiffe://a.example/go", "spiffe://a.example/python"
SERVE = ("serve", "--host", "127.0.0.1", "--port", "0", "--json", "--echo")


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture
def issuer(program: Path) -> Iterator[RunningAuthority]:
    """Of identities that live for seconds."""
    entries = {"go": program, "python": PYTHON}
    with authority(entries, "--svid-ttl", "10s") as running_one:
        yield running_one


def test_their_client_gets_what_it_is_entitled_to(
    program: Path, issuer: RunningAuthority
) -> None:
    """X.509 and JWT, verified by go-spiffe; the audit log knows why."""
    seen = fetch([program], issuer.endpoint)
    assert seen.ids == [THEIRS]
    assert seen.x509["authorities"] == seen.bundles["authorities"] == {"a.example": 1}
    assert [it["there"] for it in seen.tokens] == [THEIRS]
    assert seen.wrong_audience["refused"] is True
    rows = [json.loads(it) for it in issuer.command("audit").splitlines()]
    issued = [it for it in rows if it["event"] == "x509_issued"]
    assert {it["spiffe_id"] for it in issued} == {THEIRS}


def test_a_program_without_an_entry_gets_nothing(program: Path) -> None:
    """WAPI-19, WAPI-50: as go-spiffe reads the refusal."""
    with (
        authority({"python": PYTHON}) as issuer,
        running(program, "fetch", issuer.endpoint, AUDIENCE) as client,
    ):
        client.wait_for("PermissionDenied")
        assert client.exit_code() == 1


def test_their_server_and_our_client(program: Path, issuer: RunningAuthority) -> None:
    """Both of them through a renewal, which reaches each by its stream."""

    async def main(port: str) -> None:
        with trio.fail_after(PATIENCE):
            async with opened(issuer.endpoint) as source:
                allowed = authorize.exactly(THEIRS)
                config = TlsConfig.client(source, authorize=allowed)
                first = source.snapshot()
                assert str(first.svid.spiffe_id) == OURS
                assert (await visit_from(config, port)).identity == THEIRS
                await until(source, lambda it: serial(it) != serial(first))
                assert (await visit_from(config, port)).identity == THEIRS

    with running(program, "server", issuer.endpoint, OURS) as server:
        trio.run(main, str(server.event("listening")["port"]))
        assert [server.event("met")["peer"] for _ in range(2)] == [OURS, OURS]


def test_their_client_and_our_server(program: Path, issuer: RunningAuthority) -> None:
    only = {"SPIFFE_ENDPOINT_SOCKET": issuer.endpoint}
    with running(*handfast(*SERVE, "--allow", THEIRS), environment=only) as server:
        address = f"127.0.0.1:{server.event('listening')['port']}"
        with running(program, "client", issuer.endpoint, address, OURS, "2") as client:
            for _ in range(2):
                assert server.event("accepted")["spiffe_id"] == THEIRS
                assert client.event("met")["peer"] == OURS
                assert client.event("heard")["line"] == "forty-two\n"
            assert client.exit_code() == 0, client.everything()


def test_a_watching_client_is_told_of_renewals_and_of_the_end(
    program: Path, issuer: RunningAuthority
) -> None:
    """WAPI-33: a renewal, a new root, and then there is no entry any more."""
    with running(program, "watch", issuer.endpoint) as client:
        first = client.event("context")
        renewed = client.event("context")
        assert renewed["svids"][0]["serial"] != first["svids"][0]["serial"]
        issuer.command("rotate", "root")
        context = renewed
        while context["authorities"] != {"a.example": 2}:
            context = client.event("context")
        issuer.entitle({"python": PYTHON})
        client.wait_for("PermissionDenied")


def test_a_federated_workload_is_let_in(program: Path, tmp_path: Path) -> None:
    """P1: b.example's workload, by the bundle that the authority was given."""
    other = Authority("b.example")
    document = tmp_path / "b.json"
    document.write_bytes(other.bundle.to_json())
    caller = "spiffe://b.example/caller"
    with authority({"go": program}, more='federates_with = ["b.example"]') as issuer:
        issuer.command("bundle", "set", "b.example", document)
        shown = json.loads(issuer.command("bundle", "show"))
        a_bundle = TrustBundle.from_json("a.example", shown["bundle"])
        bundles = TrustBundleSet([a_bundle, other.bundle])
        source = StaticSource(other.issue(caller), bundles)
        config = TlsConfig.client(source, authorize=authorize.exactly(THEIRS))
        with running(program, "server", issuer.endpoint, caller) as server:
            met = visit(config, str(server.event("listening")["port"]))
            assert met.identity == THEIRS
            assert server.event("met")["peer"] == caller
