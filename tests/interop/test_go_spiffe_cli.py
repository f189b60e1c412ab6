# SPDX-License-Identifier: Apache-2.0
"""`handfast serve` and `connect` with nothing set but SPIFFE_ENDPOINT_SOCKET.

The agent is ours on grpc-go: agents.py says how near that is to SPIRE's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.agents import EVERY_OTHER_SECOND, GoAgent, go_agent
from tests.interop.peers_built import go_spiffe
from tests.interop.world import handfast, running

SERVER, CLIENT = "spiffe://go.example/server", "spiffe://go.example/client"
SERVE = ("serve", "--host", "127.0.0.1", "--port", "0", "--json", "--echo")


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture
def agent(program: Path) -> Iterator[GoAgent]:
    sockets = {"server": SERVER, "client": CLIENT}
    with go_agent(program, "go.example", sockets, *EVERY_OTHER_SECOND) as agent:
        yield agent


def only(agent: GoAgent, name: str) -> dict[str, str]:
    """All that a program is told about its identity."""
    return {"SPIFFE_ENDPOINT_SOCKET": agent.endpoint(name)}


def test_the_pair_of_programs_takes_its_identities_from_the_agent(
    agent: GoAgent,
) -> None:
    """Through three renewals: one connection stays, new ones are by new SVIDs (P5)."""
    serve = handfast(*SERVE, "--allow", CLIENT)
    with running(*serve, environment=only(agent, "server")) as server:
        port = str(server.event("listening")["port"])
        connect = handfast("connect", "127.0.0.1", port, "--json", "--allow", SERVER)
        with running(*connect, environment=only(agent, "client")) as first:
            ends = {str(first.event("connected")["not_after"])}
            assert server.event("accepted")["spiffe_id"] == CLIENT
            while len(ends) < 4:
                with running(*connect, environment=only(agent, "client")) as another:
                    ends.add(str(another.event("connected")["not_after"]))
                first.send("still here\n")
                first.wait_for("still here")


def test_the_pair_of_programs_meets_go_spiffe(program: Path, agent: GoAgent) -> None:
    """Each of them with go-spiffe's other half, all of one trust domain."""
    serve = handfast(*SERVE, "--allow", CLIENT)
    with running(*serve, environment=only(agent, "server")) as server:
        address = f"127.0.0.1:{server.event('listening')['port']}"
        with running(
            program, "client", agent.endpoint("client"), address, SERVER, "2"
        ) as client:
            assert client.event("met")["peer"] == SERVER
            assert client.exit_code() == 0, client.everything()
    with running(program, "server", agent.endpoint("server"), CLIENT) as server:
        port = str(server.event("listening")["port"])
        connect = handfast("connect", "127.0.0.1", port, "--json", "--allow", SERVER)
        with running(*connect, environment=only(agent, "client")) as client:
            assert client.event("connected")["spiffe_id"] == SERVER
            client.send("forty-two\n")
            client.wait_for("forty-two")
            assert server.event("met")["peer"] == CLIENT
