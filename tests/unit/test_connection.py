# SPDX-License-Identifier: Apache-2.0
"""Connections without I/O, two of them joined in memory."""

from __future__ import annotations

import gc
import io
import itertools
import pickle
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support import workloads
from tests.support.engine import P256_SIGNATURE

from handfast import (
    ConfigError,
    Connection,
    DnsName,
    IpAddress,
    PeerError,
    Reason,
    TlsConfig,
    Truncated,
    UsageError,
    _ffi,
    authorize,
)
from handfast.testing import connection_pair, handshake_in_memory, transfer


def pair(**settings: Any) -> tuple[Connection, Connection]:
    return connection_pair(workloads.client(**settings), workloads.server(**settings))


def test_both_ends_know_whom_they_talk_to() -> None:
    client, server = pair()
    assert str(client.peer.spiffe_id) == workloads.SERVER
    assert str(server.peer.spiffe_id) == workloads.CLIENT
    assert server.peer is server.peer
    assert server.peer.chain == server.presented_chain
    assert client.version == server.version == "1.3"
    assert client.cipher == server.cipher
    assert client.group == server.group
    assert client.signature.startswith(P256_SIGNATURE)
    assert not client.resumed
    assert not server.resumed


def test_the_chain_outlives_the_connection_and_is_copied_when_asked_for() -> None:
    gc.collect()  # what earlier tests left in tracebacks
    before = _ffi.live_handles()["presented"]
    web, db = pair()
    peer, presented = db.peer, db.presented_chain
    assert _ffi.live_handles()["presented"] == before + 1
    assert db.peer is peer
    del web, db
    gc.collect()
    assert peer.chain == presented
    assert peer.leaf.public_bytes(Encoding.DER) == presented[0]
    assert _ffi.live_handles()["presented"] == before
    assert peer == pickle.loads(pickle.dumps(peer))


def test_data_goes_both_ways() -> None:
    client, server = pair()
    sent = bytes(range(256)) * 1000
    for source, target in ((client, server), (server, client)):
        source.send(sent)
        source.send(memoryview(sent))
        source.send(bytearray(b"end"))
        transfer(source, target)
        got = bytearray()
        while chunk := target.read(10_000):
            assert len(chunk) <= 10_000
            got += chunk
        assert got == sent + sent + b"end"
        assert not target.closed_by_peer


def test_channel_binding_is_equal_on_both_ends_and_new_each_time() -> None:
    """RFC 9266: tls-exporter."""
    client, server = pair()
    assert client.channel_binding() == server.channel_binding()
    assert len(client.channel_binding()) == 32
    assert pair()[0].channel_binding() != client.channel_binding()


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [((), (), None), (("h2", "http/1.1"), ("http/1.1", "h2"), "http/1.1")],
)
def test_alpn_is_the_servers_choice(ours: Any, theirs: Any, agreed: str | None) -> None:
    client, server = connection_pair(
        workloads.client(alpn=ours), workloads.server(alpn=theirs)
    )
    assert client.alpn == server.alpn == agreed


def test_tls_1_2_only_on_request() -> None:
    """1.3 is the least on both sides unless both are told otherwise."""
    client, server = pair(min_version="1.2")
    assert client.version == server.version == "1.3"


@pytest.mark.parametrize("data_first", [False, True])
def test_nothing_is_read_or_sent_before_the_handshake_is_done(
    *, data_first: bool
) -> None:
    """A9, C14: no application byte before authentication, whoever pushes bytes in."""
    client, server = (
        Connection(workloads.client()),
        Connection(workloads.server()),
    )
    if data_first:
        server.receive(b"GET / HTTP/1.1\r\n\r\n")
    for connection in (client, server):
        for action in (
            connection.read,
            lambda connection=connection: connection.send(b"x"),
            lambda connection=connection: connection.peer,
            connection.channel_binding,
            lambda connection=connection: connection.alpn,
            lambda connection=connection: connection.cipher,
        ):
            with pytest.raises(UsageError) as caught:
                action()
            assert caught.value.reason is Reason.WRONG_STATE
        assert connection.presented_chain == ()


