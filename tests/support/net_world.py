# SPDX-License-Identifier: Apache-2.0
"""Two trust domains, streams between their workloads, and a way to run trio tests."""

from __future__ import annotations

import functools
import socket
import struct
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from typing import Any

import trio
import trio.testing

from handfast import (
    HandfastError,
    StaticSource,
    TlsConfig,
    TrustBundleSet,
    authorize,
)
from handfast.authority import Authority
from handfast.net import (
    ListenerStatistics,
    MtlsListener,
    MtlsStream,
    open_mtls_listeners,
    serve_mtls_listeners,
)

#: Seconds after which a test that waits for real sockets hangs, and is not just slow:
#: several commands in a row take their time where much else runs.
PATIENCE = 60.0

WEB = "spiffe://a.example/web"
DB = "spiffe://a.example/db"

Pair = tuple[MtlsStream, MtlsStream]
MemoryStream = trio.StapledStream[
    trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream
]


def trio_test(test: Callable[..., Awaitable[object]]) -> Callable[..., None]:
    """Run an async test in trio; a fixture that is a clock becomes trio's clock."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        clocks = [it for it in fixtures.values() if isinstance(it, trio.abc.Clock)]
        trio.run(partial(_bounded, test, fixtures), clock=clocks[0] if clocks else None)

    return run


async def _bounded(test: Callable[..., Awaitable[object]], fixtures: Any) -> None:
    # A clock that jumps gets to any deadline at once when every task waits for ever.
    mocked = any(isinstance(it, trio.abc.Clock) for it in fixtures.values())
    with trio.fail_after(1e6 if mocked else PATIENCE):
        await test(**fixtures)


@cache
def authority(trust_domain: str) -> Authority:
    """Return the authority of a trust domain: one for all tests of a run."""
    return Authority(trust_domain)


def source(spiffe_id: str, *, trust: tuple[str, ...] = ("a.example",)) -> StaticSource:
    """Make an identity by the authority of its trust domain, and whom it trusts."""
    domain = spiffe_id.removeprefix("spiffe://").partition("/")[0]
    return StaticSource(
        authority(domain).issue(spiffe_id),
        TrustBundleSet([authority(name).bundle for name in trust]),
    )


def server_config(**settings: Any) -> TlsConfig:
    """Configure the database: it lets everybody of a.example in."""
    settings.setdefault("authorize", authorize.any_in("a.example"))
    return TlsConfig.server(settings.pop("source", None) or source(DB), **settings)


def client_config(**settings: Any) -> TlsConfig:
    """Configure the web frontend: it wants the database."""
    settings.setdefault("authorize", authorize.exactly(DB))
    return TlsConfig.client(settings.pop("source", None) or source(WEB), **settings)


async def shake_hands(client: MtlsStream, server: MtlsStream) -> Pair:
    """Do both handshakes at the same time."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        nursery.start_soon(server.do_handshake)
    return client, server


async def tcp_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Connect two plain TCP streams over loopback."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        client = await trio.testing.open_stream_to_socket_listener(listener)
        return client, await listener.accept()


async def streams_over(
    client: trio.abc.Stream, server: trio.abc.Stream, **settings: Any
) -> Pair:
    """Make streams that have shaken hands over two joined transports."""
    return await shake_hands(
        MtlsStream(client, client_config(**settings)),
        MtlsStream(server, server_config(**settings)),
    )


async def over_tcp(**settings: Any) -> Pair:
    """Make streams that have shaken hands over TCP."""
    return await streams_over(*await tcp_pair(), **settings)


async def over_unix(**settings: Any) -> Pair:
    """Make streams that have shaken hands over a pair of local sockets."""
    client, server = trio.socket.socketpair()
    return await streams_over(
        trio.SocketStream(client), trio.SocketStream(server), **settings
    )


async def over_memory(**settings: Any) -> Pair:
    """Make streams that have shaken hands in memory."""
    return await streams_over(*trio.testing.memory_stream_pair(), **settings)


async def over_lockstep(**settings: Any) -> Pair:
    """Make streams whose transport holds nothing: a send ends when it is received."""
    return await streams_over(*trio.testing.lockstep_stream_pair(), **settings)


async def clog(stream: MtlsStream) -> None:
    """Send until nothing goes any more."""

    async def send_for_ever() -> None:
        while True:
            await stream.send_all(b"x" * 65536)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_for_ever)
        await trio.testing.wait_all_tasks_blocked(cushion=0.05)
        nursery.cancel_scope.cancel()


async def echo(stream: MtlsStream) -> None:
    """Send back what comes, and end when the peer ends."""
    with suppress(trio.BrokenResourceError):
        async for data in stream:
            await stream.send_all(data)


