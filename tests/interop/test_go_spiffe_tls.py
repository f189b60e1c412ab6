# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS with go-spiffe's, in both roles, between two trust domains (P1).

handfast has a.example, the Go programs have go.example from an agent of their own; each
knows the other's bundle by its SPIFFE bundle document.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.interop.agents import GoAgent, go_agent
from tests.interop.conftest import CLIENT, SERVER, Serve, World
from tests.interop.peers_built import go_spiffe
from tests.interop.visits import visit
from tests.interop.world import running

from handfast import (
    NotAuthorized,
    StaticSource,
    TlsConfig,
    TrustBundleSet,
    X509Svid,
    authorize,
)

GO_SERVER = "spiffe://go.example/server"
GO_CLIENT = "spiffe://go.example/client"


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@contextmanager
def agent_that_knows_us(program: Path, world: World) -> Iterator[GoAgent]:
    ours = world.folder / "a.json"
    ours.write_bytes(world.a.bundle.to_json())
    sockets = {"server": GO_SERVER, "client": GO_CLIENT}
    with go_agent(
        program, "go.example", sockets, "-federates", f"a.example={ours}"
    ) as agent:
        yield agent


@pytest.fixture
def agent(program: Path, world: World) -> Iterator[GoAgent]:
    with agent_that_knows_us(program, world) as agent:
        yield agent


def our_client(world: World, agent: GoAgent, allowed: str) -> TlsConfig:
    cert, key = world.client
    svid = X509Svid.from_pem(cert.read_bytes(), key.read_bytes())
    bundles = TrustBundleSet([world.a.bundle, agent.bundle()])
    source = StaticSource(svid, bundles)
    return TlsConfig.client(source, authorize=authorize.exactly(allowed))


def test_our_client_and_their_server_know_each_other(
    program: Path, world: World, agent: GoAgent
) -> None:
    """Their server gives tickets; what comes back is judged again by us (P4)."""
    config = our_client(world, agent, GO_SERVER)
    with running(program, "server", agent.endpoint("server"), CLIENT) as theirs:
        port = str(theirs.event("listening")["port"])
        for number in range(3):
            seen = visit(config, port)
            assert seen.identity == GO_SERVER
            assert seen.said == b"forty-two\n"
            met = theirs.event("met")
            assert met["peer"] == CLIENT
            assert seen.resumed is met["resumed"] is (number > 0)


def test_their_client_and_our_server_know_each_other(
    program: Path, world: World, agent: GoAgent, serve: Serve
) -> None:
    theirs = world.folder / "go.pem"
    theirs.write_bytes(agent.bundle().to_pem())
    options = ("--echo", "--allow", GO_CLIENT, "--bundle", f"go.example={theirs}")
    with (
        serve(*options) as (ours, port),
        running(
            program,
            "client",
            agent.endpoint("client"),
            f"127.0.0.1:{port}",
            SERVER,
            "2",
        ) as client,
    ):
        for _ in range(2):
            assert ours.event("accepted")["spiffe_id"] == GO_CLIENT
            assert client.event("met")["peer"] == SERVER
            assert client.event("heard")["line"] == "forty-two\n"
        assert client.exit_code() == 0, client.everything()


def test_our_client_refuses_their_server_of_another_name(
    program: Path, world: World, agent: GoAgent
) -> None:
    """The chain is good, the name is another workload's of the same trust domain."""
    config = our_client(world, agent, GO_CLIENT)
    with running(program, "server", agent.endpoint("server"), CLIENT) as theirs:
        port = str(theirs.event("listening")["port"])
        with pytest.raises(NotAuthorized):
            visit(config, port)


def test_their_client_refuses_our_server_of_another_name(
    program: Path, world: World, agent: GoAgent, serve: Serve
) -> None:
    theirs = world.folder / "go.pem"
    theirs.write_bytes(agent.bundle().to_pem())
    options = ("--echo", "--allow", GO_CLIENT, "--bundle", f"go.example={theirs}")
    with (
        serve(*options) as (_, port),
        running(
            program,
            "client",
            agent.endpoint("client"),
            f"127.0.0.1:{port}",
            CLIENT,
            "1",
        ) as client,
    ):
        client.wait_for(f'unexpected ID "{SERVER}"')
        assert client.exit_code() == 1


def test_our_server_refuses_their_client_without_their_bundle(
    program: Path, world: World, agent: GoAgent, serve: Serve
) -> None:
    """P1: of a.example and b.example only, go.example's chains are nobody's."""
    with (
        serve("--echo", "--allow", GO_CLIENT) as (ours, port),
        running(
            program,
            "client",
            agent.endpoint("client"),
            f"127.0.0.1:{port}",
            SERVER,
            "1",
        ) as client,
    ):
        refused = ours.event("refused")
        assert refused["reason"] == "unknown_trust_domain", refused
        # TLS 1.3: a client knows its own certificate's fate only when it reads.
        client.wait_for("remote error: tls:")
        assert client.exit_code() == 1
