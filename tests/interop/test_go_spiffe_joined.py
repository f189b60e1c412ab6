# SPDX-License-Identifier: Apache-2.0
"""go-spiffe and handfast in all roles on a second host, whose agent has joined."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from tests.interop.authorities import PYTHON, JoinedAgent, joined_agent
from tests.interop.following import opened, serial, until
from tests.interop.peers_built import go_spiffe
from tests.interop.visits import visit_from
from tests.interop.world import PATIENCE, handfast, running

from handfast import TlsConfig, authorize

THEIRS, OURS = "spiffe://a.example/go", "spiffe://a.example/python"
SERVE = ("serve", "--host", "127.0.0.1", "--port", "0", "--json", "--echo")


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture
def agent(program: Path) -> Iterator[JoinedAgent]:
    """Of identities that live for seconds."""
    with joined_agent({"go": program, "python": PYTHON}, "--svid-ttl", "10s") as found:
        yield found


def test_they_are_told_of_a_root_that_is_believed_no_more(
    program: Path, agent: JoinedAgent
) -> None:
    """C6: the node's own identity rested on it, so it is given nothing after that."""
    with running(program, "watch", agent.endpoint) as client:
        assert client.event("context")["authorities"] == {"a.example": 1}
        words = ("distrust", "root", "--all", "--why", "stolen", "--yes")
        done = json.loads(agent.issuer.command(*words).splitlines()[-1])
        assert done["nodes_to_join_again"] == [agent.node]
        client.wait_for("PermissionDenied")


def test_their_client_and_our_server(program: Path, agent: JoinedAgent) -> None:
    only = {"SPIFFE_ENDPOINT_SOCKET": agent.endpoint}
    with running(*handfast(*SERVE, "--allow", THEIRS), environment=only) as server:
        address = f"127.0.0.1:{server.event('listening')['port']}"
        visit = (program, "client", agent.endpoint, address, OURS, "2")
        with running(*visit) as client:
            for _ in range(2):
                assert server.event("accepted")["spiffe_id"] == THEIRS
                assert client.event("met")["peer"] == OURS
            assert client.exit_code() == 0, client.everything()


def test_their_server_and_our_client_through_a_renewal(
    program: Path, agent: JoinedAgent
) -> None:
    """WAPI-33: pushed by the agent, when half of ten seconds is over."""

    async def main(port: str) -> None:
        with trio.fail_after(PATIENCE):
            async with opened(agent.endpoint) as source:
                config = TlsConfig.client(source, authorize=authorize.exactly(THEIRS))
                first = source.snapshot()
                assert (await visit_from(config, port)).identity == THEIRS
                await until(source, lambda it: serial(it) != serial(first))
                assert (await visit_from(config, port)).identity == THEIRS

    with running(program, "server", agent.endpoint, OURS) as server:
        trio.run(main, str(server.event("listening")["port"]))
        assert [server.event("met")["peer"] for _ in range(2)] == [OURS, OURS]