async def polite(stream: MtlsStream) -> None:
    """Echo, and end when we are asked to."""
    async with trio.open_nursery() as nursery:

        async def mind() -> None:
            await stream.wait_draining()
            nursery.cancel_scope.cancel()

        nursery.start_soon(mind)
        await echo(stream)
        nursery.cancel_scope.cancel()


async def ask(stream: MtlsStream, question: bytes = b"ping") -> bytes:
    """Send, end our direction, and read to the peer's end."""
    answer = b""
    async with stream:
        await stream.send_all(question)
        await stream.send_eof()
        async for data in stream:
            answer += data
    return answer


class Served:
    """A server that runs on loopback."""

    def __init__(self, listener: MtlsListener) -> None:
        self.listener = listener
        self.port = listener.port

    async def raw(self) -> trio.SocketStream:
        """Connect without TLS."""
        return await trio.testing.open_stream_to_socket_listener(
            self.listener.transport_listener  # type: ignore[arg-type]
        )

    async def connect(self, config: TlsConfig | None = None) -> MtlsStream:
        """Connect and shake hands."""
        stream = MtlsStream(await self.raw(), config or client_config())
        try:
            await stream.do_handshake()
        except HandfastError:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    @property
    def statistics(self) -> ListenerStatistics:
        """What became of the connections so far."""
        return self.listener.statistics()

    async def until(self, condition: Callable[[Served], bool]) -> None:
        """Let the server work until its statistics say so."""
        while not condition(self):
            await trio.testing.wait_all_tasks_blocked(cushion=0.005)


@asynccontextmanager
async def serving(
    handler: Callable[[MtlsStream], Awaitable[object]] = echo,
    config: TlsConfig | None = None,
    **limits: Any,
) -> AsyncGenerator[Served, None]:
    """Run a server around a test.

    A handshake has as much time as the test: where the machine stood still for some
    seconds, peers that are silent on purpose would be late ones.
    """
    limits.setdefault("handshake_timeout", PATIENCE)
    [listener] = await open_mtls_listeners(
        0, config or server_config(), host="127.0.0.1"
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, handler, [listener], **limits)
        )
        yield Served(listener)
        nursery.cancel_scope.cancel()


async def reset(stream: trio.SocketStream) -> None:
    """Close a connection the rude way: the peer gets a RST."""
    linger = struct.pack("ii", 1, 0)  # on, for no seconds
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    await stream.aclose()


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    """Accepts what tests connect in memory, so that time can be virtual."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[trio.abc.Stream](10_000)
        #: What `accept` raises before it gives the next connection.
        self.errors: list[OSError] = []

    def connect(self, server: trio.abc.Stream | None = None) -> MemoryStream:
        """Return the client's end of a new connection; or give the server this one."""
        client, other = trio.testing.memory_stream_pair()
        self._send.send_nowait(server or other)
        return client

    async def accept(self) -> trio.abc.Stream:
        """Give the next connection."""
        if self.errors:
            await trio.lowlevel.checkpoint()
            raise self.errors.pop(0)
        return await self._receive.receive()

    async def aclose(self) -> None:
        """Stop."""
        await self._receive.aclose()


class InMemory:
    """A server whose connections are in memory."""

    def __init__(self, config: TlsConfig | None = None) -> None:
        self.transport = MemoryListener()
        self.listener = MtlsListener(self.transport, config or server_config())

    @asynccontextmanager
    async def serving(
        self,
        handler: Callable[[MtlsStream], Awaitable[object]] = echo,
        **limits: Any,
    ) -> AsyncGenerator[None, None]:
        """Run the server around a test."""
        async with trio.open_nursery() as nursery:
            await nursery.start(
                partial(serve_mtls_listeners, handler, [self.listener], **limits)
            )
            yield
            nursery.cancel_scope.cancel()

    @property
    def statistics(self) -> ListenerStatistics:
        """What became of the connections so far."""
        return self.listener.statistics()

    async def ask(self, question: bytes = b"ping") -> bytes:
        """Be a good client."""
        return await ask(
            MtlsStream(self.transport.connect(), client_config()), question
        )


def in_another_loop(connect: Callable[[], Awaitable[MtlsStream]]) -> MtlsStream:
    """Shake hands on another thread while this one, and its event loop, stand still."""
    made: list[MtlsStream] = []

    async def run() -> None:
        made.append(await connect())

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    thread.join()
    return made[0]


async def hangs_up(stream: trio.SocketStream) -> None:
    """Read to the end that the server makes."""
    try:
        while await stream.receive_some():
            pass
    except trio.BrokenResourceError:
        pass
    await stream.aclose()
