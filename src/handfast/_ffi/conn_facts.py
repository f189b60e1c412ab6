# SPDX-License-Identifier: Apache-2.0
"""What the engine can be asked of a connection; see `conn` for the invariants."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, NoReturn

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib, text
from handfast.errors import Reason, UsageError, detail_for
from handfast.peer import copy_chains_by, from_record

if TYPE_CHECKING:
    import threading

    from handfast.peer import VerifiedPeer

__all__ = ["ConnFacts", "refuse_busy"]

# Looked up once: cffi parses the text of a type at each use.
_MET = ffi.typeof("struct hf_ffi_met *")
_RECORD = ffi.offsetof("struct hf_ffi_met", "peer")
_CHAIN = ffi.typeof("struct hf_chain *")

# Blocks that verdicts are written into are taken from here and put back.
_blocks: list[tuple[Any, Any]] = []
_BLOCKS_KEPT = 8


def _new_block() -> tuple[Any, Any]:
    block = ffi.new(_MET)
    return block, ffi.buffer(block)


def refuse_busy() -> NoReturn:
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


class ConnFacts:
    """The half of a connection's handle that only asks."""

    __slots__ = ("_handle", "_held", "_lazy", "_lock", "_step", "_taken")

    _handle: Any
    _step: Any
    _lock: threading.Lock
    _held: bytes
    _lazy: bool
    _taken: int

    def _ask(self, function: Any, *arguments: Any) -> None:
        if not self._lock.acquire(False):
            refuse_busy()
        try:
            code = function(self._handle, *arguments)
        finally:
            self._lock.release()
        if code:
            raise_for(code)

    def authenticated_at(self) -> int:
        """Say when the peer last proved to hold its key."""
        out = ffi.new("int64_t *")
        self._ask(lib.hf_ffi_conn_authenticated_at, out)
        return int(out[0])

    def peer(self) -> VerifiedPeer:
        # Written flat: every connection is asked this, most are asked nothing else.
        try:
            block = _blocks.pop()
        except IndexError:
            block = _new_block()
        out, view = block
        if not self._lock.acquire(False):
            refuse_busy()
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
            refuse_busy()
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
            refuse_busy()
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
