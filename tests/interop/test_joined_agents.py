# SPDX-License-Identifier: Apache-2.0
"""Clients of others on a second host: its agent has joined, and answers them there.

What they get is signed by the authority for keys that the agent has made; to them it is
any Workload API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.authorities import PYTHON, JoinedAgent, joined_agent
from tests.interop.conftest import ASKED_FOR
from tests.interop.foreign_clients import AUDIENCE, client_of, fetch
from tests.interop.world import running

THEIRS = "spiffe://a.example/peer"
CLIENTS = [it for it in ("go-spiffe", "py-spiffe", "rust-spiffe") if it in ASKED_FOR]
WITH_ALL = pytest.mark.parametrize("peer", CLIENTS)


@pytest.fixture
def command(peer: str) -> list[str | Path]:
    return client_of(peer)


@pytest.fixture
def agent(peer: str, command: list[str | Path]) -> Iterator[JoinedAgent]:
    """Of identities that live for seconds, for the peer's program and for Python."""
    program = PYTHON if peer == "py-spiffe" else Path(command[0])
    entries = {"peer": program}
    if program != PYTHON:
        entries["python"] = PYTHON
    with joined_agent(entries, "--svid-ttl", "10s") as found:
        yield found


@WITH_ALL
def test_their_client_gets_what_its_node_is_entitled_to(
    command: list[str | Path], agent: JoinedAgent
) -> None:
    """WAPI-41, WAPI-55, WAPI-59, WAPI-61; the audit log names the node that asked."""
    seen = fetch(command, agent.endpoint)
    assert seen.ids == [THEIRS]
    assert seen.x509["authorities"] == seen.bundles["authorities"] == {"a.example": 1}
    assert [it["there"] for it in seen.tokens] == [THEIRS]
    assert seen.wrong_audience["refused"] is True
    rows = [json.loads(it) for it in agent.issuer.command("audit").splitlines()]
    told = [row for row in rows if row.get("spiffe_id") == THEIRS]
    by_node = {row["event"] for row in told if row["details"]["node"] == agent.node}
    assert by_node >= {"x509_issued", "jwt_issued"}


@WITH_ALL
def test_on_the_authoritys_own_host_it_gets_nothing(
    command: list[str | Path], agent: JoinedAgent
) -> None:
    """WAPI-50: the entries are the other node's, though the program is the same."""
    with running(*command, "fetch", agent.issuer.endpoint, AUDIENCE) as client:
        assert client.exit_code() != 0, client.everything()
