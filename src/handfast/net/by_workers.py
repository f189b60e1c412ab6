# SPDX-License-Identifier: Apache-2.0
"""The server's loop when the engine's workers shake hands: take, and hand over.

Invariant: nothing here waits for a peer or for a handler, and a socket that was taken
has an owner, or is closed, before this task waits for anything.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from handfast._ffi import Accepted, Outcome
from handfast.errors import HandfastError
from handfast.net.log import log_failure, log_shortage, log_untold
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from handfast.net.acceptor import Acceptor
    from handfast.net.listen import MtlsListener

__all__ = ["Begin", "serve_by_workers"]

#: Takes a stream whose handshake is done, and the seconds that are left of its time.
Begin = Callable[["MtlsListener", MtlsStream, float], None]


async def serve_by_workers(
    acceptor: Acceptor,
    begin: Begin,
    task_status: trio.TaskStatus[list[MtlsListener]],
) -> None:
    """Hand over what the workers have done, until every listener is drained.

    Cancellation: what nobody took is the acceptor's to close.

    Raises:
        trio.ClosedResourceError: a listener was closed under us.
        OSError: the system can listen on one of the sockets no more.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(acceptor.follow)
        task_status.started(list(acceptor.listeners))
        while not acceptor.is_drained:
            await acceptor.wait()
            _hand_over_all(acceptor, deque(acceptor.take()), begin)
            # The queue may never be empty: others want their turn.
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


def _hand_over_all(acceptor: Acceptor, items: deque[Accepted], begin: Begin) -> None:
    try:
        while items:
            _hand_over(acceptor, items.popleft(), begin)
    finally:
        for item in items:
            if item.fd >= 0:
                os.close(item.fd)
        for listener in acceptor.listeners:
            listener.look_again()


def _hand_over(acceptor: Acceptor, item: Accepted, begin: Begin) -> None:
    """Deal with one entry of the queue."""
    listener = acceptor.listeners[item.listener]
    match item.outcome:
        case Outcome.SHORTAGE:
            log_shortage(os.strerror(item.system))
        case Outcome.BROKEN:
            if not listener.draining:
                raise OSError(item.system, os.strerror(item.system))
        case Outcome.CLOSED:
            acceptor.note_closed(item.listener)
        case Outcome.READY:
            listener.counters.accepted += 1
            try:
                stream = acceptor.stream(item)
            except HandfastError as error:
                _count(listener, item, error)
            else:
                begin(listener, stream, acceptor.time_left(item))
        case _:
            listener.counters.accepted += item.connections
            _count(listener, item, acceptor.failure(item))


def _count(listener: MtlsListener, item: Accepted, failure: HandfastError) -> None:
    """Count and log what came to nothing, as handshakes in the event loop are."""
    counters = listener.counters
    if item.outcome is Outcome.GAVE_WAY:
        counters.gave_way += item.connections
    if item.outcome is Outcome.ENDED:
        counters.ended[failure.reason] += item.connections
    counters.failed[failure.reason] += item.connections
    if item.connections == 1:
        log_failure(item.remote, failure)
    else:
        log_untold(item.connections, failure.reason)
