# SPDX-License-Identifier: Apache-2.0
"""Connections that are kept for the next one who needs them.

Theory of operation. A connection takes a *place*, of its endpoint and of the pool, from
before it is made until it is closed; a lent one is used by one task alone. Whoever
finds no place waits in one queue, in the order of arrival.

Invariants:
    1. `_places` counts what is being connected, lent or idle, by key; the sum and each
       count keep to the limits, and a place is given back exactly once.
    2. After every change the queue is served from its front: whoever still waits cannot
       be served. So a newcomer that can be served takes nothing from a waiter.
    3. A waiter that is cancelled after it was served hands on what it got.
    4. An idle stream is looked at before it is lent: it is open, in its lifetime, still
       carried by the newest snapshot, and the peer has said nothing since.
    5. A stream comes back only from a body that ended without an exception; nobody can
       know what is still on its way through any other.
"""

from __future__ import annotations

from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, Self, final

import trio

from handfast.errors import HandfastError
from handfast.net.failures import need_positive, need_role
from handfast.net.lifetime import Lifetime
from handfast.net.open import open_mtls_stream
from handfast.net.pool_statistics import PoolCounters

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from handfast.names import DnsName, IpAddress
    from handfast.net.pool_statistics import PoolStatistics
    from handfast.net.stream import MtlsStream
    from handfast.tls import TlsConfig

__all__ = ["ConnectionPool"]

_DEFAULT_LIFETIME: Final = Lifetime(
    on_credentials_end="drain", on_revoked="close", renew_before=30.0
)


class _Key(NamedTuple):
    """What makes two connections interchangeable: endpoint, name and identity."""

    host: str
    port: int
    server_hostname: str | None
    config: TlsConfig


class _Waiter:
    """Somebody in the queue; `event` is set once there is a place or a stream."""

    __slots__ = ("event", "key", "served", "stream")

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.event = trio.Event()
        self.served = False
        self.stream: MtlsStream | None = None


class _Idle(NamedTuple):
    stream: MtlsStream
    since: float


