# SPDX-License-Identifier: Apache-2.0
"""From whatever holds chains to pieces that the engine takes in one call.

A piece is one buffer with offsets, of a few thousand chains: small enough that Ctrl-C,
cancellation and progress come between two of them, and that a generator of any length
is verified in the memory of one. Buffers and Arrow columns are cut without a copy;
Python objects are joined, a piece at a time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, replace
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from handfast import _settings
from handfast._ffi import arrow
from handfast.chain_buffer import ChainBuffer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast.chain_buffer import AnyBuffer

    # One chain: certificates back to back, or each by itself, the leaf first.
    Chain: TypeAlias = AnyBuffer | Sequence[AnyBuffer]

    class ArrowArray(Protocol):
        """An array of any Arrow library."""

        def __arrow_c_array__(self, requested_schema: Any = None, /) -> Any: ...

    class ArrowStream(Protocol):
        """Arrays one after the other: a chunked column, or a reader of one."""

        def __arrow_c_stream__(self, requested_schema: Any = None, /) -> Any: ...

    Chains: TypeAlias = Iterable[Chain] | ChainBuffer | ArrowArray | ArrowStream

__all__ = ["CHUNK", "Chunk", "count_of", "cut"]

#: Chains in a piece. A core verifies as many in 40 to 350 ms.
CHUNK: Final = 8192
# Bytes that are joined at most, unless one chain alone has more.
_BYTES: Final = 32 << 20
_NOT_CHAINS: Final = (bytes, bytearray, memoryview, str)
_EXPECTED: Final = "chains: each bytes of DER, or a sequence of DER certificates"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece: what the engine's ``struct hf_batch_input`` says.

    Attributes:
        data: The bytes.
        offsets: Where chains begin, one more than there are.
        certs: Where certificates begin, when `offsets` count certificates.
        present: Bits: 0 where there is no chain at all; None when all are there.
        present_at: The first chain's bit.
        shared: Somebody may write to `data` meanwhile: it is not ours, nor `bytes`.
    """

    data: Any
    offsets: Any
    certs: Any = None
    present: Any = None
    present_at: int = 0
    shared: bool = False

    def __len__(self) -> int:
        return len(self.offsets) - 1


def count_of(chains: object) -> int | None:
    """How many chains there are, when that can be known before."""
    return len(chains) if isinstance(chains, Sized) else None


def cut(chains: Any, size: int = CHUNK) -> Iterator[Chunk]:
    """Cut the chains into pieces; what is yielded is good until the next one.

    Raises:
        ConfigError: these are no chains.
    """
    if isinstance(chains, ChainBuffer):
        shared = type(chains.data.obj) is not bytes
        whole = Chunk(chains.data, chains.offsets, chains.cert_offsets, shared=shared)
        return _slices(whole, size)
    if arrow.is_arrow(chains):
        return _from_arrow(chains, size)
    # One buffer alone does not say where chains begin.
    if type(chains) in _NOT_CHAINS or not _iterable(chains):
        _settings.refuse(f"{_EXPECTED}; or a ChainBuffer", _name(chains))
    return _from_objects(iter(chains), size)


def _iterable(value: object) -> bool:
    return isinstance(value, Iterable)


def _name(value: object) -> str:
    return type(value).__name__


def _slices(whole: Chunk, size: int) -> Iterator[Chunk]:
    for start in range(0, len(whole), size):
        offsets = whole.offsets[start : start + size + 1]
        at = whole.present_at + start
        yield replace(whole, offsets=offsets, present_at=at)


def _from_arrow(column: Any, size: int) -> Iterator[Chunk]:
    for part in arrow.read_arrow(column):
        whole = Chunk(
            part.data,
            part.offsets,
            part.certs,
            part.present,
            part.present_at,
            shared=True,
        )
        yield from _slices(whole, size)


def _from_objects(chains: Iterator[Any], size: int) -> Iterator[Chunk]:
    while some := list(islice(chains, size)):
        kinds = set(map(type, some))
        if kinds == {bytes}:
            yield from _join_flat(some)
        elif kinds <= {tuple, list}:
            yield from _join_parted(some)
        else:
            yield from _mixed(some)
        del some  # before the next ones are read: one piece in memory, not two


def _offsets(lengths: Iterable[int]) -> array[int]:
    return array("Q", accumulate(lengths, initial=0))


def _pieces(sizes: Sequence[int]) -> Iterator[slice]:
    """Cut where too much would be joined: a piece has at least one chain."""
    start = total = 0
    for index, size in enumerate(sizes):
        if total + size > _BYTES and index > start:
            yield slice(start, index)
            start, total = index, 0
        total += size
    yield slice(start, len(sizes))


def _join_flat(chains: list[bytes]) -> Iterator[Chunk]:
    lengths = list(map(len, chains))
    if sum(lengths) <= _BYTES:
        yield Chunk(b"".join(chains), _offsets(lengths))
        return
    for piece in _pieces(lengths):
        yield Chunk(b"".join(chains[piece]), _offsets(lengths[piece]))


def _join_parted(chains: list[Sequence[Any]]) -> Iterator[Chunk]:
    certificates = list(chain.from_iterable(chains))
    if set(map(type, certificates)) - {bytes}:
        chains = [[_as_bytes(part) for part in one] for one in chains]
        certificates = list(chain.from_iterable(chains))
    lengths = list(map(len, certificates))
    if sum(lengths) <= _BYTES:
        counts = _offsets(map(len, chains))
        yield Chunk(b"".join(certificates), counts, _offsets(lengths))
        return
    for piece in _pieces([sum(map(len, one)) for one in chains]):
        some = chains[piece]
        parts = list(chain.from_iterable(some))
        counts = _offsets(map(len, some))
        yield Chunk(b"".join(parts), counts, _offsets(map(len, parts)))


def _mixed(chains: list[Any]) -> Iterator[Chunk]:
    """Both forms in one piece: runs of each, and every buffer made bytes."""
    run: list[Any] = []
    was_flat = True
    for one in chains:
        flat = _flat(one)
        if run and (flat is not None) is not was_flat:
            yield from (_join_flat if was_flat else _join_parted)(run)
            run = []
        was_flat = flat is not None
        run.append(flat if flat is not None else _parts(one))
    yield from (_join_flat if was_flat else _join_parted)(run)


def _flat(value: Any) -> bytes | None:
    try:
        return bytes(memoryview(value))
    except TypeError:
        return None


def _parts(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not _iterable(value):
        _settings.refuse(_EXPECTED, f"{_name(value)} among them")
    return tuple(value)


def _as_bytes(value: Any) -> bytes:
    flat = _flat(value)
    if flat is None:
        _settings.refuse(_EXPECTED, f"{_name(value)} in a chain")
    return flat
