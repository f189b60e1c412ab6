# SPDX-License-Identifier: Apache-2.0
"""Serving: accept, shake hands, hand over.

Theory of operation with `workers=0`. One task a listener accepts, and does nothing
else: each connection gets a task of its own, which shakes hands under a deadline and
then runs the handler. Everything that a stranger can hold on to is bounded (P8):

Invariants:
    1. Nothing between two `accept` calls waits for a peer. With `max_connections`, an
       accept may wait for a handler to end, which only verified peers have.
    2. A ticket is made for each connection when it is accepted, holds its deadline, and
       is in `_tickets` exactly while its handshake may go on, in order of age. Where
       there is nothing but the handshake to wait for, its stream is hurried instead of
       a scope entered, which costs more than all else that Python does for it.
    3. There are never more than `max_handshakes` tickets. When one more is needed, the
       oldest gives way: a good peer needs two round trips, so with a thousand under way
       the oldest one is stalling. Good peers get in while strangers hold every place.
    4. The same is done when the system has no file descriptor left.
    5. A failed handshake never leaves the connection's task: it is counted, logged
       with its reason and the peer's address, and the connection is closed. The
       identity that the peer claimed is in the debug log alone, and called a claim.

With `workers=` all of that up to the verified peer is the engine's
(:mod:`handfast.net.acceptor`, `csrc/src/tls/acceptor.h`), and one task takes what is
done. From there on a connection goes the same way: a task, a ticket with the rest of
its handshake's time, a place among `max_connections`, the handler. The tickets of these
are few and never give way.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import trio

from handfast.errors import (
    HandfastError,
    Reason,
    UsageError,
)
from handfast.net.acceptor import (
    Acceptor,
    check_workers,
    need_sockets,
)
from handfast.net.by_workers import serve_by_workers
from handfast.net.failures import (
    need_positive,
    system_failure,
    too_late,
)
from handfast.net.front import Front, Guest, Knock, serve_guest
from handfast.net.hurry import hurry
from handfast.net.log import log_failure, log_shortage
from handfast.net.origin import remote_end
from handfast.net.sources import Leave, Sources, nothing_to_leave
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast.net.listen import MtlsListener

__all__ = ["Handler", "Server"]

#: Takes each verified connection.
Handler = Callable[[MtlsStream], Awaitable[object]]

# What accept(2) says when the system, not the connection, is at its end.
_SHORTAGES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

# How long to wait then, in seconds, when there was no handshake to give way.
_SHORTAGE_PAUSE: Final = 0.1


class Server:
    """The limits that some listeners share; see the module for its invariants."""

    def __init__(  # noqa: PLR0913, PLR0917 - the limits, as they are given
        self,
        handler: Handler,
        front: Front | None,
        workers: int,
        handshake_timeout: float,
        max_handshakes: int,
        max_per_source: int | None,
        max_connections: int | None,
    ) -> None:
        need_positive("handshake_timeout=", handshake_timeout)
        need_positive("max_handshakes=", max_handshakes)
        if max_per_source is not None:
            need_positive("max_handshakes_per_source=", max_per_source)
        self._handler = handler
        self._front = front
        self._workers = check_workers(workers)
        self._max_per_source = max_per_source
        self._sources = Sources(max_per_source)
        self._acceptor: Acceptor | None = None
        self._timeout = handshake_timeout
        self._max_handshakes = max_handshakes
        self._tickets: dict[trio.CancelScope, MtlsStream | None] = {}
        self._places: trio.Semaphore | None = None
        if max_connections is not None:
            need_positive("max_connections=", max_connections)
            self._places = trio.Semaphore(max_connections, max_value=max_connections)

    async def serve(
        self,
        listeners: Sequence[MtlsListener],
        handler_nursery: trio.Nursery | None,
        task_status: trio.TaskStatus[list[MtlsListener]],
    ) -> None:
        """Serve until it is cancelled, or all listeners were drained.

        Cancellation: the listeners are closed.
        """
        if self._workers:
            need_sockets(listeners)
        async with trio.open_nursery() as nursery:
            connections = handler_nursery or nursery
            if self._workers:
                await self._by_workers(listeners, connections, task_status)
                return
            for listener in listeners:
                nursery.start_soon(self._accept, listener, connections)
            task_status.started(list(listeners))

    async def _by_workers(
        self,
        listeners: Sequence[MtlsListener],
        nursery: trio.Nursery,
        task_status: trio.TaskStatus[list[MtlsListener]],
    ) -> None:
        def begin(listener: MtlsListener, stream: MtlsStream, left: float) -> None:
            ticket = trio.CancelScope(deadline=trio.current_time() + left)
            transport = stream.transport_stream
            self._tickets[ticket] = None
            listener.counters.handshaking += 1
            nursery.start_soon(
                self._connection, listener, transport, ticket, nothing_to_leave, stream
            )

        async with AsyncExitStack() as closing:
            for listener in listeners:
                await closing.enter_async_context(listener)
            served = [it for it in listeners if not it.draining]
            if not served:
                task_status.started(list(listeners))
                return
            acceptor = Acceptor(
                served,
                workers=self._workers,
                handshake_timeout=self._timeout,
                max_handshakes=self._max_handshakes,
                max_per_source=self._max_per_source or 0,
            )
            with acceptor as self._acceptor:
                await serve_by_workers(acceptor, begin, task_status)

    async def _accept(self, listener: MtlsListener, nursery: trio.Nursery) -> None:
        counters, short = listener.counters, False
        async with listener:
            while True:
                if self._places is not None and not self._places.value:
                    async with self._places:
                        pass
                try:
                    transport = await listener.transport_listener.accept()
                except trio.ClosedResourceError:
                    if listener.draining:
                        return
                    raise
                except OSError as error:
                    if error.errno not in _SHORTAGES:
                        raise
                    if not short:
                        log_shortage(os.strerror(error.errno))
                        short = True
                    freed = self._oldest_gives_way()
                    await trio.sleep(0 if freed else _SHORTAGE_PAUSE)
                    continue
                short = False
                counters.accepted += 1
                try:
                    leave = self._sources.enter(transport)
                except UsageError as failure:
                    counters.failed[failure.reason] += 1
                    log_failure(remote_end(transport), failure)
                    await trio.aclose_forcefully(transport)
                    continue
                if len(self._tickets) >= self._max_handshakes:
                    self._oldest_gives_way()
                ticket = trio.CancelScope(deadline=trio.current_time() + self._timeout)
                self._tickets[ticket] = None
                counters.handshaking += 1
                nursery.start_soon(
                    self._connection, listener, transport, ticket, leave, None
                )

    def _oldest_gives_way(self) -> bool:
        for ticket, stream in self._tickets.items():
            del self._tickets[ticket]
            ticket.cancel()
            if stream is not None and stream.is_shaking_hands:
                stream.give_up(too_late(self._timeout, gave_way=True, verified=False))
            return True
        return False

    async def _connection(
        self,
        listener: MtlsListener,
        transport: trio.abc.Stream,
        ticket: trio.CancelScope,
        leave: Leave,
        ours: MtlsStream | None,
    ) -> None:
        stream = await self._shake_hands(listener, transport, ticket, leave, ours)
        del ticket, leave, ours  # this frame is there as long as the connection
        if stream is None:
            return
        counters = listener.counters
        counters.active += 1
        self._pause_or_go_on()
        try:
            if isinstance(stream, MtlsStream):
                await self._handler(stream)
            else:
                await serve_guest(self._front, listener, stream)
            if not stream.closed:
                await stream.aclose()
        finally:
            counters.active -= 1
            if self._places is not None and isinstance(stream, MtlsStream):
                self._places.release()
                self._pause_or_go_on()
            if not stream.closed:
                await trio.aclose_forcefully(stream)

    async def _shake_hands(
        self,
        listener: MtlsListener,
        transport: trio.abc.Stream,
        ticket: trio.CancelScope,
        leave: Leave,
        ours: MtlsStream | None,
    ) -> MtlsStream | Guest | None:
        """Return the stream when it may have a handler; a verified one has a place."""
        counters, remote = listener.counters, remote_end(transport)
        knock = None if self._front is None else self._front.knock(listener, transport)
        stream: MtlsStream | Guest | None = ours
        failure: HandfastError | None = None
        verified = admitted = False
        try:
            if self._is_only_a_handshake(transport, knock, ours):
                stream = listener.adopt(transport)
                self._hurry(stream, ticket)
                await stream.do_handshake()
                verified = admitted = True
            else:
                with ticket:
                    if knock is not None:
                        stream = await knock.answer()
                    else:
                        stream = ours or listener.adopt(transport)
                        await stream.do_handshake()
                    verified = True
                    if self._places is not None and isinstance(stream, MtlsStream):
                        await self._places.acquire()
                    admitted = True
        except HandfastError as error:
            failure = error
        except OSError as error:
            failure = system_failure(error)
        finally:
            counters.handshaking -= 1
            gave_way = ticket not in self._tickets
            self._tickets.pop(ticket, None)
            leave()
            if not admitted:
                await trio.aclose_forcefully(stream or transport)
        if admitted:
            counters.ok += isinstance(stream, MtlsStream)
            return stream
        if failure is None:
            failure = too_late(self._timeout, gave_way=gave_way, verified=verified)
        counters.gave_way += gave_way and failure.reason is Reason.LIMIT
        counters.failed[failure.reason] += 1
        log_failure(remote if knock is None else knock.remote, failure)
        return None

    def _is_only_a_handshake(
        self,
        transport: trio.abc.Stream,
        knock: Knock | None,
        ours: MtlsStream | None,
    ) -> bool:
        """Say whether a handshake is all that may take its time: as nearly always."""
        return (
            knock is None
            and ours is None
            and self._places is None
            and isinstance(transport, trio.SocketStream)
        )

    def _hurry(self, stream: MtlsStream, ticket: trio.CancelScope) -> None:
        """Have a stream ended by what would end the ticket, which is not entered."""
        if ticket in self._tickets:
            self._tickets[ticket] = stream
            hurry(stream, self._timeout, due=ticket.deadline)
        else:
            stream.give_up(too_late(self._timeout, gave_way=True, verified=False))

    def _pause_or_go_on(self) -> None:
        """Let the workers accept as long as there is a place for a handler."""
        if self._places is not None and self._acceptor is not None:
            self._acceptor.pause(not self._places.value)
