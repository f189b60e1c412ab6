# SPDX-License-Identifier: Apache-2.0
"""The fd form: the same connections on real sockets, and other threads meanwhile."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator

import pytest
from tests.support import workloads
from tests.support.engine import NOT_AUTHORIZED_ALERT
from tests.support.free_gil import counted_meanwhile

from handfast import (
    Connection,
    NotAuthorized,
    PeerAlert,
    TransportError,
    Truncated,
    UsageError,
    authorize,
)
from handfast.testing import handshake_in_memory
from handfast.tls import Want


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    pair = socket.socketpair()
    for end in pair:
        end.setblocking(False)
    yield pair
    for end in pair:
        end.close()


def shake(
    client: Connection, server: Connection, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Step both until both are done; nobody ever waits for a clock."""
    ends = [(client, pair[0]), (server, pair[1])]
    done = [False, False]
    for _ in range(20):
        for index, (connection, end) in enumerate(ends):
            if not done[index]:
                done[index], want = connection.handshake_fd(end.fileno())
                assert want is not Want.NOTHING or done[index]
        if all(done):
            return
    raise AssertionError("the handshake does not end")


def established(pair: tuple[socket.socket, socket.socket]) -> list[Connection]:
    ends = [Connection(workloads.client()), Connection(workloads.server())]
    shake(ends[0], ends[1], pair)
    return ends


def test_a_handshake_is_few_calls(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """Two calls each: hello; answer; finish; done."""
    client, server = Connection(workloads.client()), Connection(workloads.server())
    ours, theirs = (end.fileno() for end in sockets)
    assert server.handshake_fd(theirs) == (False, Want.READ)
    assert client.handshake_fd(ours) == (False, Want.READ)
    assert server.handshake_fd(theirs) == (False, Want.READ)
    assert client.handshake_fd(ours) == (True, Want.NOTHING)
    assert server.handshake_fd(theirs) == (True, Want.NOTHING)
    assert server.handshake_fd(theirs) == (True, Want.NOTHING)
    assert client.channel_binding() == server.channel_binding()
    assert str(server.peer.spiffe_id) == workloads.CLIENT


def test_data_and_a_clean_end(sockets: tuple[socket.socket, socket.socket]) -> None:
    client, server = established(sockets)
    ours, theirs = (end.fileno() for end in sockets)
    assert server.read_fd(theirs) is Want.READ
    assert client.write_fd(ours, b"hello") == (5, Want.NOTHING)
    assert server.read_fd(theirs, 3) == b"hel"
    assert server.read_fd(theirs, 3) == b"lo"
    client.close()
    assert client.flush_fd(ours) is Want.NOTHING
    assert server.read_fd(theirs) == b""
    assert server.closed_by_peer
    assert server.write_fd(theirs, bytearray(b"bye")) == (3, Want.NOTHING)
    assert client.read_fd(ours) == b"bye"


def test_a_full_socket_is_waited_for(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """D5: short writes; nothing is lost and nothing is sent twice."""
    client, server = established(sockets)
    ours, theirs = (end.fileno() for end in sockets)
    sent = os.urandom(3_000_000)
    place, got = 0, bytearray()
    waited = False
    while len(got) < len(sent):
        if place < len(sent):
            taken, want = client.write_fd(ours, sent[place : place + 1_000_000])
            place += taken
        else:
            want = client.flush_fd(ours)
        waited |= want is Want.WRITE
        while isinstance(chunk := server.read_fd(theirs), bytes):
            got += chunk
    assert waited
    assert got == sent


def test_a_socket_step_leaves_nothing_stale_for_the_memory_form(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """Mixed in spite of the manual: no freed byte is read, or given out to the peer."""
    client, server = Connection(workloads.client()), Connection(workloads.server())
    ours = sockets[0].fileno()
    assert not client.handshake()  # Its hello waits, and is shown to to_send().
    shake(client, server, sockets)
    assert client.pending == (0, 0)
    assert client.to_send() == b""
    client.write_fd(ours, bytes(3_000_000))  # More than the socket takes.
    waiting = client.pending[1]
    assert waiting > 0
    assert len(client.to_send()) == waiting


def test_a_refused_handshake_has_sent_its_alert(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """P7: before the exception is raised, so that nobody has to remember to."""
    client = Connection(workloads.client())
    server = Connection(workloads.server(who=authorize.nobody()))
    with pytest.raises(NotAuthorized):
        shake(client, server, sockets)
    with pytest.raises(PeerAlert) as caught:
        client.read_fd(sockets[0].fileno())
    assert caught.value.alert == NOT_AUTHORIZED_ALERT
    with pytest.raises(NotAuthorized):
        server.handshake_fd(sockets[1].fileno())
    assert server.close_fd(sockets[1].fileno()) is Want.NOTHING


def test_ends_of_all_kinds(sockets: tuple[socket.socket, socket.socket]) -> None:
    """D4: an end without close_notify, and a socket that is none."""
    client, server = established(sockets)
    sockets[0].close()
    with pytest.raises(Truncated):
        server.read_fd(sockets[1].fileno())
    with pytest.raises(TransportError) as caught:
        client.read_fd(-1)
    assert caught.value.detail.system_errno != 0


@pytest.fixture
def tcp() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    for end in (client, server):
        end.setblocking(False)
    yield client, server
    client.close()
    server.close()


def wait_readable(end: socket.socket) -> bool:
    return bool(select.select([end], [], [], 30)[0])


def read_to_the_end(connection: Connection, end: socket.socket) -> bytes:
    """Read until the peer's clean end; an end without one raises `Truncated`."""
    heard = b""
    while not connection.closed_by_peer:
        data = connection.read_fd(end.fileno())
        if isinstance(data, bytes):
            heard += data
        else:
            assert wait_readable(end)
    return heard


def test_the_last_words_and_the_sockets_end_arrive_whole(
    tcp: tuple[socket.socket, socket.socket],
) -> None:
    """close_fd may keep the close_notify back for the FIN; both arrive."""
    client, server = established(tcp)
    server.write_fd(tcp[1].fileno(), b"all of it")
    assert server.close_fd(tcp[1].fileno()) is Want.NOTHING
    tcp[1].close()
    assert read_to_the_end(client, tcp[0]) == b"all of it"


def test_the_last_words_are_not_kept_back_while_something_is_unread(
    tcp: tuple[socket.socket, socket.socket],
) -> None:
    """Closing resets the connection then, and would drop what was kept back."""
    client, server = established(tcp)
    client.write_fd(tcp[0].fileno(), b"nobody reads this")
    assert wait_readable(tcp[1])
    assert server.close_fd(tcp[1].fileno()) is Want.NOTHING
    tcp[1].close()
    assert read_to_the_end(client, tcp[0]) == b""


def test_nothing_is_read_before_the_end_of_the_handshake(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """A9: on sockets, too."""
    server = Connection(workloads.server())
    sockets[0].send(b"GET / HTTP/1.1\r\n\r\n")
    for action in (
        lambda: server.read_fd(sockets[1].fileno()),
        lambda: server.write_fd(sockets[1].fileno(), b"x"),
    ):
        with pytest.raises(UsageError):
            action()


def test_the_gil_is_free_in_a_handshake() -> None:
    """P9."""
    configs = workloads.client(), workloads.server()

    def shake_hands() -> None:
        handshake_in_memory(*map(Connection, configs))

    assert counted_meanwhile(shake_hands, tries=1000) > 0
