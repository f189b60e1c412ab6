# SPDX-License-Identifier: Apache-2.0
"""Bytes that wait between two steps of a handshake, wherever they wait.

Within a handshake the engine is told of what came, and of what was taken, by the next
step. Nothing of that may be seen from outside.
"""

from __future__ import annotations

import pytest
from tests.support import workloads

from handfast import Connection, HandfastError, Reason, Truncated, UsageError
from handfast.testing import handshake_in_memory


def ends() -> tuple[Connection, Connection]:
    return Connection(workloads.client()), Connection(workloads.server())


def first_flight(client: Connection) -> bytes:
    assert not client.handshake()
    return client.to_send()


def finish(client: Connection, server: Connection) -> None:
    handshake_in_memory(client, server)
    assert str(server.peer.spiffe_id) == workloads.CLIENT
    assert str(client.peer.spiffe_id) == workloads.SERVER


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_what_comes_in_pieces_before_a_step_stays_in_order(pieces: int) -> None:
    client, server = ends()
    hello = first_flight(client)
    size = -(-len(hello) // pieces)
    for start in range(0, len(hello), size):
        server.receive(hello[start : start + size])
    assert server.pending == (len(hello), 0)
    finish(client, server)


def test_a_buffer_is_copied_when_it_is_given() -> None:
    client, server = ends()
    hello = bytearray(first_flight(client))
    server.receive(hello)
    hello[:] = bytes(len(hello))
    finish(client, server)


def test_each_byte_is_given_out_once() -> None:
    client, server = ends()
    assert not client.handshake()
    assert client.pending[1] > 0
    hello = client.to_send()
    assert client.pending == (0, 0)
    assert client.to_send() == b""
    assert not client.handshake()
    assert client.to_send() == b""
    server.receive(hello)
    finish(client, server)


def test_an_end_behind_bytes_that_wait_comes_after_them() -> None:
    client, server = ends()
    server.receive(first_flight(client)[:-1])
    server.receive(b"")
    with pytest.raises(Truncated):
        server.handshake()


def test_nothing_can_follow_the_end() -> None:
    client, server = ends()
    hello = first_flight(client)
    server.receive(hello)
    server.receive(b"")
    with pytest.raises(UsageError) as caught:
        server.receive(hello)
    assert caught.value.reason == Reason.WRONG_STATE


def test_what_waits_is_bounded_in_a_handshake_too() -> None:
    """Threat D2: a stranger's bytes are stored up to a limit, however they come."""
    for size in (1, 1000, 16384, 65535):
        _, server = ends()
        for _ in range(65536 // size):
            server.receive(b"\x16" * size)
        with pytest.raises(HandfastError) as caught:
            server.receive(b"\x16" * size)
        assert caught.value.reason == Reason.LIMIT
        assert server.pending[0] <= 65536


def test_a_close_in_a_handshake_loses_nothing_that_was_given_out() -> None:
    client, _ = ends()
    assert first_flight(client)
    client.receive(b"\x16")
    client.close()
    assert client.to_send() == b""
    assert client.pending == (1, 0)


def test_a_refused_connection_takes_no_more() -> None:
    _, server = ends()
    server.receive(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(HandfastError) as caught:
        server.handshake()
    assert caught.value.reason == Reason.NOT_TLS
    alert = server.to_send()
    assert alert
    assert server.to_send() == b""
    with pytest.raises(HandfastError) as again:
        server.receive(b"GET /")
    assert again.value.reason == Reason.NOT_TLS
