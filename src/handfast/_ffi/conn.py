# SPDX-License-Identifier: Apache-2.0
"""One TLS connection of the engine.

Invariants:
    1. A thread is inside or it is not: every method takes `_lock` without waiting and
       is refused (`busy`) when another thread, or a signal handler, is inside already.
       What a step borrows from the engine is copied before anybody else can move it.
    2. `_step` belongs to the connection and is filled by each crossing. After one,
       `out_len` is exact, so an empty `to_send()` costs no crossing.
    3. While `_lazy`, a handshake goes on and its next step is sure to come: what came
       since the last one may wait in `_held`, and what was copied out since then is
       counted in `_taken`; the step's own crossing tells the engine both. Everybody
       else settles first. Otherwise both are empty.
    4. Nothing is judged here. `done` comes from the engine and means authenticated and
       authorized.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from handfast._ffi.conn_facts import ConnFacts, refuse_busy
from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib
from handfast._ffi.want import DONE, PROGRESS, Want, want_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from handfast._ffi.library import Data
    from handfast._ffi.snapshots import NativeConfig


_READ_SIZE = 65536
_CLOSED = 0x0401

# Looked up once: cffi parses the text of a type at each use.
_STEP = ffi.typeof("struct hf_ffi_step *")

# What may wait in Python for the next step: with the part of a record that the engine
# may have, far below its own limit, so that it cannot be refused later.
_HOLD_MAX = 16384

# Plain text is read into buffers that are taken from here and put back: owned by one
# read at a time, whatever threads and signal handlers do, and few for many connections.
_buffers: list[Any] = []
_BUFFERS_KEPT = 8


def _take_buffer() -> Any:
    try:
        return _buffers.pop()
    except IndexError:
        return ffi.new("uint8_t[]", _READ_SIZE)


def _keep_buffer(buffer: Any) -> None:
    if len(_buffers) < _BUFFERS_KEPT:
        _buffers.append(buffer)


def _flat(data: Data) -> Any:
    """Give the engine the bytes where they lie; to be released when it has them."""
    return data if type(data) is bytes else ffi.from_buffer("uint8_t[]", data)


# A traceback would keep a buffer that is not released, and with it the caller's memory:
# his own release() of a memoryview would then fail, and hide why we raised.
_release = ffi.release


class Conn(ConnFacts):
    """A connection's handle; see the module for its invariants."""

    __slots__ = ()

    def __init__(self, config: NativeConfig, name_kind: int, name: bytes) -> None:
        pointer = lib.hf_ffi_conn_new(config.handle, name_kind, name, len(name))
        if not pointer:
            raise_for(0, subject="own")
        self._own(pointer)

    @classmethod
    def owning(cls, pointer: Any) -> Conn:
        """Take over a connection that the engine made."""
        self = cls.__new__(cls)
        self._own(pointer)
        self._lazy = False  # its handshake is over
        return self

    def lend(self, to: Callable[[Any], int]) -> None:
        """Let a thread of the engine work on the connection, until `come_back`.

        Who else uses it meanwhile is told that it is busy. Nothing is lent on failure.
        """
        if not self._lock.acquire(False):
            refuse_busy()
        code = to(self._handle)
        if code:
            self._lock.release()
            raise_for(code)

    def come_back(self) -> None:
        """Go on with what was lent."""
        self._lock.release()

    def _own(self, pointer: Any) -> None:
        self._handle = ffi.gc(pointer, lib.hf_ffi_conn_free)
        self._step = ffi.new(_STEP)
        self._lazy = True
        self._held = b""
        self._taken = 0
        # Taken without a context manager: entering and leaving is most of what a call
        # costs beside the engine's own work.
        self._lock = threading.Lock()

    def set_session_key(self, key: bytes) -> None:
        """Name the destination whose sessions may be offered."""
        self._ask(lib.hf_ffi_conn_set_session_key, key, len(key))

    # ---- bytes to and from the peer ----

    def receive(self, data: Data) -> None:
        if not self._lock.acquire(False):
            refuse_busy()
        flat = data
        try:
            if self._lazy:
                if not self._held and type(data) is bytes and len(data) <= _HOLD_MAX:
                    self._held = data
                    return
                self._settle()
            flat = _flat(data)
            code = lib.hf_ffi_conn_receive(self._handle, flat, len(flat), self._step)
        finally:
            self._lock.release()
            if flat is not data:
                _release(flat)
        if code:
            raise_for(code)

    def _settle(self) -> None:
        """Tell the engine what waited for the next step; from inside."""
        self._lazy = False
        taken, self._taken = self._taken, 0
        held, self._held = self._held, b""
        step = self._step
        code = lib.hf_ffi_conn_consumed(self._handle, taken, step) if taken else 0
        if held and not code:
            code = lib.hf_ffi_conn_receive(self._handle, held, len(held), step)
        if code:
            raise_for(code)

    def receive_eof(self) -> None:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            if self._lazy:
                self._settle()
            code = lib.hf_ffi_conn_receive_eof(self._handle, self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)

    def to_send(self) -> bytes:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            step = self._step
            length = step.out_len
            if not length:
                return b""
            data: bytes = ffi.buffer(step.out, length)[:]
            if self._lazy:
                self._taken = length
                step.out_len = 0
                return data
            code = lib.hf_ffi_conn_consumed(self._handle, length, step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)
        return data

    # ---- steps in memory ----

    def handshake(self) -> bool:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            held, taken = self._held, self._taken
            self._lazy = False
            self._held, self._taken = b"", 0
            answer: int = lib.hf_ffi_conn_handshake(
                self._handle, taken, held, len(held), self._step
            )
            self._lazy = 0 <= answer < DONE
        finally:
            self._lock.release()
        if answer < 0:
            raise_for(-answer, chain=self.presented)
        return answer >= DONE

    def write(self, data: Data) -> None:
        if not self._lock.acquire(False):
            refuse_busy()
        flat = data
        try:
            flat = _flat(data)
            code = lib.hf_ffi_conn_write(self._handle, flat, len(flat), self._step)
        finally:
            self._lock.release()
            if flat is not data:
                _release(flat)
        if code:
            raise_for(code)

    def read(self, max_bytes: int) -> bytes | None:
        """Return what is there, empty for nothing yet, None after the peer's close."""
        buffer, cap = _take_buffer(), min(max_bytes, _READ_SIZE)
        try:
            if not self._lock.acquire(False):
                refuse_busy()
            try:
                step = self._step
                code = lib.hf_ffi_conn_read(self._handle, buffer, cap, step)
                length = step.len
            finally:
                self._lock.release()
            if code == _CLOSED:
                return None
            if code:
                raise_for(code)
            return bytes(ffi.buffer(buffer, length))
        finally:
            _keep_buffer(buffer)

    def key_update(self, *, ask_peer: bool) -> None:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            code = lib.hf_ffi_conn_key_update(self._handle, ask_peer, self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)

    def close(self) -> None:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            if self._lazy:
                self._settle()
            code = lib.hf_ffi_conn_close(self._handle, self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)

    # ---- steps on a socket ----

    def handshake_fd(self, fd: int) -> tuple[bool, Want]:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            if self._lazy:
                self._settle()
            answer: int = lib.hf_ffi_conn_handshake_fd(self._handle, fd, self._step)
        finally:
            self._lock.release()
        if answer < 0:
            raise_for(-answer, chain=self.presented)
        return PROGRESS[answer]

    def read_fd(self, fd: int, max_bytes: int) -> bytes | Want | None:
        """Return data, what to wait for, or None after the peer's close."""
        buffer, cap = _take_buffer(), min(max_bytes, _READ_SIZE)
        try:
            if not self._lock.acquire(False):
                refuse_busy()
            try:
                step = self._step
                code = lib.hf_ffi_conn_read_fd(self._handle, fd, buffer, cap, step)
                length, want = step.len, want_of(step)
            finally:
                self._lock.release()
            if code == _CLOSED:
                return None
            if code:
                raise_for(code)
            return bytes(ffi.buffer(buffer, length)) if length else want
        finally:
            _keep_buffer(buffer)

    def write_fd(self, fd: int, data: Data) -> tuple[int, Want]:
        if not self._lock.acquire(False):
            refuse_busy()
        flat = data
        try:
            flat = _flat(data)
            step = self._step
            code = lib.hf_ffi_conn_write_fd(self._handle, fd, flat, len(flat), step)
            taken, want = int(step.len), want_of(step)
        finally:
            self._lock.release()
            if flat is not data:
                _release(flat)
        if code:
            raise_for(code)
        return taken, want

    def flush_fd(self, fd: int) -> Want:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            if self._lazy:
                self._settle()
            code = lib.hf_ffi_conn_flush_fd(self._handle, fd, self._step)
            want = want_of(self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)
        return want

    def close_fd(self, fd: int) -> Want:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            if self._lazy:
                self._settle()
            code = lib.hf_ffi_conn_close_fd(self._handle, fd, self._step)
            want = want_of(self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)
        return want
