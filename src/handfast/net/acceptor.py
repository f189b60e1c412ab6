# SPDX-License-Identifier: Apache-2.0
"""Handshakes on threads of the engine, for `serve_mtls(workers=...)`.

Theory of operation. The engine's workers accept, shake hands, verify and authorize
without Python; what is done waits in a queue, whose descriptor trio waits for. Each
entry becomes either a stream, whose `do_handshake` then only lets the newest bundles
have their word (P5), or a failure to count and log.

How it is known what a connection rests on. The engine tells the generation that a
handshake began with; `Generations` keeps what was replaced as long as it may be asked
for.

How the workers get new credentials. A source is asked, never heard: here each time
something comes out of the queue, and every :data:`LOOK_AGAIN` seconds. So a new
identity is shown to peers at most that much later. A bundle is never late: whoever
shook hands by an older one is judged by the newest before there is a stream.

Invariants:
    1. The workers use copies of the listening sockets, so a listener that is closed
       under us is noticed (`ClosedResourceError`), and no number is used twice.
    2. A socket that came out of the queue is closed or owned before anything can fail.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

import trio

from handfast import _ffi
from handfast._connection import Connection
from handfast.errors import (
    ConnectionEnded,
    HandfastError,
    InternalError,
    Reason,
    SourceError,
    TransportError,
    UsageError,
    detail_for,
)
from handfast.net.failures import (
    GAVE_WAY,
    handshake_timed_out,
    refuse_setting,
    system_failure,
)
from handfast.net.generations import Generations
from handfast.net.sources import crowded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast._ffi import Accepted
    from handfast._tls_recipe import Built
    from handfast.net.listen import MtlsListener
    from handfast.net.stream import MtlsStream

__all__ = ["LOOK_AGAIN", "Acceptor", "check_workers", "need_sockets"]

#: Seconds between two looks at the sources when no connection comes.
LOOK_AGAIN: Final = 0.25


def check_workers(workers: int) -> int:
    """Return how many workers there will be: none where there is no acceptor.

    Raises:
        ConfigError: that many there never are.
    """
    if not 0 <= workers <= _ffi.MOST_WORKERS:
        refuse_setting(f"workers= of 0 to {_ffi.MOST_WORKERS}", workers)
    return workers if _ffi.has_acceptor() else 0


def need_sockets(listeners: Sequence[MtlsListener]) -> list[trio.socket.SocketType]:
    """Return what the listeners listen on.

    Raises:
        ConfigError: one is not on a socket, or there are too many.
    """
    if len(listeners) > _ffi.MOST_SOCKETS:
        refuse_setting(f"at most {_ffi.MOST_SOCKETS} listeners", len(listeners))
    sockets: list[trio.socket.SocketType] = []
    for listener in listeners:
        transport = listener.transport_listener
        if not isinstance(transport, trio.SocketListener):
            kind = type(transport).__name__
            refuse_setting("listeners on sockets, for workers=", kind)
        sockets.append(transport.socket)
    return sockets


class Acceptor:
    """The engine's acceptor for some listeners; see the module for its invariants.

    Args:
        listeners: On sockets, and none of them drained. Their order is what
            `Accepted.listener` counts.
        workers: How many threads.
        handshake_timeout: Seconds from accept to the end of a handshake.
        max_handshakes: Past it the oldest one gives way.
        max_per_source: Of one address; 0 for no limit.

    Raises:
        ConfigError: see `need_sockets`.
        TransportError: the system has no thread or descriptor for it.
    """

    def __init__(
        self,
        listeners: Sequence[MtlsListener],
        *,
        workers: int,
        handshake_timeout: float,
        max_handshakes: int,
        max_per_source: int,
    ) -> None:
        self.listeners = list(listeners)
        self._sockets = need_sockets(listeners)
        self._timeout = handshake_timeout
        self._workers = workers
        # A handshake takes its time at most, and may wait for the event loop as long.
        self._known = [Generations(2 * handshake_timeout) for _ in listeners]
        self._paused = False
        self._native = _ffi.NativeAcceptor(
            [it.fileno() for it in self._sockets],
            workers=workers,
            max_handshakes=max_handshakes,
            max_per_source=max_per_source,
            # As many again may be done and wait for the event loop.
            max_waiting=max_handshakes,
            timeout=handshake_timeout,
        )
        self.refresh()
        self._native.start()
        self._parts = [_Part(self._native, index) for index in range(len(listeners))]
        for listener, part in zip(self.listeners, self._parts, strict=True):
            listener.others = part

    def refresh(self) -> None:
        """Give the workers what the sources have now.

        Raises:
            trio.ClosedResourceError: a listener was closed.
        """
        for index, listener in enumerate(self.listeners):
            if self._sockets[index].fileno() < 0 and not listener.draining:
                raise trio.ClosedResourceError("a listener that is served was closed")
            known = self._known[index]
            built: Built | None = None
            configs: list[_ffi.NativeConfig] = []
            # Each connection that is refused for it says why.
            with suppress(HandfastError):
                newest = listener.config.current()
                if newest is known.newest:
                    continue
                configs = listener.config.copies(newest, self._workers)
                built = newest
            if built is not known.newest:
                generation = 0 if built is None else built.generation
                self._native.configure(index, configs, generation)
                known.replace(built, trio.current_time())

    async def follow(self) -> None:
        """Look at the sources for ever. Cancellation: nothing was begun."""
        while True:
            await trio.sleep(LOOK_AGAIN)
            self.refresh()
            for index, known in enumerate(self._known):
                # What is under way was counted before it took its configuration.
                if not self._native.under_way(index):
                    known.forget_old()

    def pause(self, paused: bool) -> None:  # noqa: FBT001 - a state, not an option
        """Accept nothing, or go on; what is under way goes on either way."""
        if paused is not self._paused:
            self._paused = paused
            self._native.pause(paused)

    async def wait(self) -> None:
        """Wait until there is something to take. Cancellation: nothing was taken."""
        await trio.lowlevel.wait_readable(self._native.event)

    def take(self) -> list[Accepted]:
        """Take what is done; sockets in it are to be passed to `stream`."""
        self.refresh()
        return self._native.take()

    def time_left(self, item: Accepted) -> float:
        """Return the seconds that are left of a handshake's time."""
        return max(0.0, self._timeout - item.age)

    def note_closed(self, index: int) -> None:
        """Hear that no worker accepts from a listener any more."""
        self._parts[index].is_open = False

    @property
    def is_drained(self) -> bool:
        """Whether nothing comes any more: no listener is open, nothing under way."""
        return not any(part.is_busy() for part in self._parts)

    def stream(self, item: Accepted) -> MtlsStream:
        """Make the stream of a connection that is ready; it is closed on failure.

        Raises:
            TransportError: the socket is of no use.
            HandshakeTimeout: it waited so long that what it began with is forgotten.
        """
        listener, template = self.listeners[item.listener], self._sockets[item.listener]
        try:
            plain = socket.socket(
                template.family, template.type, template.proto, fileno=item.fd
            )
        except OSError as error:
            os.close(item.fd)
            raise system_failure(error) from error
        try:
            built = self._known[item.listener].find(item.generation)
            if built is None:
                raise handshake_timed_out(self._timeout)  # noqa: TRY301 - to be closed
            if item.conn is None:
                raise InternalError(detail_for(Reason.INTERNAL))  # noqa: TRY301
            transport = trio.SocketStream(trio.socket.from_stdlib_socket(plain))
            # Not public: nobody else has a connection of the engine.
            make = Connection._from_engine  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            return listener.adopt(transport, make(listener.config, built, item.conn))
        except BaseException:
            plain.close()
            raise

    def failure(self, item: Accepted) -> HandfastError:
        """Say why a connection came to nothing: the error is returned, not raised."""
        match item.outcome:
            case _ffi.Outcome.TIMED_OUT:
                failure: HandfastError = handshake_timed_out(self._timeout)
            case _ffi.Outcome.GAVE_WAY:
                failure = UsageError(detail_for(Reason.LIMIT, seen=GAVE_WAY))
            case _ffi.Outcome.CROWDED:
                failure = crowded()
            case _ffi.Outcome.ENDED:
                failure = ConnectionEnded(detail_for(Reason.DRAINED))
            case _ffi.Outcome.NO_CONFIG:
                failure = self._no_config(item)
            case _ffi.Outcome.REFUSED if item.conn is not None:
                failure = _refusal(item.conn)
            case _:
                failure = _own_failure(item)
        return failure

    def _no_config(self, item: Accepted) -> HandfastError:
        try:
            self.listeners[item.listener].config.current()
        except HandfastError as error:
            return error
        seen = "a source that had nothing yet when the connection came"
        return SourceError(detail_for(Reason.CONFIG_INVALID, seen=seen))

    def __enter__(self) -> Self:
        """Be closed at the end of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Stop the workers; what they were at, and what nobody took, is closed."""
        self._native.stop()
        while batch := self._native.take():
            for item in batch:
                if item.fd >= 0:
                    os.close(item.fd)
                self.listeners[item.listener].counters.accepted += item.connections
        for listener, part in zip(self.listeners, self._parts, strict=True):
            listener.counters.accepted += part.under_way()
            listener.others = None
            listener.look_again()


class _Part:
    """What the acceptor does for one listener."""

    def __init__(self, native: _ffi.NativeAcceptor, index: int) -> None:
        self._native = native
        self._index = index
        self.is_open = True

    def stop(self, *, end: bool) -> None:
        self._native.close_listener(self._index, end=end)

    def is_busy(self) -> bool:
        return self.is_open or self.under_way() > 0

    def under_way(self) -> int:
        return self._native.under_way(self._index)


def _refusal(conn: _ffi.Conn) -> HandfastError:
    try:
        conn.handshake()
    except HandfastError as error:
        return error
    return InternalError(detail_for(Reason.INTERNAL, seen="a refusal without a reason"))


def _own_failure(item: Accepted) -> HandfastError:
    if item.system:
        return system_failure(OSError(item.system, os.strerror(item.system)))
    return TransportError(detail_for(item.reason or Reason.INTERNAL))
