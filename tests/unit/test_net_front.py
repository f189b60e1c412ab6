# SPDX-License-Identifier: Apache-2.0
"""The front of a port, cut and cancelled at every step."""

from __future__ import annotations

import gc
from contextlib import suppress

import pytest
import trio
import trio.testing
from tests.support.cancelling import cancelled_at
from tests.support.net_world import client_config, server_config, trio_test

from handfast import HandfastError, Reason
from handfast.net import (
    MtlsListener,
    MtlsStream,
    Passthrough,
    Permissive,
    PlainStream,
    ProxyProtocol,
    ServerNames,
)
from handfast.net.front import Front, Knock
from handfast.net.passthrough import Relay
from handfast.tls import Connection

HEADER = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\x0a\0\0\1\x15\xb3\1\xbb"
MANY = 1000


async def nobody_in_particular(stream: PlainStream) -> None:
    """Take a stream."""


class Door:
    """A front with everything on it, for connections over local sockets."""

    def __init__(self, backend_port: int = 1) -> None:
        self.to = Passthrough("127.0.0.1", backend_port)
        self.permissive = Permissive(nobody_in_particular)
        names = ServerNames({"db.example": server_config(), "old.example": self.to})
        self.front = Front(self.permissive, names, ProxyProtocol(local_sockets=True))
        self.listener = MtlsListener(_NoListener(), server_config())

    def knock(self) -> tuple[trio.SocketStream, trio.SocketStream, Knock]:
        one, other = trio.socket.socketpair()
        client, server = trio.SocketStream(one), trio.SocketStream(other)
        return client, server, self.front.knock(self.listener, server)

    @property
    def held(self) -> int:
        """Streams that a drain would have to end."""
        return len(self.listener._streams)  # pyright: ignore[reportPrivateUsage]


class _NoListener(trio.abc.Listener[trio.abc.Stream]):
    async def accept(self) -> trio.abc.Stream:
        raise NotImplementedError

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def hello(name: str) -> bytes:
    connection = Connection(client_config(), server_hostname=name)
    connection.handshake()
    return connection.to_send()


async def shake(client: trio.SocketStream) -> None:
    stream = MtlsStream(client, client_config(), server_hostname="db.example")
    with suppress(HandfastError):
        await stream.do_handshake()
    await trio.aclose_forcefully(stream)


async def close(got: list[trio.abc.AsyncResource], server: trio.abc.Stream) -> None:
    for it in got or [server]:
        await trio.aclose_forcefully(it)


async def answer_until(door: Door, what: str, k: int) -> type[object] | None:
    """Answer, cancelled at the k-th step; what became of it, None when it was."""
    client, server, knock = door.knock()
    got: list[trio.abc.AsyncResource] = []

    async def answer() -> None:
        got.append(await knock.answer())

    async with trio.open_nursery() as nursery:
        await client.send_all(HEADER)
        if what == "mutual TLS":
            nursery.start_soon(shake, client)
        elif what == "plain text":
            await client.send_all(b"GET / HTTP/1.1\r\n\r\n")
        else:
            await client.send_all(hello("old.example"))
        await cancelled_at(k, answer)
        await close(got, server)
        await client.aclose()
    gc.collect()
    return type(got[0]) if got else None


@pytest.mark.parametrize(
    ("what", "kind"),
    [("mutual TLS", MtlsStream), ("plain text", PlainStream), ("passed on", Relay)],
)
@trio_test
async def test_cancelled_anywhere_nothing_is_left(what: str, kind: type) -> None:
    """D6: at every step of the beginning and of the handshake behind it."""
    [backend] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with backend:
        door = Door(backend.socket.getsockname()[1])
        k, became = 0, None
        for k in range(MANY):
            became = await answer_until(door, what, k)
            assert door.held == 0
            assert door.to.active == 0
            assert all(not it.active for it in door.permissive.report().peers)
            if became is not None:
                break
    assert k > 2
    assert became is kind


@pytest.mark.parametrize("name", ["db.example", "old.example", None])
@trio_test
async def test_ended_after_any_byte_it_is_a_reason(name: str | None) -> None:
    """A3, D5: a beginning that is cut anywhere is nobody, and lets nothing through."""
    said = HEADER + (b"" if name is None else hello(name))
    door = Door()
    for length in range(len(said)):
        client, server, knock = door.knock()
        await client.send_all(said[:length])
        await client.send_eof()
        with pytest.raises(HandfastError) as refused:
            await knock.answer()
        assert refused.value.reason is Reason.TRUNCATED, length
        await close([], server)
        await client.aclose()
    assert door.held == door.to.active == 0
    assert door.permissive.report().plain_text == 0


@trio_test
async def test_a_reset_after_any_byte_is_a_reason() -> None:
    """D4: over TCP, which tells a reset from an end."""
    said = b"\x16\x03\x01\x00\x40"
    door = Door()
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        for length in range(len(said)):
            client = await trio.testing.open_stream_to_socket_listener(listener)
            server = await listener.accept()
            knock = door.front.knock(door.listener, server)
            await client.send_all(said[:length])
            client.setsockopt(
                trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
            )
            await client.aclose()
            with pytest.raises(HandfastError) as refused:
                await knock.answer()
            assert refused.value.reason in {Reason.CONNECTION_RESET, Reason.TRUNCATED}
            await close([], server)


@trio_test
async def test_a_hello_is_answered_with_a_retry_when_groups_differ() -> None:
    """A2: the second ClientHello is held against the first."""
    world = Door()
    config = server_config(groups="P-256")
    front = Front(None, ServerNames({"db.example": config}), None)
    one, other = trio.socket.socketpair()
    client = MtlsStream(
        trio.SocketStream(one),
        client_config(groups="X25519:P-256"),
        server_hostname="db.example",
    )
    knock = front.knock(world.listener, trio.SocketStream(other))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        stream = await knock.answer()
    assert isinstance(stream, MtlsStream)
    assert stream.connection.group in {"secp256r1", "P-256", "prime256v1"}
    assert stream.connection.server_name == "db.example"
    await stream.aclose()
    await client.aclose()


@trio_test
async def test_bits_of_a_hello_that_are_flipped_choose_nobody_else() -> None:
    """A2, A3: whatever changes on the way, nobody is verified by it, nor plain text."""
    door, said = Door(), hello("db.example")
    outcomes: set[Reason] = set()
    for at in range(len(said)):
        client, server, knock = door.knock()
        changed = bytearray(said)
        changed[at] ^= 1 << at % 8
        await client.send_all(HEADER + changed)
        await client.send_eof()
        if changed[0] != 0x16:
            stream = await knock.answer()
            assert isinstance(stream, PlainStream)
            assert stream.peer is None
            await stream.aclose()
        else:
            with pytest.raises(HandfastError) as refused:
                await knock.answer()
            outcomes.add(refused.value.reason)
            await close([], server)
        await client.aclose()
    assert Reason.CLIENT_HELLO_INVALID in outcomes
    assert Reason.SERVER_NAME_UNKNOWN in outcomes
    assert door.held == 0
