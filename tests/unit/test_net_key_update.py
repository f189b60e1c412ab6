# SPDX-License-Identifier: Apache-2.0
"""Long streams change their keys, and the data goes on (RFC 8446, 4.6.3 and 5.5)."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    Pair,
    client_config,
    server_config,
    shake_hands,
    tcp_pair,
    trio_test,
)

from handfast import Reason, UsageError
from handfast.net import Lifetime, MtlsStream
from handfast.tls import Connection

RECORD = 16384


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note every KeyUpdate of ours, and whether the peer was asked, too."""
    asked: list[bool] = []
    inner = Connection.key_update

    def note(connection: Connection, *, ask_peer: bool = False) -> None:
        inner(connection, ask_peer=ask_peer)
        asked.append(ask_peer)

    monkeypatch.setattr(Connection, "key_update", note)
    return asked


async def pair(lifetime: Lifetime, *, memory: bool = False) -> Pair:
    """Make streams of which the client's has a lifetime."""
    ends = trio.testing.memory_stream_pair() if memory else await tcp_pair()
    return await shake_hands(
        MtlsStream(ends[0], client_config(), lifetime=lifetime),
        MtlsStream(ends[1], server_config()),
    )


@pytest.mark.parametrize("memory", [False, True])
@trio_test
async def test_keys_are_changed_after_so_many_bytes(
    memory: bool, updates: list[bool]
) -> None:
    """Small sends count as the records that they are."""
    client, server = await pair(Lifetime(key_update_bytes=4 * RECORD), memory=memory)
    async with client, server:
        for count in range(1, 21):
            await client.send_all(b"a little")
            assert await server.receive_some() == b"a little"
            await server.send_all(b"answer")
            assert await client.receive_some() == b"answer"
            assert len(updates) == (count - 1) // 4
        assert all(updates)


@trio_test
async def test_keys_are_changed_after_some_time(updates: list[bool]) -> None:
    client, server = await pair(Lifetime(key_update_seconds=1e-9))
    async with client, server:
        for _ in range(3):
            await client.send_all(b"x")
            assert await server.receive_some() == b"x"
        assert len(updates) == 3


@trio_test
async def test_data_goes_on_in_both_directions_while_keys_change(
    updates: list[bool],
) -> None:
    """Both peers send at once, and the answers to requests come between."""
    client, server = await pair(Lifetime(key_update_bytes=4 * RECORD))
    blob = bytes(range(256)) * 8192

    async def send(stream: MtlsStream) -> None:
        for start in range(0, len(blob), RECORD):
            await stream.send_all(blob[start : start + RECORD])
        await stream.send_eof()

    async def read(stream: MtlsStream) -> None:
        got = bytearray()
        async for data in stream:
            got += data
        assert bytes(got) == blob

    async with client, server, trio.open_nursery() as nursery:
        for stream in (client, server):
            nursery.start_soon(send, stream)
            nursery.start_soon(read, stream)
    assert len(updates) > 20


@trio_test
async def test_no_keys_are_changed_for_who_wants_none(updates: list[bool]) -> None:
    client, server = await pair(Lifetime(key_update_bytes=None))
    async with client, server, trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, bytes(1 << 20))
        got = 0
        while got < 1 << 20:
            got += len(await server.receive_some())
    assert not updates


@trio_test
async def test_a_connection_that_is_closed_has_no_new_keys() -> None:
    client, server = await pair(Lifetime())
    async with client, server:
        client.connection.key_update()
        await client.send_all(b"under new keys")
        assert await server.receive_some() == b"under new keys"
        await client.send_eof()
        with pytest.raises(UsageError) as refused:
            client.connection.key_update()
        assert refused.value.reason is Reason.WRONG_STATE
