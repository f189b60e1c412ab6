# SPDX-License-Identifier: Apache-2.0
"""R7: ticket keys from Python: shared, rotated, limited and never shown."""

from __future__ import annotations

import copy
import gc
import os
from typing import Any

import pytest
from tests.support import pki, workloads
from tests.support.forking import holds_in_a_child
from tests.support.resuming import Foreigner, Rotating, Way, World

from handfast import (
    ConfigError,
    TicketKeys,
    TicketSecrets,
    TicketStatistics,
    TlsConfig,
    _ffi,
)

WAY = Way("1.3", "ticket")
A, B, C, D = (os.urandom(80) for _ in range(4))


def machine(world: World, keys: TicketKeys) -> TlsConfig:
    """Another server of the same identity, with an SVID of its own and these keys."""
    svid = pki.leaf(world.ca, workloads.SERVER).svid()
    source = Rotating(svid, world.ca.bundle("a.example"))
    return world.another(source=source, sessions=keys)


def test_machines_with_the_same_secrets_take_each_others_tickets() -> None:
    """A fleet, rotated in any order: nobody is sent back to a full handshake."""
    world = World(WAY)
    keys = [TicketKeys(TicketSecrets(current=A)) for _ in range(2)]
    servers = [machine(world, each) for each in keys]
    assert not world.client.visit(servers[0]).resumed
    assert world.client.visit(servers[1]).resumed
    for each in keys:
        each.replace(TicketSecrets(current=A, upcoming=B))
    keys[0].replace(TicketSecrets(current=B, previous=(A,)))
    for server in (*servers, *servers):
        assert world.client.visit(server).resumed
    keys[1].replace(TicketSecrets(current=B, previous=(A,)))
    assert world.client.visit(servers[1]).resumed
    keys[0].replace(TicketSecrets(current=C))
    assert not world.client.visit(servers[0]).resumed


def test_what_one_gives_away_another_opens_with() -> None:
    world = World(WAY)
    ours = TicketKeys()
    ours.rotate()
    theirs = TicketKeys(ours.secrets())
    assert theirs.secrets() == ours.secrets()
    assert not world.client.visit(machine(world, ours)).resumed
    assert world.client.visit(machine(world, theirs)).resumed
    assert theirs.statistics() == TicketStatistics(
        issued=1, opened=1, unknown=0, refused=0, rotations=0
    )
    assert (
        not Foreigner(WAY, pki.leaf(world.ca, workloads.CLIENT))
        .visit(machine(world, theirs))
        .resumed
    )


def test_a_forked_child_opens_its_parents_tickets() -> None:
    """D9: workers of one server; neither uses up what the other has."""
    world = World(WAY)
    assert not world.client.visit(world.server).resumed
    assert holds_in_a_child(lambda: world.client.visit(world.server).resumed)
    assert world.client.visit(world.server).resumed


def test_secrets_are_never_shown() -> None:
    """Not by repr, and not by the errors about them."""
    secrets = TicketSecrets(current=A, upcoming=B, previous=(C, D))
    assert repr(secrets) == "<TicketSecrets: 4 not shown>"
    keys = TicketKeys(secrets)
    assert repr(keys) == "<TicketKeys: 0 issued, 0 opened>"
    assert copy.copy(secrets) == secrets
    shown: list[str] = []
    for wrong in (
        lambda: TicketSecrets(current=A[:79]),
        lambda: TicketSecrets(current=bytearray(A)),  # type: ignore[arg-type]
        lambda: TicketKeys(TicketSecrets(current=A, upcoming=A)),
        lambda: TicketKeys(TicketSecrets(current=bytes(80))),
        lambda: TicketKeys(A),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigError) as caught:
            wrong()
        shown.append(repr(caught.value) + str(caught.value) + repr(caught.value.detail))
    for text in (*shown, repr(secrets), repr(keys), repr(keys.secrets())):
        for secret in (A, B, C, D):
            assert repr(secret)[2:12] not in text
            assert secret.hex()[:8] not in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"current": b""},
        {"current": "x" * 80},
        {"current": A + b"x"},
        {"current": A, "upcoming": B[:40]},
        {"current": A, "previous": [B]},
        {"current": A, "previous": (B, C, D)},
        {"current": A, "previous": (B, None)},
    ],
)
def test_secrets_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        TicketSecrets(**wrong)


@pytest.mark.parametrize("secret", [bytes(80), b"\xff" * 80])
def test_a_secret_that_is_all_one_byte_is_refused(secret: bytes) -> None:
    """CVE-2020-13777: a key of zeros, by mistake."""
    keys = TicketKeys()
    before = keys.secrets()
    for ring in (
        TicketSecrets(current=secret),
        TicketSecrets(current=A, upcoming=secret),
        TicketSecrets(current=A, previous=(B, secret)),
    ):
        with pytest.raises(ConfigError):
            TicketKeys(ring)
        with pytest.raises(ConfigError):
            keys.replace(ring)
    assert keys.secrets() == before


@pytest.mark.parametrize("age", [0, -1, 86401, True, 1.5, None])
def test_an_age_that_is_none_is_refused(age: Any) -> None:
    with pytest.raises(ConfigError):
        TicketKeys(max_age=age)


def test_keys_are_for_servers() -> None:
    keys: Any = TicketKeys()
    with pytest.raises(ConfigError):
        workloads.client(sessions=keys)


def test_the_engine_gets_its_keys_back() -> None:
    gc.collect()
    before = _ffi.live_handles()["ticket_keys"]
    world = World(WAY)
    world.known()
    assert _ffi.live_handles()["ticket_keys"] == before + 1
    del world
    gc.collect()
    assert _ffi.live_handles()["ticket_keys"] == before
