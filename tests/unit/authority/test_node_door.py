# SPDX-License-Identifier: Apache-2.0
"""What a connection costs an authority before whoever connects has proved anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.authority_state import World, settings
from tests.support.nodes_world import DOMAIN, NODE, OTHER

from handfast import HandfastError
from handfast.authority.nodes import NodeDoor, Nodes
from handfast.authority.service import AuthorityService
from handfast.authority.signer_rows import wish_for
from handfast.authority.state import AuthorityState


@dataclass
class Door:
    world: World
    state: AuthorityState
    service: AuthorityService
    door: NodeDoor

    def domains(self) -> set[str]:
        return {one.trust_domain.name for one in self.door.snapshot().bundles}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        service = AuthorityService(state, now=world.clock)
        made = NodeDoor(state, service.nodes, service.node_service)
        yield Door(world, state, service, made)


def test_a_connection_asks_no_database_and_makes_nothing(door: Door) -> None:
    """P8: thousands of connections a second by nobody in particular."""
    door.service.nodes.make_token(NODE)
    first = door.door.snapshot()
    asked: list[str] = []
    door.state.database._connection.set_trace_callback(asked.append)
    for _ in range(1000):
        assert door.door.snapshot() is first
    assert asked == []


def test_a_token_counts_from_its_making_to_its_use(door: Door) -> None:
    token = door.service.nodes.make_token(NODE)
    assert door.domains() == {"a.example", token.trust_domain.name}
    door.service.nodes.use_token(token.trust_domain)
    assert door.domains() == {"a.example"}
    with pytest.raises(HandfastError):
        door.service.nodes.use_token(token.trust_domain)


def test_a_token_that_is_over_is_let_in_no_more(door: Door) -> None:
    door.service.nodes.make_token(NODE, timedelta(minutes=2))
    assert len(door.domains()) == 2
    door.world.clock.advance(120)
    assert door.domains() == {"a.example"}


def test_what_a_command_changes_counts_when_the_authority_looks(door: Door) -> None:
    """A quarter of a second later, that is; and a ban takes tokens along."""
    for node in (NODE, OTHER):
        door.service.nodes.use_token(door.service.nodes.make_token(node).trust_domain)
    with AuthorityState.look(door.world.folder, now=door.world.clock) as other:
        nodes = Nodes(other.database, DOMAIN, now=door.world.clock)
        token = nodes.make_token(NODE)
        door.service.look()
        assert door.domains() == {"a.example", token.trust_domain.name}
        nodes.ban(NODE)
        # Whatever memory says: whoever lets it in asks the database.
        with pytest.raises(HandfastError):
            door.service.nodes.use_token(token.trust_domain)
        door.service.look()
        assert door.domains() == {"a.example"}


def test_a_new_bundle_and_a_new_svid_are_a_new_snapshot(door: Door) -> None:
    first = door.door.snapshot()
    with door.state.database.transaction() as run:
        wish_for(run, "root", door.world.clock())
    door.state.reload()
    door.world.clock.advance(1)
    door.service.look()
    second = door.door.snapshot()
    assert len(second.bundles[DOMAIN]) == 2
    assert second.generation == first.generation + 1
    door.world.clock.advance(3600)
    third = door.door.snapshot()
    assert third.svid != second.svid
    assert third.generation == second.generation + 1
