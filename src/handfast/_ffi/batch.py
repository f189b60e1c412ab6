# SPDX-License-Identifier: Apache-2.0
"""Judging very many chains in one call of the engine.

How to use it, for :mod:`handfast._batch`:

1. :class:`BatchInput` once for a buffer of chains, made of :class:`Memory` (any buffer,
   or an address such as Arrow gives). It copies nothing and keeps the owners alive;
   buffers cannot be resized meanwhile. Offsets are 4 or 8 bytes wide, aligned or not;
   signed ones are fine: the engine refuses negative ones.
2. :class:`BatchOutput` once for the whole result. It owns the columns, which are plain
   ``bytearray`` and say "not judged" until a slot was judged, and all SPIFFE IDs, one
   behind the other. ``grow`` makes room for more, for inputs of unknown length. Take
   memory views only when all is done: a ``bytearray`` that somebody views cannot grow.
3. :func:`verify_batch` for one :class:`Piece` after the other, in the order of their
   slots. Each call lets go of the GIL until it returns. 8,000 to 16,000 chains take
   about a tenth of a second; equal chains are judged once within a call, so pieces
   should not be small.
4. :class:`BatchControl`, one for all pieces, to count and to stop from other threads.

Slots are written in place, so nobody may read columns while a call is under way. A call
checks all offsets of its piece first (UsageError, nothing judged) and never raises for
a bad chain. The time is the caller's: resolve "now" once, before the first piece.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handfast._ffi.failure import error_table, raise_for
from handfast._ffi.library import ffi, lib
from handfast.reasons import Reason

if TYPE_CHECKING:
    from handfast._ffi.verifier import NativeVerifier

#: Chains in one call, and threads for one.
BATCH_MAX: Final = int(lib.HF_BATCH_MAX)
THREADS_MAX: Final = int(lib.HF_BATCH_THREADS_MAX)

_NOT_JUDGED: Final = next(
    code for code, row in error_table().items() if row[0] == Reason.NOT_JUDGED
)

#: What :func:`verify_batch` counts, in the order of its answer.
STATISTICS: Final = (
    "accepted",
    "duplicates",
    "by_lanes",
    "by_openssl",
    "asked_again",
    "issuers_known",
    "singly",
    "threads",
    "lanes",
)


class Memory:
    """Bytes that the engine reads: where they are, and who keeps them there."""

    __slots__ = ("address", "nbytes", "owner")

    def __init__(self, address: Any, nbytes: int, owner: object) -> None:
        self.address = address
        self.nbytes = nbytes
        self.owner = owner

    @classmethod
    def of(cls, data: object) -> Memory:
        """Take anything with the buffer protocol, contiguous, without a copy."""
        pointer = ffi.from_buffer("uint8_t[]", data)
        return cls(pointer, len(pointer), pointer)

    @classmethod
    def at(cls, address: int, nbytes: int, owner: object) -> Memory:
        """Take what another library says lies there for as long as `owner` lives."""
        return cls(ffi.cast("uint8_t *", address), nbytes, owner)


@dataclass(frozen=True, slots=True)
class Offsets:
    """Where each thing begins, and at the end where the last one ends."""

    memory: Memory
    width: int = 8

    @property
    def count(self) -> int:
        """How many things there are."""
        if self.width not in (4, 8) or self.memory.nbytes < self.width:
            msg = "offsets: expected one or more of 4 or 8 bytes"
            raise ValueError(msg)
        return self.memory.nbytes // self.width - 1


@dataclass(frozen=True, slots=True)
class Bits:
    """One bit a chain, lowest first: 0 is no chain, refused like an empty one."""

    memory: Memory
    first: int = 0


class BatchInput:
    """Chains in one buffer.

    Args:
        data: The DER of all certificates.
        chains: Into `certs` if there is that, else into `data`, where a chain is then
            certificates back to back.
        certs: Into `data`.
        present: Which chains there are (Arrow's validity); None: all.
        shared: Others may write to `data` meanwhile: the engine copies each chain
            before it reads it.
    """

    __slots__ = ("_certs", "_chains", "_data", "_present", "_shared", "count")

    def __init__(
        self,
        data: Memory,
        chains: Offsets,
        certs: Offsets | None = None,
        present: Bits | None = None,
        *,
        shared: bool = False,
    ) -> None:
        self._data = data
        self._shared = shared
        self._chains = chains
        self._certs = certs
        self._present = present
        self.count = chains.count
        if present is not None and not (
            0 <= present.first <= present.memory.nbytes * 8 - self.count
        ):
            msg = f"present: expected {self.count} bits from bit {present.first} on"
            raise ValueError(msg)

    def fill(self, start: int, count: int) -> Any:
        """Describe chains `start` up to `start + count` for the engine."""
        if not 0 <= start <= start + count <= self.count:
            msg = f"expected chains of 0 to {self.count}, seen {start} and {count}"
            raise ValueError(msg)
        out = ffi.new("struct hf_batch_input *")
        out.data = self._data.address
        out.len = self._data.nbytes
        out.chains = self._chains.memory.address + start * self._chains.width
        out.chain_width = self._chains.width
        if self._certs is not None:
            out.certs = self._certs.memory.address
            out.cert_width = self._certs.width
            out.cert_count = self._certs.count
        if self._present is not None:
            out.present = self._present.memory.address
            out.present_at = self._present.first + start
        out.count = count
        out.shared = self._shared
        return out


class BatchOutput:
    """The columns of a result, one slot a chain.

    Attributes:
        ok: One byte a slot: 1 accepted, 0 not.
        reason: 4 bytes a slot (native ``I``): a code of the engine, 0 when accepted.
        not_after: 8 bytes (``q``): end of the built chain's window; 0 when refused.
        depth: 1 byte (``b``): the certificate that a refusal is about; -1 none.
        id_offsets: 8 bytes (``q``), one more than slots: ID i is
            ``ids[id_offsets[i]:id_offsets[i + 1]]``, empty when refused.
        ids: All SPIFFE IDs, ASCII, without separators.
    """

    __slots__ = ("count", "depth", "id_offsets", "ids", "not_after", "ok", "reason")

    def __init__(self, count: int = 0) -> None:
        self.count = 0
        self.ok = bytearray()
        self.reason = bytearray()
        self.not_after = bytearray()
        self.depth = bytearray()
        self.id_offsets = bytearray(8)
        self.ids = bytearray()
        self.grow(count)

    def grow(self, more: int) -> None:
        """Add slots that were not judged."""
        self.count += more
        self.ok += bytes(more)
        self.reason += _NOT_JUDGED.to_bytes(4, sys.byteorder) * more
        self.not_after += bytes(8 * more)
        self.depth += b"\xff" * more
        self.id_offsets += len(self.ids).to_bytes(8, sys.byteorder) * more


class BatchControl:
    """Counts what was judged, and stops a batch: from any thread."""

    __slots__ = ("handle",)

    def __init__(self) -> None:
        self.handle = ffi.new("struct hf_batch_control *")

    def cancel(self) -> None:
        """Stop soon: a call that is under way, and all later ones, answer None."""
        lib.hf_batch_cancel(self.handle)

    @property
    def done(self) -> int:
        """Chains judged so far, over all calls with this control."""
        return int(lib.hf_batch_done(self.handle))


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How a batch is judged.

    Attributes:
        at: The engine's seconds, the same for all pieces.
        purpose: ``HF_PURPOSE_*``.
        threads: How many work, the calling one among them; 0 is one a processor.
        lanes: Eight signatures at a time where the machine can; else one by one.
        control: Counts, and stops.
    """

    at: int
    purpose: int
    threads: int = 0
    lanes: bool = True
    control: BatchControl | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Chains `start` up to `start + count` of an input, for slots from `slot` on."""

    start: int
    count: int
    slot: int


def verify_batch(
    verifier: NativeVerifier,
    source: BatchInput,
    output: BatchOutput,
    piece: Piece,
    settings: BatchSettings,
) -> tuple[int, ...] | None:
    """Judge a piece of a batch, of at most :data:`BATCH_MAX` chains.

    Returns:
        The numbers of :data:`STATISTICS`; None when it was cancelled: then the output
        is not to be used.

    Raises:
        UsageError: offsets or an argument are wrong; no chain was judged.
        InternalError: no memory; no chain of the piece is accepted.
    """
    if not 0 <= piece.slot <= piece.slot + piece.count <= output.count:
        msg = f"expected slots of 0 to {output.count}, seen {piece}"
        raise ValueError(msg)
    given = source.fill(piece.start, piece.count)
    control = ffi.NULL if settings.control is None else settings.control.handle
    out = ffi.new("struct hf_batch_output *")
    with (
        _column("uint8_t[]", output.ok) as ok,
        _column("uint32_t[]", output.reason) as reason,
        _column("int64_t[]", output.not_after) as not_after,
        _column("int8_t[]", output.depth) as depth,
        _column("int64_t[]", output.id_offsets) as id_offsets,
    ):
        out.ok = ok + piece.slot
        out.reason = reason + piece.slot
        out.not_after = not_after + piece.slot
        out.depth = depth + piece.slot
        out.id_offsets = id_offsets + piece.slot
        out.ids_base = len(output.ids)
        code = lib.hf_ffi_batch_verify(
            verifier.handle, given, _options(settings), control, out
        )
    try:
        if code == _NOT_JUDGED:
            return None
        if code:
            raise_for(code)
        if out.ids_len:
            output.ids += ffi.buffer(out.ids, out.ids_len)
    finally:
        lib.hf_batch_output_wipe(out)
    statistics = out.statistics
    return tuple(int(getattr(statistics, name)) for name in STATISTICS)


def _column(kind: str, data: bytearray) -> Any:
    return ffi.from_buffer(kind, data, require_writable=True)


def _options(settings: BatchSettings) -> Any:
    out = ffi.new("struct hf_batch_options *")
    out.at = settings.at
    out.purpose = settings.purpose
    out.threads = settings.threads
    out.lanes = lib.HF_BATCH_LANES_AUTO if settings.lanes else lib.HF_BATCH_LANES_OFF
    return out
