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

import enum
import threading
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NoReturn

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib, text
from handfast.errors import Reason, UsageError, detail_for
from handfast.peer import copy_chains_by, from_record

if TYPE_CHECKING:
    from handfast._ffi.library import Data
    from handfast._ffi.snapshots import NativeConfig
    from handfast.peer import VerifiedPeer


class Want(enum.IntFlag):
    """What a step on a socket waits for."""

    NOTHING = 0
    READ = 1
    WRITE = 2


# Making an IntFlag by value is slow; there are four.
_WANTS: tuple[Want, ...] = tuple(Want(bits) for bits in range(4))


def _want(step: Any) -> Want:
    bits: int = step.want
    return _WANTS[bits]


# What hf_ffi_progress answers: what to wait for, and from 4 on that it is done.
_DONE = 4
_PROGRESS: tuple[tuple[bool, Want], ...] = tuple(
    (done, want) for done in (False, True) for want in _WANTS
)

_READ_SIZE = 65536
_CLOSED = 0x0401

# Looked up once: cffi parses the text of a type at each use.
_STEP = ffi.typeof("struct hf_ffi_step *")
_MET = ffi.typeof("struct hf_ffi_met *")
_RECORD = ffi.offsetof("struct hf_ffi_met", "peer")
_CHAIN = ffi.typeof("struct hf_chain *")

# Blocks that verdicts are written into go round in the same way.
_blocks: list[tuple[Any, Any]] = []
_BLOCKS_KEPT = 8

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


def _new_block() -> tuple[Any, Any]:
    block = ffi.new(_MET)
    return block, ffi.buffer(block)


def _flat(data: Data) -> Any:
    """Give the engine the bytes where they lie; to be released when it has them."""
    return data if type(data) is bytes else ffi.from_buffer("uint8_t[]", data)


# A traceback would keep a buffer that is not released, and with it the caller's memory:
# his own release() of a memoryview would then fail, and hide why we raised.
_release = ffi.release


def _refuse_busy() -> NoReturn:
    raise UsageError(
        detail_for(
            Reason.BUSY,
            expected="one thread at a time on a connection",
            seen="a call while another one runs",
        )
    )


def _certificates(chain: Any) -> list[bytes]:
    """Copy a chain out of the engine."""
    lengths: list[int] = ffi.unpack(chain.lengths, chain.count)
    der: bytes = ffi.buffer(chain.der, sum(lengths))[:]
    ends = accumulate(lengths)
    return [der[end - n : end] for end, n in zip(ends, lengths, strict=True)]


def _copy_kept(kept: Any) -> tuple[bytes, ...]:
    """Copy a chain that was kept: immutable, so any thread may, at any time."""
    chain = ffi.new(_CHAIN)
    lib.hf_ffi_presented_view(kept, chain)
    return tuple(_certificates(chain))


# A verified peer's chain stays with the engine until somebody asks for it. Few do.
copy_chains_by(_copy_kept)
_own_chain = ffi.gc
_unref_chain = lib.hf_ffi_presented_unref


