# SPDX-License-Identifier: Apache-2.0
"""The ClientHello on a port with several identities: in any pieces, and out of form."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from tests.support.named import SHOP, anybody, names
from tests.support.net_world import (
    InMemory,
    trio_test,
)

from handfast import Reason
from handfast.tls import Connection


def hello(name: str, **settings: Any) -> bytes:
    connection = Connection(anybody(**settings), server_hostname=name)
    connection.handshake()
    return connection.to_send()


def in_records_of(size: int, record: bytes) -> bytes:
    """Split the message of a record into more records."""
    body = record[5:]
    return b"".join(
        record[:3] + len(part).to_bytes(2, "big") + part
        for part in (body[i : i + size] for i in range(0, len(body), size))
    )


async def answer_to(world: InMemory, data: bytes, *, cut: int = 0) -> bytes:
    """Send bytes, in two parts, and read the first answer."""
    async with world.transport.connect() as client:
        if cut:
            await client.send_all(data[:cut])
            await trio.testing.wait_all_tasks_blocked()
        await client.send_all(data[cut:])
        return bytes(await client.receive_some(1 << 16))


@trio_test
async def test_a_hello_that_is_split_at_any_byte_is_answered_by_the_same() -> None:
    """A3: at every byte of the transport, and into records of every size."""
    world, whole = InMemory(), hello("pay.example.com")
    async with world.serving(sni=names()):
        for cut in range(1, len(whole)):
            assert (await answer_to(world, whole, cut=cut))[:1] == b"\x16"
        for size in (*range(1, 60), len(whole) // 2):
            answer = await answer_to(world, in_records_of(size, whole))
            assert answer[:1] == b"\x16", size
        await trio.testing.wait_all_tasks_blocked()
        # They broke off after our flight; none was refused for its name or its form.
    assert set(world.statistics.handshakes_failed) == {Reason.TRUNCATED}


@trio_test
async def test_a_hello_in_pieces_gets_whole_handshakes() -> None:
    """A3: what was looked at goes to the engine whole and once."""
    world = InMemory()
    async with world.serving(sni=names()):
        for size in (1, 7, 50):
            client = world.transport.connect()
            connection = Connection(anybody(), server_hostname="a.shop.example")
            connection.handshake()
            flight = in_records_of(size, connection.to_send())
            await client.send_all(flight)
            while not connection.handshake():
                connection.receive(await client.receive_some(100))
            await client.send_all(connection.to_send())
            assert str(connection.peer.spiffe_id) == SHOP
            await client.aclose()
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_ok == 3


@pytest.mark.parametrize(
    ("data", "reason", "alert"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Reason.NOT_TLS, 10),
        (b"\x15\x03\x03\x00\x02\x01\x00", Reason.NOT_TLS, 10),
        (b"\x16\x03\x01\x00\x00", Reason.CLIENT_HELLO_INVALID, 50),
        (b"\x16\x02\x01\x00\x05", Reason.CLIENT_HELLO_INVALID, 50),
        (b"\x16\x03\x01\x00\x04\x02\0\0\0", Reason.CLIENT_HELLO_INVALID, 50),
        (b"\x16\x03\x01\x00\x04\x01\0\x40\x01", Reason.CLIENT_HELLO_INVALID, 50),
    ],
)
@trio_test
async def test_what_is_no_hello_is_refused_even_where_a_default_answers(
    data: bytes, reason: Reason, alert: int
) -> None:
    """A3: what cannot be read chooses nothing, a warning before the hello included."""
    world = InMemory()
    table = names(unknown="default", nameless="default")
    async with world.serving(sni=table):
        answer = await answer_to(world, data)
        assert answer == bytes([0x15, 3, 3, 0, 2, 2, alert])
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {reason: 1}


@trio_test
async def test_a_hello_that_never_ends_is_bounded_in_bytes_and_time() -> None:
    """D1, D2, P8: a record header a time, for ever."""
    world = InMemory()
    async with world.serving(sni=names()):
        record = b"\x16\x03\x01\x00\x01"
        endless = (
            record + b"\x01" + record + b"\0" + record + b"\x3f" + record + b"\xf0"
        )
        answer = await answer_to(world, endless + (record + b"\0") * 6000)
        assert answer == b"\x15\x03\x03\x00\x02\x02\x32"
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.CLIENT_HELLO_INVALID: 1}


@trio_test
async def test_a_hello_that_stops_is_ended_at_the_deadline(
    clock: trio.testing.MockClock,
) -> None:
    """D1: the name is read in the time of the handshake."""
    world = InMemory()
    async with world.serving(sni=names(), handshake_timeout=2):
        start = trio.current_time()
        async with world.transport.connect() as client:
            await client.send_all(hello("pay.example.com")[:-1])
            assert await client.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(2)
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.HANDSHAKE_TIMEOUT: 1}
