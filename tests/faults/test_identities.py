# SPDX-License-Identifier: Apache-2.0
"""Many connections of many identities at once: nobody is taken for another (A10)."""

from __future__ import annotations

import gc

import pytest
import trio
from tests.support.net_world import (
    Served,
    client_config,
    server_config,
    serving,
    source,
    trio_test,
)

from handfast import Connection, UsageError, VerifiedPeer
from handfast.net import MtlsStream

NAMES = [f"spiffe://a.example/workload/{number}" for number in range(6)]
ROUNDS = 8


async def say_who(stream: MtlsStream) -> None:
    """Tell the peer who it is, as it was verified; more than once."""
    who = str(stream.peer.spiffe_id).encode()
    async for _ in stream:
        assert str(stream.peer.spiffe_id).encode() == who
        await stream.send_all(who)


async def be(name: str, server: Served, kept: list[tuple[str, VerifiedPeer]]) -> None:
    """Connect as somebody, again and again, and check that one is taken for him."""
    config = client_config(source=source(name))
    for _ in range(ROUNDS):
        stream = await server.connect(config)
        async with stream:
            for _ in range(3):
                await stream.send_all(b"who am I?")
                assert await stream.receive_some() == name.encode()
            kept.append((str(stream.peer.spiffe_id), stream.peer))
        # Known after the close, and the memory of the connection may be another's now.
        kept.append((str(stream.peer.spiffe_id), stream.peer))


@trio_test
async def test_identities_stay_with_their_connections() -> None:
    """A10: with objects and addresses that are used again at once."""
    kept: list[tuple[str, VerifiedPeer]] = []
    seen: set[str] = set()

    async def handle(stream: MtlsStream) -> None:
        seen.add(str(stream.peer.spiffe_id))
        await say_who(stream)

    async with serving(handle) as server, trio.open_nursery() as nursery:
        for name in NAMES:
            nursery.start_soon(be, name, server, kept)
    gc.collect()
    assert seen == set(NAMES)
    assert len(kept) == len(NAMES) * ROUNDS * 2
    assert {who for who, _ in kept} == {"spiffe://a.example/db"}
    assert all(str(peer.spiffe_id) == who for who, peer in kept)


@trio_test
async def test_the_question_can_be_answered_wrongly() -> None:
    """The negative control of A10: another identity gives another answer."""
    async with serving(say_who) as server:
        stream = await server.connect(client_config(source=source(NAMES[0])))
        async with stream:
            await stream.send_all(b"who am I?")
            assert await stream.receive_some() != NAMES[1].encode()


def test_before_its_end_a_handshake_has_no_identity() -> None:
    """A10, A9: not even the one that was verified by then."""
    client, server = Connection(client_config()), Connection(server_config())
    client.handshake()
    server.receive(client.to_send())
    server.handshake()
    client.receive(server.to_send())
    client.handshake()
    flight = client.to_send()
    server.receive(flight[:-1])
    assert not server.handshake()
    with pytest.raises(UsageError):
        _ = server.peer
    server.receive(flight[-1:])
    assert server.handshake()
    assert str(server.peer.spiffe_id).startswith("spiffe://a.example/")