def test_plain_text_is_not_tls() -> None:
    """A9: and whoever sends it learns nothing but an alert."""
    server = Connection(workloads.server())
    server.receive(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(PeerError) as caught:
        server.handshake()
    assert caught.value.reason is Reason.NOT_TLS
    with pytest.raises(PeerError) as again:
        server.handshake()
    assert again.value.reason is Reason.NOT_TLS
    with pytest.raises(PeerError):
        server.read()


def test_an_end_in_the_handshake_is_truncation() -> None:
    for bytes_before in (0, 1, 50):
        client = Connection(workloads.client())
        server = Connection(workloads.server())
        client.handshake()
        hello = client.to_send()
        if bytes_before:
            server.receive(hello[:bytes_before])
            assert not server.handshake()
        server.receive(b"")
        with pytest.raises(Truncated):
            server.handshake()


def test_a_clean_end_is_told_from_a_truncated_one() -> None:
    """D4: close_notify or not; what came before is read in both cases."""
    client, server = pair()
    client.send(b"last words")
    client.close()
    client.close()
    transfer(client, server)
    server.receive(b"")
    assert (server.read(), server.closed_by_peer) == (b"last words", False)
    assert (server.read(), server.closed_by_peer) == (b"", True)
    with pytest.raises(UsageError):
        client.send(b"after the end")

    client, server = pair()
    client.send(b"last words")
    transfer(client, server)
    server.receive(b"")
    assert server.read() == b"last words"
    for _ in range(2):
        with pytest.raises(Truncated):
            server.read()
    assert not server.closed_by_peer


def test_each_direction_ends_by_itself() -> None:
    """One-way close_notify: the other direction goes on."""
    client, server = pair()
    client.close()
    transfer(client, server)
    assert server.read() == b""
    assert server.closed_by_peer
    server.send(b"the answer")
    transfer(server, client)
    assert client.read() == b"the answer"


def test_a_record_that_was_touched_ends_the_connection() -> None:
    client, server = pair()
    client.send(b"secret")
    record = bytearray(client.to_send())
    record[-1] ^= 1
    server.receive(record)
    with pytest.raises(PeerError) as caught:
        server.read()
    assert caught.value.reason is Reason.PROTOCOL
    with pytest.raises(PeerError):
        server.read()


def test_what_is_stored_without_reading_is_bounded() -> None:
    """P8: receive() refuses long before memory is the limit."""
    client, server = pair()
    client.send(b"x" * 60_000)
    chunk = client.to_send()

    def push() -> None:
        for _ in range(10_000):
            server.receive(chunk)

    with pytest.raises(UsageError) as caught:
        push()
    assert caught.value.reason is Reason.LIMIT
    assert server.pending[0] < 64 << 20


def test_key_log_lines_are_written_only_when_asked_for() -> None:
    """NSS format, by explicit argument: a function or a file."""
    lines: list[str] = []
    file = io.StringIO()
    client = Connection(workloads.client(key_log=lines.append))
    server = Connection(workloads.server(key_log=file))
    handshake_in_memory(client, server)
    ours = set("".join(lines).splitlines())
    assert ours == set(file.getvalue().splitlines())
    labels = {line.split()[0] for line in ours}
    assert {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"} <= labels
    assert {len(line.split()) for line in ours} == {3}


def test_no_environment_variable_switches_the_key_log_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """SSLKEYLOGFILE is for others."""
    file = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(file))
    client, _ = pair()
    assert client.channel_binding()
    assert not file.exists()


def test_a_key_log_that_raises_does_not_change_the_verdict() -> None:
    """C12: it runs after the engine's verdict, and decides nothing."""

    def broken(_line: str) -> None:
        raise KeyboardInterrupt

    config = workloads.server(key_log=broken, who=authorize.nobody())
    client, server = Connection(workloads.client()), Connection(config)
    client.handshake()
    server.receive(client.to_send())
    with pytest.raises(KeyboardInterrupt):
        server.handshake()
    client.receive(server.to_send())
    client.handshake()
    server.receive(client.to_send())
    for _ in range(2):
        with pytest.raises(PeerError) as caught:
            server.handshake()
        assert caught.value.reason is Reason.NOT_AUTHORIZED
        with pytest.raises(PeerError):
            server.read()


def test_names_of_servers() -> None:
    """SNI for clients; nothing on the accepting side; a web client needs one."""
    Connection(workloads.client(), server_hostname="server.a.example")
    Connection(workloads.client(), server_hostname=DnsName("server.a.example"))
    Connection(workloads.client(), server_hostname=IpAddress("192.0.2.1"))
    with pytest.raises(ConfigError):
        Connection(workloads.server(), server_hostname="server.a.example")
    with pytest.raises(ConfigError):
        Connection(workloads.client(), server_hostname="not a name!")
    web = TlsConfig.web_client(roots=[workloads.authority().der])
    with pytest.raises(ConfigError):
        Connection(web)
    assert not web.is_mutual


def test_a_connection_shows_its_state() -> None:
    client, server = Connection(workloads.client()), Connection(workloads.server())
    assert repr(client) == "<Connection (client) handshaking>"
    handshake_in_memory(client, server)
    assert repr(server) == f"<Connection (server) with {workloads.CLIENT}>"
    lost = Connection(workloads.server())
    lost.receive(b"x" * 10)
    with pytest.raises(PeerError):
        lost.handshake()
    assert repr(lost) == "<Connection (server) refused>"


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_any_split_of_the_bytes_gives_the_same_handshake(size: int) -> None:
    """D5: one byte at a time, too."""
    client, server = connection_pair(
        workloads.client(), workloads.server(), sizes=itertools.repeat(size)
    )
    assert client.channel_binding() == server.channel_binding()


def test_reads_want_a_size() -> None:
    client, _ = pair()
    with pytest.raises(ConfigError):
        client.read(0)
