# SPDX-License-Identifier: Apache-2.0
"""Connections without I/O in programs: threads, buffers of theirs, memory."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from tests.support import workloads

from handfast import (
    Connection,
    HandfastError,
    PeerError,
    Reason,
    UsageError,
    _ffi,
)
from handfast.testing import connection_pair, transfer


def pair(**settings: Any) -> tuple[Connection, Connection]:
    return connection_pair(workloads.client(**settings), workloads.server(**settings))


def test_a_connection_is_one_threads_at_a_time() -> None:
    """The header's rule: a second entry is refused, never a race."""
    client, server = pair()
    client.send(b"x" * 200_000)
    server.receive(client.to_send())
    refusals: list[Reason] = []
    got: list[bytes] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(3000):
            try:
                got.append(server.read(100))
            except UsageError as error:
                refusals.append(error.reason)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert b"".join(got).strip(b"x") == b""
    assert sum(map(len, got)) <= 200_000
    assert set(refusals) <= {Reason.BUSY}
    rest = b"".join(iter(server.read, b""))
    assert len(rest) + sum(map(len, got)) == 200_000


def test_a_callers_buffer_is_free_again_also_when_a_call_fails() -> None:
    """What we raise holds a traceback, and must not hold the caller's memory."""
    client, server = Connection(workloads.client()), pair()[1]
    server.close()

    def fill(data: memoryview) -> None:
        for _ in range(1000):
            server.receive(data)

    actions: list[Any] = [
        client.send,
        server.send,
        lambda data: server._conn.write_fd(-1, data),
        server._conn.write,
        fill,
    ]
    for action in actions:
        memory = bytearray(100_000)
        with pytest.raises(HandfastError) as caught, memoryview(memory) as view:
            action(view)
        assert caught.value.__traceback__ is not None
        memory.clear()


def test_every_call_is_refused_while_another_one_runs() -> None:
    """Also from a signal handler in the same thread: refused, and never waiting."""
    client, _ = pair()
    inside: Any = client._conn
    assert inside._lock.acquire(False)
    calls: list[Any] = [
        lambda: client.receive(b"x"),
        lambda: client.receive(b""),
        client.to_send,
        inside.handshake,
        client.read,
        lambda: client.send(b"x"),
        client.close,
        lambda: inside.handshake_fd(-1),
        lambda: client.read_fd(-1),
        lambda: client.write_fd(-1, b"x"),
        lambda: client.flush_fd(-1),
        client.channel_binding,
        lambda: client.alpn,
        lambda: client.peer,
        lambda: client.presented_chain,
    ]
    for call in calls:
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.reason is Reason.BUSY
    inside._lock.release()
    client.send(b"x")
    assert client.to_send()


def test_connections_leave_nothing_behind() -> None:
    """2,000 of them, made and freed: the engine's own counters are flat."""
    client_config, server_config = workloads.client(), workloads.server()
    connection_pair(client_config, server_config)
    gc.collect()
    before = _ffi.live_handles()
    for number in range(1000):
        client, server = connection_pair(client_config, server_config)
        if number % 2:
            client.close()
            transfer(client, server)
        del client, server
        if number % 100 == 0:
            assert _ffi.live_handles() == before, "freed without the cycle collector"
    assert _ffi.live_handles() == before


def test_refused_connections_are_freed_at_once() -> None:
    """D2: an error that is kept must not keep the connection."""
    gc.collect()
    gc.disable()
    try:
        before = _ffi.live_handles()["conn"]
        for _ in range(50):
            server = Connection(workloads.server())
            server.receive(b"not tls at all")
            with pytest.raises(PeerError):
                server.handshake()
            del server
        # pytest keeps the last exception with its frames.
        assert _ffi.live_handles()["conn"] <= before + 1
    finally:
        gc.enable()
