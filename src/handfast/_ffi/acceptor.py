# SPDX-License-Identifier: Apache-2.0
"""Handshakes on threads of the engine: its acceptor, and what comes out of it.

What is taken out of the engine's queue has an owner before anything else is done: a
connection its handle, a descriptor the record that holds it.
"""

from __future__ import annotations

import enum
import socket
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from handfast._ffi.conn import Conn
from handfast._ffi.failure import error_table, raise_for
from handfast._ffi.library import ffi, lib
from handfast.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast._ffi.snapshots import NativeConfig

#: Most workers, and most listening sockets, of one acceptor.
MOST_WORKERS: Final = int(lib.HF_ACCEPTOR_WORKERS_MAX)
MOST_SOCKETS: Final = int(lib.HF_ACCEPTOR_SOCKETS_MAX)

#: In the place of a listening socket: workers accept nothing, and do what is lent.
NO_SOCKET: Final = int(lib.HF_ACCEPTOR_NO_SOCKET)

# How many are taken at once: handlers get their turn in between.
_BATCH: Final = 64


class Outcome(enum.IntEnum):
    """What became of a connection, or of accepting."""

    READY = int(lib.HF_ACCEPTED_READY)
    REFUSED = int(lib.HF_ACCEPTED_REFUSED)
    TIMED_OUT = int(lib.HF_ACCEPTED_TIMED_OUT)
    GAVE_WAY = int(lib.HF_ACCEPTED_GAVE_WAY)
    CROWDED = int(lib.HF_ACCEPTED_CROWDED)
    NO_CONFIG = int(lib.HF_ACCEPTED_NO_CONFIG)
    FAILED = int(lib.HF_ACCEPTED_FAILED)
    SHORTAGE = int(lib.HF_ACCEPTED_SHORTAGE)
    BROKEN = int(lib.HF_ACCEPTED_BROKEN)
    ENDED = int(lib.HF_ACCEPTED_ENDED)
    CLOSED = int(lib.HF_ACCEPTED_CLOSED)


class Accepted(NamedTuple):
    """One entry of the queue.

    Attributes:
        outcome: What became of it.
        conn: The engine's connection, when READY or REFUSED.
        fd: The socket, which is the taker's to close; -1 unless READY.
        reason: Of the failure; None when there is none.
        system: The system's error number, or 0.
        listener: Which of the listening sockets.
        connections: How many: more than one were only counted.
        generation: Of the configuration that it began with; or its tag.
        age: Seconds since it was accepted.
        remote: The peer's address as `getpeername` has it; None when not known.
    """

    outcome: Outcome
    conn: Conn | None
    fd: int
    reason: Reason | None
    system: int
    listener: int
    connections: int
    generation: int
    age: float
    remote: object


def has_acceptor() -> bool:
    """Whether this system has what the acceptor is made of (epoll)."""
    return bool(lib.hf_acceptor_available())


class NativeAcceptor:
    """An acceptor of the engine; one thread uses it."""

    __slots__ = ("_handle", "_records", "_taken", "event")

    def __init__(  # noqa: PLR0913 - the engine's own list, all by keyword
        self,
        sockets: Sequence[int],
        *,
        workers: int,
        max_handshakes: int,
        max_per_source: int,
        max_waiting: int,
        timeout: float,
    ) -> None:
        pointer = lib.hf_ffi_acceptor_new(
            list(sockets),
            len(sockets),
            workers,
            max_handshakes,
            max_per_source,
            max_waiting,
            max(1, round(min(timeout * 1000, 0xFFFFFFFF))),
        )
        if pointer == ffi.NULL:
            raise_for(0, subject="own")
        self._handle = ffi.gc(pointer, lib.hf_ffi_acceptor_free)
        self._records = ffi.new("struct hf_accepted[]", _BATCH)
        self._taken = ffi.new("size_t *")
        #: Readable while there is something to take.
        self.event = int(lib.hf_acceptor_event(pointer))

    def configure(
        self, listener: int, configs: Sequence[NativeConfig], generation: int
    ) -> None:
        """Answer by these from now on, one for each worker; by none: refuse."""
        handles = [config.handle for config in configs]
        code = lib.hf_ffi_acceptor_configure(
            self._handle, listener, handles, len(handles), generation
        )
        if code:
            raise_for(code)

    def start(self) -> None:
        """Make the threads."""
        code = lib.hf_ffi_acceptor_start(self._handle)
        if code:
            raise_for(code)

    def stop(self) -> None:
        """End the threads, which is a matter of milliseconds, and what they do."""
        code = lib.hf_ffi_acceptor_stop(self._handle)
        if code:
            raise_for(code)

    def pause(self, paused: bool) -> None:  # noqa: FBT001 - the engine's word
        """Accept nothing, or go on."""
        code = lib.hf_ffi_acceptor_pause(self._handle, paused)
        if code:
            raise_for(code)

    def close_listener(self, listener: int, *, end: bool) -> None:
        """Accept nothing more of a listener; `end` what is under way, too."""
        code = lib.hf_ffi_acceptor_close_socket(self._handle, listener, end)
        if code:
            raise_for(code)

    def hand_in(self, worker: int, conn: Conn, fd: int, tag: int) -> None:
        """Lend a worker a connection until the tag comes out, as a generation."""

        def to(handle: Any) -> int:
            code: int = lib.hf_ffi_acceptor_hand_in(
                self._handle, worker, handle, fd, tag
            )
            return code

        conn.lend(to)

    def take(self) -> list[Accepted]:
        """Take some of the queue; the sockets in it are the caller's to close."""
        code = lib.hf_ffi_acceptor_take(
            self._handle, self._records, _BATCH, self._taken
        )
        taken = [_accepted(self._records[index]) for index in range(self._taken[0])]
        if code:
            raise_for(code)
        return taken

    def under_way(self, listener: int) -> int:
        """Count the connections that were accepted and not taken."""
        return int(lib.hf_acceptor_under_way(self._handle, listener))

    @property
    def workers(self) -> int:
        """Threads that run."""
        return int(lib.hf_acceptor_workers(self._handle))


_REASONS: Final = {code: Reason(row[0]) for code, row in error_table().items()}
_OUTCOMES: Final = {int(it): it for it in Outcome}


def _accepted(record: Any) -> Accepted:
    conn = None if record.conn == ffi.NULL else Conn.owning(record.conn)
    outcome = _OUTCOMES[record.outcome]
    return Accepted(
        outcome,
        conn,
        int(record.fd),
        _REASONS.get(int(record.code)),
        int(record.system),
        int(record.socket),
        int(record.count),
        int(record.generation),
        record.age_ms / 1000,
        # Written out for those that are logged only.
        None if outcome is Outcome.READY else _remote(record),
    )


def _remote(record: Any) -> object:
    address = bytes(ffi.buffer(record.address))
    match record.family:
        case 0:
            return None
        case socket.AF_INET:
            return (socket.inet_ntop(socket.AF_INET, address[:4]), int(record.port))
        case socket.AF_INET6:
            host = socket.inet_ntop(socket.AF_INET6, address)
            return (host, int(record.port), 0, int(record.scope))
        case _:
            return ""
