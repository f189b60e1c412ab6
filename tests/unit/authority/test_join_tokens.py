# SPDX-License-Identifier: Apache-2.0
"""Join tokens: who has one gets in, once and in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support.authority_state import NOON, settings
from tests.support.net_world import PATIENCE, trio_test
from tests.support.nodes_world import (
    DOMAIN,
    NODE,
    OTHER,
    World,
    document,
)

from handfast.authority.agent import join
from handfast.authority.audit import read_audit
from handfast.authority.nodes import JoinToken, Nodes
from handfast.authority.nodes.pacing import Buckets
from handfast.authority.nodes.proto import (
    JOIN,
    JoinRequest,
    JoinResponse,
)
from handfast.authority.state import AuthorityState
from handfast.errors import AttestationRefused, ConfigError
from handfast.testing import FakeClock
from handfast.workload_api.channel import Channel
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode


@trio_test
async def test_a_token_lets_in_once(tmp_path: Path) -> None:
    """The second time its trust domain is in no bundle any more."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        token, bundle = service.nodes.make_token(NODE), document(service)
        dial, where = world.dial_with(token, bundle), ("127.0.0.1", world.port)
        await join(dial, where, bundle)
        with pytest.raises((RpcError, trio.BrokenResourceError)):
            await join(dial, where, bundle)
        assert [it.spiffe_id for it in service.nodes.all()] == [NODE]


@trio_test
async def test_of_two_who_come_at_once_with_one_token_one_gets_in(
    tmp_path: Path,
) -> None:
    """Both shake hands before the token is used; the database lets one of them in."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        token, bundle = service.nodes.make_token(NODE), document(service)
        dial, where = world.dial_with(token, bundle), ("127.0.0.1", world.port)
        streams = [await dial(), await dial()]

        async def again() -> trio.abc.Stream:
            return streams.pop()

        await join(again, where, bundle)
        with pytest.raises(PermissionDenied, match="join token is not valid"):
            await join(again, where, bundle)


@trio_test
async def test_a_token_that_nobody_made_does_not_get_through_the_handshake(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "state")
    async with world.authority() as service:
        service.nodes.make_token(NODE)
        bundle = document(service)
        dial = world.dial_with(JoinToken.generate(), bundle)
        with pytest.raises((RpcError, trio.BrokenResourceError)):
            await join(dial, ("127.0.0.1", world.port), bundle)
        assert not service.nodes.all()


def test_a_token_is_good_for_its_time_and_no_longer(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    with AuthorityState.open(tmp_path, settings=settings(), now=clock) as state:
        nodes = Nodes(state.database, DOMAIN, now=clock)
        token = nodes.make_token(NODE, timedelta(minutes=5))
        assert [it.trust_domain for it in nodes.open_tokens()] == [token.trust_domain]
        clock.advance(300)
        assert nodes.open_tokens() == []
        with pytest.raises(AttestationRefused, match="join token"):
            nodes.use_token(token.trust_domain)


def test_the_state_holds_no_token(tmp_path: Path) -> None:
    """What is stored verifies it, and neither is it nor gives it away."""
    with AuthorityState.open(tmp_path, settings=settings()) as state:
        token = Nodes(state.database, DOMAIN).make_token(NODE)
        rows = state.database.rows("SELECT * FROM join_tokens")
        everything = repr(rows) + repr(list(read_audit(state.database)))
    secret = token.text.partition(".")[2]
    assert secret not in everything
    assert secret not in repr(token)
    for file in tmp_path.iterdir():
        if file.is_file():
            assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it[:-1],
        lambda it: it + "A",
        lambda it: it.removeprefix("hfjoin1."),
        lambda it: it.replace("hfjoin1.", "hfjoin2."),
        lambda it: it[:-1] + "é",
        lambda it: it[:20] + " " + it[20:],
        lambda _: "",
        lambda _: "hfjoin1.",
    ],
)
def test_a_text_that_is_no_token_is_refused_without_being_shown(
    change: Callable[[str], str],
) -> None:
    text = change(JoinToken.generate().text)
    with pytest.raises(ConfigError) as refused:
        JoinToken.parse(text)
    assert "a join token" in str(refused.value)
    assert len(text) < 20 or text[8:] not in str(refused.value)


def test_a_token_reads_as_it_was_written() -> None:
    token = JoinToken.generate()
    assert JoinToken.parse(f" {token.text}\n").trust_domain == token.trust_domain
    assert JoinToken.generate().id != token.id


@trio_test
async def test_one_token_is_no_authority_for_another(tmp_path: Path) -> None:
    """P1: each has a trust domain of its own, so none can pass for the next."""
    world = World(tmp_path / "state")
    async with world.authority() as service:
        mine, theirs = (service.nodes.make_token(it) for it in (NODE, OTHER))
        mine.trust_domain = theirs.trust_domain
        bundle = document(service)
        with pytest.raises((RpcError, trio.BrokenResourceError)):
            await join(world.dial_with(mine, bundle), ("127.0.0.1", world.port), bundle)
        assert not service.nodes.all()


@pytest.mark.parametrize("key", [b"", b"0", b"\x30\x03\x02\x01\x00", "dsa"])
@trio_test
async def test_a_key_that_no_svid_has_is_refused(
    tmp_path: Path, key: bytes | str
) -> None:
    """And the token is still good: what it is for did not happen."""
    world = World(tmp_path / "state")
    if key == "dsa":
        key = (
            ec.generate_private_key(ec.SECP256K1())
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
    assert isinstance(key, bytes)
    async with world.authority() as service:
        token, bundle = service.nodes.make_token(NODE), document(service)
        async with Channel(await world.dial_with(token, bundle)()) as channel:
            with pytest.raises(RpcError) as refused:
                await channel.unary(
                    JOIN, JoinRequest(public_key=key), JoinResponse, timeout=PATIENCE
                )
        assert refused.value.code is StatusCode.INVALID_ARGUMENT
        assert service.nodes.open_tokens()


def test_a_node_takes_so_many_signatures_and_no_more() -> None:
    now = [0.0]
    buckets = Buckets(rate=2, burst=3, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b")
    now[0] = 0.5
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    now[0] = 60.0
    assert buckets.take("c")
    assert len(buckets) == 1