class Conn:
    """A connection's handle; see the module for its invariants."""

    __slots__ = ("_handle", "_held", "_lazy", "_lock", "_step", "_taken")

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

    def _own(self, pointer: Any) -> None:
        self._handle = ffi.gc(pointer, lib.hf_ffi_conn_free)
        self._step = ffi.new(_STEP)
        self._lazy = True
        self._held = b""
        self._taken = 0
        # Taken without a context manager: entering and leaving is most of what a call
        # costs beside the engine's own work.
        self._lock = threading.Lock()

    # ---- bytes to and from the peer ----

    def receive(self, data: Data) -> None:
        if not self._lock.acquire(False):
            _refuse_busy()
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
            _refuse_busy()
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
            _refuse_busy()
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
            _refuse_busy()
        try:
            held, taken = self._held, self._taken
            self._lazy = False
            self._held, self._taken = b"", 0
            answer: int = lib.hf_ffi_conn_handshake(
                self._handle, taken, held, len(held), self._step
            )
            self._lazy = 0 <= answer < _DONE
        finally:
            self._lock.release()
        if answer < 0:
            raise_for(-answer, chain=self.presented)
        return answer >= _DONE

    def write(self, data: Data) -> None:
        if not self._lock.acquire(False):
            _refuse_busy()
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
                _refuse_busy()
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
            _refuse_busy()
        try:
            code = lib.hf_ffi_conn_key_update(self._handle, ask_peer, self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)

    def close(self) -> None:
        if not self._lock.acquire(False):
            _refuse_busy()
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
            _refuse_busy()
        try:
            if self._lazy:
                self._settle()
            answer: int = lib.hf_ffi_conn_handshake_fd(self._handle, fd, self._step)
        finally:
            self._lock.release()
        if answer < 0:
            raise_for(-answer, chain=self.presented)
        return _PROGRESS[answer]

    def read_fd(self, fd: int, max_bytes: int) -> bytes | Want | None:
        """Return data, what to wait for, or None after the peer's close."""
        buffer, cap = _take_buffer(), min(max_bytes, _READ_SIZE)
        try:
            if not self._lock.acquire(False):
                _refuse_busy()
            try:
                step = self._step
                code = lib.hf_ffi_conn_read_fd(self._handle, fd, buffer, cap, step)
                length, want = step.len, _want(step)
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
            _refuse_busy()
        flat = data
        try:
            flat = _flat(data)
            step = self._step
            code = lib.hf_ffi_conn_write_fd(self._handle, fd, flat, len(flat), step)
            taken, want = int(step.len), _want(step)
        finally:
            self._lock.release()
            if flat is not data:
                _release(flat)
        if code:
            raise_for(code)
        return taken, want

    def flush_fd(self, fd: int) -> Want:
        if not self._lock.acquire(False):
            _refuse_busy()
        try:
            if self._lazy:
                self._settle()
            code = lib.hf_ffi_conn_flush_fd(self._handle, fd, self._step)
            want = _want(self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)
        return want

    def close_fd(self, fd: int) -> Want:
        if not self._lock.acquire(False):
            _refuse_busy()
        try:
            if self._lazy:
                self._settle()
            code = lib.hf_ffi_conn_close_fd(self._handle, fd, self._step)
            want = _want(self._step)
        finally:
            self._lock.release()
        if code:
            raise_for(code)
        return want

    # ---- sessions ----

    def set_session_key(self, key: bytes) -> None:
        """Name the destination whose sessions may be offered."""
        self._ask(lib.hf_ffi_conn_set_session_key, key, len(key))

    def authenticated_at(self) -> int:
        """Say when the peer last proved to hold its key."""
        out = ffi.new("int64_t *")
        self._ask(lib.hf_ffi_conn_authenticated_at, out)
        return int(out[0])

    # ---- facts ----

    def _ask(self, function: Any, *arguments: Any) -> None:
        if not self._lock.acquire(False):
            _refuse_busy()
        try:
            code = function(self._handle, *arguments)
        finally:
            self._lock.release()
        if code:
            raise_for(code)

    def peer(self) -> VerifiedPeer:
        # Written flat: every connection is asked this, most are asked nothing else.
        try:
            block = _blocks.pop()
        except IndexError:
            block = _new_block()
        out, view = block
        if not self._lock.acquire(False):
            _refuse_busy()
        try:
            answer: int = lib.hf_ffi_conn_met(self._handle, out)
            if answer < 0:
                raise_for(-answer)
            kept = _own_chain(out.kept, _unref_chain)
            record: bytes = view[_RECORD:answer]
        finally:
            self._lock.release()
        if len(_blocks) < _BLOCKS_KEPT:
            _blocks.append(block)
        return from_record(record, kept)

    def presented(self) -> list[bytes]:
        """Copy the peer's certificates as they came; not verified after a refusal."""
        chain = ffi.new(_CHAIN)
        self._ask(lib.hf_ffi_conn_presented, chain)
        return _certificates(chain)

    def alpn(self) -> bytes:
        name, length = ffi.new("const uint8_t **"), ffi.new("size_t *")
        self._ask(lib.hf_ffi_conn_alpn, name, length)
        return bytes(ffi.buffer(name[0], length[0])) if length[0] else b""

    def server_name(self) -> str:
        """Return the server name that OpenSSL read last; empty for none."""
        name, length = ffi.new("const char **"), ffi.new("size_t *")
        self._ask(lib.hf_ffi_conn_server_name, name, length)
        return str(ffi.unpack(name[0], length[0]).decode("ascii", "backslashreplace"))

    def facts(self) -> tuple[int, bool, str, str, str]:
        """Return version, resumed, cipher, group and the peer's signature algorithm."""
        out = ffi.new("struct hf_conn_facts *")
        self._ask(lib.hf_ffi_conn_facts, out)
        return (
            int(out.version),
            bool(out.resumed),
            text(out.cipher),
            text(out.group),
            text(out.signature),
        )

    def resumed(self) -> bool:
        if not self._lock.acquire(False):
            _refuse_busy()
        try:
            answer: int = lib.hf_ffi_conn_resumed(self._handle)
        finally:
            self._lock.release()
        if answer < 0:
            raise_for(-answer)
        return answer != 0

    def channel_binding(self) -> bytes:
        out = ffi.new("uint8_t[]", 32)
        self._ask(lib.hf_ffi_conn_channel_binding, out)
        return bytes(ffi.buffer(out))

    def key_log(self) -> str:
        """Take the key log lines so far."""
        lines, length = ffi.new("const char **"), ffi.new("size_t *")
        if not self._lock.acquire(False):
            _refuse_busy()
        try:
            code = lib.hf_ffi_conn_key_log(self._handle, lines, length)
            # Copied inside: the next step wipes and frees what was taken.
            taken = bytes(ffi.buffer(lines[0], length[0])) if length[0] else b""
        finally:
            self._lock.release()
        if code:
            raise_for(code)
        return taken.decode("ascii")

    def pending(self) -> tuple[int, int]:
        """Count the bytes buffered inwards and outwards."""
        return (
            int(lib.hf_conn_pending_in(self._handle)) + len(self._held),
            int(lib.hf_conn_pending_out(self._handle)) - self._taken,
        )
