# SPDX-License-Identifier: Apache-2.0
"""Binary columns of any Arrow library, where they lie: the Arrow C data interface.

A producer (pyarrow, polars, nanoarrow, ...) hands out PyCapsules that point to
structs with pointers to its buffers; what is read here are those structs, so that no
Arrow library is needed and nothing is copied. The structs and their rules are those of
https://arrow.apache.org/docs/format/CDataInterface.html.

The interface does not say how long buffers are: who hands them out vouches for its
offsets, as for every consumer of the interface. pyarrow can check its own arrays, which
matters for those read from files of strangers, and is asked to.

This is the one place with ctypes: only CPython itself opens a capsule. A view that is
yielded here is good until the generator goes on: then its buffers are given back.
"""

from __future__ import annotations

import ctypes
import struct
from array import array as array_of
from bisect import bisect_right
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, Literal, NoReturn, TypeAlias

from handfast.errors import ConfigError, Reason, detail_for

_P, _I = ctypes.c_void_p, ctypes.c_int64


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", _P),
    ("flags", _I),
    ("n_children", _I),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.POINTER(_Schema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))),
    ("private_data", _P),
]
_Array._fields_ = [
    ("length", _I),
    ("null_count", _I),
    ("offset", _I),
    ("n_buffers", _I),
    ("n_children", _I),
    ("buffers", ctypes.POINTER(_P)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", _P),
]
_Stream._fields_ = [
    (
        "get_schema",
        ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema)
        ),
    ),
    (
        "get_next",
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array)),
    ),
    (
        "get_last_error",
        ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream)),
    ),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))),
    ("private_data", _P),
]

_open_capsule: Any = ctypes.pythonapi.PyCapsule_GetPointer
_open_capsule.restype = _P
_open_capsule.argtypes = [ctypes.py_object, ctypes.c_char_p]

_Kinds: TypeAlias = Mapping[bytes, Literal["i", "q"]]

# Formats, and the kind of their offsets.
_BINARY: Final[_Kinds] = {b"z": "i", b"Z": "q"}
_LISTS: Final[_Kinds] = {b"+l": "i", b"+L": "q"}
_WIDTHS: Final = {"i": 4, "q": 8}
_VIEW: Final = b"vz"  # binary_view: elements anywhere in several buffers
_WANTED: Final = "an Arrow column of binary or large_binary, or of lists of them"
_INLINE_MAX: Final = 12
_PLACE: Final = struct.Struct("<iiii")  # length, prefix, which buffer, where in it


@dataclass(frozen=True, slots=True)
class ArrowChains:
    """One array's buffers, as views.

    Attributes:
        data: All certificates.
        offsets: Where chains begin, one more than there are: in `data`, or in `certs`.
        certs: Where certificates begin in `data`; None when chains are binary.
        present: Bits: 0 for a null; None when there is none.
        present_at: The first chain's bit.
    """

    data: memoryview
    offsets: memoryview
    certs: memoryview | None
    present: memoryview | None
    present_at: int