@final
class ConnectionPool:
    """Keeps client connections for the next request to the same endpoint.

    Use it as an async context manager; at its end all idle connections are closed.

    Args:
        config: How to connect, for all endpoints that are not given one of their own.
        max_connections: Of the pool at any time, idle ones included.
        max_per_endpoint: Of one endpoint and configuration.
        idle_timeout: Seconds after which an idle connection is not used any more.
        handshake_timeout: As of `open_mtls_stream`.
        lifetime: When its connections end; left out, they are not lent in the last 30
            seconds of an identity that they rest on, nor once it was revoked.

    Raises:
        ConfigError: a limit is not valid, or `config` is a server's.
    """

    def __init__(  # noqa: PLR0913 - all by keyword
        self,
        config: TlsConfig,
        *,
        max_connections: int = 100,
        max_per_endpoint: int = 10,
        idle_timeout: float = 60.0,
        handshake_timeout: float = 10.0,
        lifetime: Lifetime | None = None,
    ) -> None:
        need_role(config, "client")
        need_positive("max_connections=", max_connections)
        need_positive("max_per_endpoint=", max_per_endpoint)
        need_positive("idle_timeout=", idle_timeout)
        need_positive("handshake_timeout=", handshake_timeout)
        self._config = config
        self._max, self._max_per_key = max_connections, max_per_endpoint
        self._idle_timeout = idle_timeout
        self._handshake_timeout = handshake_timeout
        self._lifetime = lifetime or _DEFAULT_LIFETIME
        self._places: Counter[_Key] = Counter()
        # By key, and in each the one that was used last at the end.
        self._idle: dict[_Key, deque[_Idle]] = {}
        self._queue: deque[_Waiter] = deque()
        self._counters = PoolCounters()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what is idle, refuse what waits; what is lent is closed on its return.

        Cancellation: idle connections are closed without a close_notify.
        """
        self._closed = True
        for waiter in self._queue:
            waiter.event.set()
        self._queue.clear()
        idle = [entry.stream for entries in self._idle.values() for entry in entries]
        self._idle.clear()
        async with trio.open_nursery() as nursery:
            for stream in idle:
                nursery.start_soon(stream.aclose)
        self._places.clear()

    @asynccontextmanager
    async def connection(
        self,
        host: str,
        port: int,
        *,
        config: TlsConfig | None = None,
        server_hostname: str | DnsName | IpAddress | None = None,
    ) -> AsyncGenerator[MtlsStream, None]:
        """Lend a connection: an idle one, or a new one when there is none.

        Leave the body between two messages: the next borrower goes on where you ended.
        A body that raises, or closes the stream, keeps it from being lent again.

        Args:
            host: As of `open_mtls_stream`.
            port: As of `open_mtls_stream`.
            config: How to connect; None takes the pool's.
            server_hostname: As of `open_mtls_stream`.

        Cancellation: nothing is left behind; a connection that was lent is closed.

        Raises:
            HandfastError: as `open_mtls_stream`, as soon as a new one is needed.
            OSError: there is no TCP connection to be had.
            trio.ClosedResourceError: the pool was closed.
        """
        name = None if server_hostname is None else str(server_hostname)
        key = _Key(host, port, name, config or self._config)
        stream = await self._take(key)
        try:
            yield stream
        except BaseException:
            await self._discard(key, stream, forcefully=True)
            raise
        await self._give_back(key, stream)

    def statistics(self) -> PoolStatistics:
        """Return what the pool did so far, and what it has now."""
        return self._counters.freeze(
            idle=self._count_idle(),
            places=self._places.total(),
            waiting=len(self._queue),
        )

    # ---- taking ----

    async def _take(self, key: _Key) -> MtlsStream:
        self._need_open()
        await trio.lowlevel.checkpoint_if_cancelled()
        await self._prune()
        stream = await self._wait_for_place(key)
        if stream is not None:
            if self._is_good(stream):
                self._counters.reused += 1
                return stream
            # Its place stays ours: nobody who came later may be first now.
            self._counters.pruned += 1
            await self._close_or_free(key, stream)
        return await self._connect(key)

    async def _wait_for_place(self, key: _Key) -> MtlsStream | None:
        """Return an idle stream with its place, or None and a place for a new one."""
        self._need_open()
        found, stream = self._offer(key)
        if not found:
            stream = await self._wait_in_queue(key)
        try:
            await self._evict()
        except BaseException:
            self._put_back(key, stream)
            raise
        return stream

    async def _wait_in_queue(self, key: _Key) -> MtlsStream | None:
        waiter = _Waiter(key)
        self._queue.append(waiter)
        self._counters.waited += 1
        try:
            await waiter.event.wait()
        except BaseException:
            if waiter.served:
                self._put_back(key, waiter.stream)
            elif waiter in self._queue:
                self._queue.remove(waiter)
            raise
        if waiter.stream is None:
            self._need_open()
        return waiter.stream

    def _offer(self, key: _Key) -> tuple[bool, MtlsStream | None]:
        """Find an idle stream or a free place, and take it."""
        entries = self._idle.get(key)
        if entries:
            return True, self._pop(key, -1)
        # An idle connection of somebody else gives its place; `_evict` closes it.
        busy = self._places.total() - self._count_idle()
        if self._places[key] >= self._max_per_key or busy >= self._max:
            return False, None
        self._places[key] += 1
        return True, None

    def _pop(self, key: _Key, end: int) -> MtlsStream:
        entries = self._idle[key]
        entry = entries[end]
        del entries[end]
        if not entries:
            del self._idle[key]
        return entry.stream

    def _count_idle(self) -> int:
        return sum(map(len, self._idle.values()))

    async def _evict(self) -> None:
        """Close idle connections that are one too many, the longest unused first."""
        while self._places.total() > self._max and self._idle:
            key = min(self._idle, key=lambda it: self._idle[it][0].since)
            stream = self._pop(key, 0)
            self._counters.evicted += 1
            # First its place: another task that comes here meanwhile closes no more.
            self._free(key)
            await stream.aclose()

    async def _connect(self, key: _Key) -> MtlsStream:
        try:
            stream = await open_mtls_stream(
                key.host,
                key.port,
                key.config,
                server_hostname=key.server_hostname,
                handshake_timeout=self._handshake_timeout,
                lifetime=self._lifetime,
            )
        except BaseException:
            self._free(key)
            raise
        self._counters.opened += 1
        return stream

    def _need_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this pool was closed")

    # ---- giving back ----

    async def _give_back(self, key: _Key, stream: MtlsStream) -> None:
        if self._closed or not self._is_good(stream):
            await self._discard(key, stream)
            return
        self._put_back(key, stream)
        await trio.lowlevel.checkpoint()

    async def _discard(
        self, key: _Key, stream: MtlsStream, *, forcefully: bool = False
    ) -> None:
        """Close a stream, then give its place back."""
        try:
            if forcefully:
                await trio.aclose_forcefully(stream)
            else:
                await stream.aclose()
        finally:
            self._free(key)

    async def _close_or_free(self, key: _Key, stream: MtlsStream) -> None:
        """Close a stream and keep its place, unless we are cancelled."""
        try:
            await stream.aclose()
        except BaseException:
            self._free(key)
            raise

    def _put_back(self, key: _Key, stream: MtlsStream | None) -> None:
        """Let others have what was taken and not used."""
        if stream is None:
            self._free(key)
            return
        entries = self._idle.setdefault(key, deque())
        entries.append(_Idle(stream, trio.current_time()))
        self._serve_queue()

    def _free(self, key: _Key) -> None:
        if self._closed:
            return
        self._places[key] -= 1
        if not self._places[key]:
            del self._places[key]
        self._serve_queue()

    def _serve_queue(self) -> None:
        """Serve from the front whoever can be served (invariant 2)."""
        waiting: deque[_Waiter] = deque()
        while self._queue:
            waiter = self._queue.popleft()
            found, stream = self._offer(waiter.key)
            if found:
                waiter.served, waiter.stream = True, stream
                waiter.event.set()
            else:
                waiting.append(waiter)
        self._queue = waiting

    # ---- health ----

    def _is_good(self, stream: MtlsStream) -> bool:
        if stream.closed or stream.draining or not stream.is_quiet():
            return False
        try:
            if self._lifetime.on_revoked != "ignore":
                stream.connection.judge_again()
        except HandfastError:
            return False
        return True

    async def _prune(self) -> None:
        """Close idle connections that have been so for too long, or have ended."""
        too_old = trio.current_time() - self._idle_timeout
        gone: list[tuple[_Key, MtlsStream]] = []
        for key, entries in list(self._idle.items()):
            kept: deque[_Idle] = deque()
            for entry in entries:
                if entry.since <= too_old or entry.stream.draining:
                    gone.append((key, entry.stream))
                else:
                    kept.append(entry)
            if kept:
                self._idle[key] = kept
            else:
                del self._idle[key]
        if not gone:
            return
        self._counters.pruned += len(gone)
        async with trio.open_nursery() as nursery:
            for key, stream in gone:
                nursery.start_soon(self._discard, key, stream)
