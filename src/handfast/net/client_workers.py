# SPDX-License-Identifier: Apache-2.0
"""Clients' handshakes on threads of the engine, for `open_many(workers=...)`.

Theory of operation. A stream is made and connected in the event loop and lent to one of
the engine's workers, which shakes hands, verifies and authorizes without Python. When
it comes back, the stream's own `do_handshake` finds the handshake done and lets the
newest bundles have their word (P5), or repeats why it failed.

Invariants:
    1. Nobody touches a stream that is lent: its connection is busy, and whoever lent it
       does not leave `shake_hands` before it came back, cancelled or not.
    2. Everything comes back: at its end, at its deadline, because its socket was shut
       down, or with the end of the workers, which trio's run brings in the end.
    3. No Ctrl-C comes between: a stream that is forgotten while a worker has it would
       be freed under it.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING

import trio

from handfast import _ffi
from handfast.errors import InternalError, Reason, detail_for
from handfast.net.failures import handshake_timed_out, system_failure

if TYPE_CHECKING:
    from collections.abc import Generator

    from handfast._ffi import Accepted
    from handfast.net.stream import MtlsStream

__all__ = ["ClientWorkers", "client_workers"]


class _Lent:
    """A stream that a worker has."""

    def __init__(self) -> None:
        self.is_back = trio.Event()
        self.item: Accepted | None = None

    def come_back(self, item: Accepted) -> None:
        self.item = item
        self.is_back.set()


class ClientWorkers:
    """Threads that shake hands; see the module, and make them by `client_workers`."""

    def __init__(self, native: _ffi.NativeAcceptor, seconds: float) -> None:
        self._native = native
        self._seconds = seconds
        self._lent: dict[int, _Lent] = {}
        self._tags = count()
        self.listening = trio.CancelScope()

    async def listen(self) -> None:
        """Give back what the workers have done, until `listening` is cancelled.

        Cancellation by anybody else: the workers end, and what they have is back.
        """
        try:
            with self.listening:
                while True:
                    await trio.lowlevel.wait_readable(self._native.event)
                    for item in self._native.take():
                        self._lent.pop(item.generation).come_back(item)
                    # The queue may never be empty: others want their turn.
                    await trio.lowlevel.checkpoint()
        finally:
            self._native.stop()
            for lent in self._lent.values():
                lent.is_back.set()

    @trio.lowlevel.enable_ki_protection
    async def shake_hands(self, stream: MtlsStream) -> None:
        """Have a worker shake hands; `do_handshake` then says what became of it.

        Cancellation: the connection is cut.

        Raises:
            HandshakeTimeout: it took too long.
            TransportError: the system could not wait for the socket.
        """
        transport = stream.transport_stream
        if not isinstance(transport, trio.SocketStream):
            raise InternalError(detail_for(Reason.INTERNAL, seen="no socket"))
        # Not public: nobody else lends what is inside of a connection.
        conn = stream.connection._conn  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        tag, lent = next(self._tags), _Lent()
        worker = tag % self._native.workers
        self._native.hand_in(worker, conn, transport.socket.fileno(), tag)
        self._lent[tag] = lent
        try:
            await lent.is_back.wait()
        except BaseException:
            with suppress(OSError):
                transport.socket.shutdown(socket.SHUT_RDWR)
            with trio.CancelScope(shield=True):
                await lent.is_back.wait()
            raise
        finally:
            conn.come_back()
        self._check(lent.item)

    def _check(self, item: Accepted | None) -> None:
        match None if item is None else item.outcome:
            case _ffi.Outcome.READY | _ffi.Outcome.REFUSED:
                return
            case _ffi.Outcome.TIMED_OUT:
                raise handshake_timed_out(self._seconds)
            case _:
                number = errno.ECANCELED if item is None else item.system
                raise system_failure(OSError(number, os.strerror(number)))


@contextmanager
def client_workers(
    workers: int, *, seconds: float, at_once: int
) -> Generator[ClientWorkers]:
    """Have workers for a while; everything that was lent is back before the end.

    Args:
        workers: How many threads.
        seconds: What each handshake may take.
        at_once: How many there will be at most.

    Raises:
        TransportError: the system has no thread or descriptor for them.
    """
    native = _ffi.NativeAcceptor(
        [_ffi.NO_SOCKET],
        workers=workers,
        max_handshakes=at_once,
        max_per_source=0,
        max_waiting=at_once,
        timeout=seconds,
    )
    native.start()
    made = ClientWorkers(native, seconds)
    # In no nursery: whoever is cancelled still waits for what it has lent.
    trio.lowlevel.spawn_system_task(made.listen, name="handfast.net.client_workers")
    try:
        yield made
    finally:
        made.listening.cancel()
        native.stop()
