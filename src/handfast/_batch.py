# SPDX-License-Identifier: Apache-2.0
"""One batch from its input to its result: what verify_many and its async twin share.

The engine is called once a piece, without the GIL. Between two pieces is the place for
Ctrl-C, progress and cancellation; nothing outlives the call but the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from handfast import _chunks, _ffi, _settings
from handfast._ffi import batch as native
from handfast.batch import BatchResult

if TYPE_CHECKING:
    from handfast._chunks import Chunk

__all__ = ["BatchRun", "Progress"]

#: Called with how many chains are judged, and how many there are (None: not known).
Progress: TypeAlias = Callable[[int, int | None], object]

_THREADS: Final = native.THREADS_MAX


class BatchRun:
    """A batch that is under way. One thread at a time may use it, whichever it is.

    Args:
        verifier: The engine's.
        at: Its time; "now" becomes one moment for the whole batch.
        purpose: The engine's number.
        chains: Everything that :func:`handfast._chunks.cut` takes.
        threads: How many verify at once, None for one a processor.
        lanes: Whether signatures are checked eight at a time where the machine can.

    Raises:
        ConfigError: an argument is not valid.
    """

    __slots__ = ("_chunks", "_output", "_settings", "_verifier", "control", "total")

    def __init__(  # noqa: PLR0913 - what both callers pass on, all by keyword
        self,
        *,
        verifier: _ffi.NativeVerifier,
        at: int,
        purpose: int,
        chains: Any,
        threads: int | None,
        lanes: bool,
    ) -> None:
        if threads is not None and not 1 <= threads <= _THREADS:
            _settings.refuse(f"threads= from 1 to {_THREADS}, or None", threads)
        self._verifier = verifier
        self.control = native.BatchControl()
        self._settings = native.BatchSettings(
            at=_ffi.clock_now() if at == _ffi.NOW else at,
            purpose=purpose,
            threads=threads or 0,
            lanes=lanes,
            control=self.control,
        )
        self._output = native.BatchOutput()
        #: How many chains there are, when that is known.
        self.total = _chunks.count_of(chains)
        self._chunks: Iterator[Chunk] = _chunks.cut(chains)

    @property
    def done(self) -> int:
        """Chains that are judged."""
        return self._output.count

    def step(self) -> bool:
        """Read and judge the next piece.

        Returns:
            Whether there was one. False as well once the run was cancelled.

        Raises:
            ConfigError: what comes next is no chain.
        """
        chunk = next(self._chunks, None)
        return chunk is not None and self._judge(chunk)

    def _judge(self, chunk: Chunk) -> bool:
        slot, count = self._output.count, len(chunk)
        self._output.grow(count)
        answer = native.verify_batch(
            self._verifier,
            _as_input(chunk),
            self._output,
            native.Piece(start=0, count=count, slot=slot),
            self._settings,
        )
        return answer is not None

    def result(self) -> BatchResult:
        """Hand out the columns."""
        output = self._output
        return BatchResult(
            ok=output.ok,
            reason=output.reason,
            not_after=output.not_after,
            depth=output.depth,
            id_offsets=output.id_offsets,
            ids=output.ids,
        )


def _as_offsets(view: Any) -> native.Offsets:
    return native.Offsets(native.Memory.of(view), memoryview(view).itemsize)


def _as_input(chunk: Chunk) -> native.BatchInput:
    present = chunk.present
    return native.BatchInput(
        native.Memory.of(chunk.data),
        _as_offsets(chunk.offsets),
        None if chunk.certs is None else _as_offsets(chunk.certs),
        None
        if present is None
        else native.Bits(native.Memory.of(present), chunk.present_at),
        shared=chunk.shared,
    )