def is_arrow(value: object) -> bool:
    """Whether an object hands out an array or a stream of arrays."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def read_arrow(value: Any) -> Iterator[ArrowChains]:
    """Go over the arrays of a column.

    Raises:
        ConfigError: it is no column of binary or of lists of binary, or broken.
        OSError: a stream's producer failed.
    """
    if _is_pyarrow(value) and hasattr(value, "validate"):
        _check(value)
    if hasattr(value, "__arrow_c_stream__"):
        yield from _read_stream(value.__arrow_c_stream__())
        return
    schema, array = value.__arrow_c_array__()
    # The capsules own the structs and give them back when they go.
    kind = ctypes.cast(_open_capsule(schema, b"arrow_schema"), ctypes.POINTER(_Schema))
    content = ctypes.cast(_open_capsule(array, b"arrow_array"), ctypes.POINTER(_Array))
    yield from _views(kind[0], content[0])


def _is_pyarrow(value: object) -> bool:
    # Extension types bring array classes of their own, from anywhere.
    return any(
        kind.__module__.partition(".")[0] == "pyarrow" for kind in type(value).__mro__
    )


def _check(value: Any) -> None:
    try:
        value.validate(full=True)
    except ValueError as error:  # pyarrow.ArrowInvalid is one
        raise ConfigError(
            detail_for(Reason.CONFIG_INVALID, expected="a sound array", seen=str(error))
        ) from error


def _read_stream(capsule: object) -> Iterator[ArrowChains]:
    address = _open_capsule(capsule, b"arrow_array_stream")
    stream = ctypes.cast(address, ctypes.POINTER(_Stream))
    with _filled(stream, stream[0].get_schema, _Schema) as schema:
        while True:
            with _filled(stream, stream[0].get_next, _Array) as array:
                if not array.release:  # the end
                    return
                yield from _views(schema, array)


@contextmanager
def _filled(stream: Any, fill: Any, kind: Any) -> Generator[Any]:
    """Let a stream fill in a struct, and give it back afterwards."""
    made = kind()
    code = fill(stream, ctypes.byref(made))
    if code != 0:
        text = stream[0].get_last_error(stream)
        raise OSError(code, f"the Arrow stream failed: {(text or b'').decode()}")
    try:
        yield made
    finally:
        if made.release:
            made.release(ctypes.byref(made))


def _refuse(seen: str) -> NoReturn:
    raise ConfigError(detail_for(Reason.CONFIG_INVALID, expected=_WANTED, seen=seen))


def _kind(schema: Any) -> bytes:
    if schema.dictionary:
        _refuse("a dictionary-encoded one: decode it first")
    kind: bytes = schema.format
    if kind == b"+s":
        _refuse("a table or struct: pass one of its columns")
    return kind


def _views(schema: Any, array: Any) -> Iterator[ArrowChains]:
    kind = _kind(schema)
    if array.length < 0 or array.offset < 0:
        _refuse("a negative length")
    if kind in _BINARY or kind == _VIEW:
        if array.length:
            offsets, data = _binary(array, kind)
            yield ArrowChains(data, offsets, None, _present(array), array.offset)
        return
    inner = _kind(schema.children[0][0]) if kind in _LISTS else b""
    if inner not in _BINARY and inner != _VIEW:
        _refuse(f"the format {(kind + inner).decode(errors='replace')!r}")
    if not array.length:
        return
    child = array.children[0][0]
    offsets = _numbers(array.buffers[1], _LISTS[kind], array.offset, array.length + 1)
    if offsets[len(offsets) - 1] > child.length:
        _refuse("lists that end behind their elements")
    certs, data = _binary(child, inner)
    present = _without_nulls(array, child, offsets)
    yield ArrowChains(data, offsets, certs, present, array.offset)


def _bytes(address: int | None, count: int) -> memoryview[int]:
    if not address or count <= 0:
        return memoryview(b"")
    return memoryview((ctypes.c_ubyte * count).from_address(address)).cast("B")


def _numbers(
    address: int | None, kind: Literal["i", "q"], start: int, count: int
) -> memoryview[int]:
    if not address:  # allowed where there is nothing to point to
        return memoryview(bytes(8 * count)).cast("q")
    width = _WIDTHS[kind]
    return _bytes(address + start * width, count * width).cast(kind)


def _binary(array: Any, kind: bytes) -> tuple[memoryview[int], memoryview[int]]:
    """Where elements begin, and their bytes."""
    if kind == _VIEW:
        return _gather(array)
    start: int = array.offset
    count: int = array.length
    offsets = _numbers(array.buffers[1], _BINARY[kind], start, count + 1)
    return offsets, _bytes(array.buffers[2], offsets[count])


def _gather(array: Any) -> tuple[memoryview[int], memoryview[int]]:
    """Put the elements of a binary view together: these do not lie in a row."""
    count: int = array.length
    last: int = array.n_buffers - 1
    views = _bytes(array.buffers[1], (array.offset + count) * 16)
    sizes = _numbers(array.buffers[last], "q", 0, last - 2)
    heaps = [_bytes(array.buffers[2 + i], size) for i, size in enumerate(sizes)]
    parts: list[memoryview[int]] = []
    size: int
    heap: int
    start: int
    for index in range(count):
        place: int = (array.offset + index) * 16
        size, _, heap, start = _PLACE.unpack_from(views, place)
        if size <= _INLINE_MAX:
            parts.append(views[place + 4 : place + 4 + max(size, 0)])
            continue
        if not (0 <= heap < len(heaps) and 0 <= start <= heaps[heap].nbytes - size):
            _refuse("a view of what is not there")
        parts.append(heaps[heap][start : start + size])
    offsets = array_of("q", accumulate(map(len, parts), initial=0))
    return memoryview(offsets), memoryview(b"".join(parts))


def _present(array: Any) -> memoryview[int] | None:
    address = array.buffers[0]
    if not address or not array.null_count:
        return None
    return _bytes(address, (array.offset + array.length + 7) // 8)


def _zero_bits(bits: memoryview[int], start: int, count: int) -> Iterator[int]:
    for index in range(start, start + count):
        if not bits[index >> 3] >> (index & 7) & 1:
            yield index - start


def _without_nulls(
    array: Any, child: Any, offsets: memoryview[int]
) -> memoryview[int] | None:
    """A chain with a null in it is no chain either: its own bit is taken away."""
    inner, own = _present(child), _present(array)
    if inner is None:
        return own
    size = (array.offset + array.length + 7) // 8
    bits = bytearray(own if own is not None else b"\xff" * size)
    for null in _zero_bits(inner, child.offset, child.length):
        # Lists before the first element or behind the last belong to other slices.
        chain = bisect_right(offsets, null) - 1
        if 0 <= chain < array.length:
            place = array.offset + chain
            bits[place >> 3] &= ~(1 << (place & 7)) & 0xFF
    return memoryview(bits)
