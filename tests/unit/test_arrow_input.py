# SPDX-License-Identifier: Apache-2.0
"""Arrow columns into verify_many: every layout, slices, nulls, and broken ones."""

from __future__ import annotations

import ctypes
import gc
import sys
from array import array
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from tests.support import batch

from handfast import ConfigError, Reason, Verifier
from handfast._ffi import arrow
from handfast.testing import forge, forge_intermediate

FLAT = [pa.binary(), pa.large_binary(), pa.binary_view()]
LISTS = [make(inner) for make in (pa.list_, pa.large_list) for inner in FLAT]


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(batch.root().bundle)


def verdicts(verifier: Verifier, chains: Any) -> list[batch.Verdict]:
    return [batch.in_batch(item) for item in verifier.verify_many(chains)]


def flat_chains() -> list[bytes]:
    return [b"".join(parts) for parts in batch.chains()]


@pytest.mark.parametrize("kind", FLAT, ids=str)
def test_binary_columns(verifier: Verifier, kind: Any) -> None:
    chains = flat_chains()
    assert verdicts(verifier, pa.array(chains, kind)) == verdicts(verifier, chains)


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_columns_of_lists(verifier: Verifier, kind: Any) -> None:
    chains = [list(parts) for parts in batch.chains()]
    assert verdicts(verifier, pa.array(chains, kind)) == verdicts(verifier, chains)


@pytest.mark.parametrize("kind", [*FLAT, *LISTS], ids=str)
@pytest.mark.parametrize("cut", [(0, 0), (0, 1), (7, 40), (63, 66), (170, None)])
def test_slices_begin_where_they_say(
    verifier: Verifier, kind: Any, cut: tuple[int, int | None]
) -> None:
    """Offsets, bits and the children of lists all move with a slice."""
    chains: list[Any] = (
        flat_chains() if kind in FLAT else [list(parts) for parts in batch.chains()]
    )
    holes = [None if n % 5 == 1 else one for n, one in enumerate(chains)]
    part = slice(*cut)
    empty = [() if one is None else one for one in holes[part]]
    whole = pa.array(holes, kind)
    assert verdicts(verifier, whole[part]) == verdicts(verifier, empty)
    # What was sliced before it came into a list keeps an offset of its own.
    moved = pa.concat_arrays([whole[:3], whole])[3:][part]
    assert verdicts(verifier, moved) == verdicts(verifier, empty)


@pytest.mark.parametrize("kind", [*FLAT, *LISTS], ids=str)
def test_chunked_columns(verifier: Verifier, kind: Any) -> None:
    chains: list[Any] = (
        flat_chains() if kind in FLAT else [list(parts) for parts in batch.chains()]
    )
    whole = pa.array(chains, kind)
    pieces = [whole[:50], whole[50:50], whole[50:51], whole[51:]]
    column = pa.chunked_array(pieces, kind)
    assert verdicts(verifier, column) == verdicts(verifier, chains)
    told: list[tuple[int, int | None]] = []
    verifier.verify_many(column, progress=lambda *it: told.append(it))
    assert told[-1] == (len(chains), len(chains))


def test_a_column_without_chains(verifier: Verifier) -> None:
    for kind in (*FLAT, *LISTS):
        assert len(verifier.verify_many(pa.array([], kind))) == 0
        assert len(verifier.verify_many(pa.chunked_array([], kind))) == 0
        nulls = verifier.verify_many(pa.nulls(3, kind))
        assert list(nulls.reasons) == [Reason.CHAIN_EMPTY] * 3


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_a_null_in_a_chain_makes_it_no_chain(verifier: Verifier, kind: Any) -> None:
    """It is not passed over, as if the other certificates were all there were."""
    good = list(forge(forge_intermediate(batch.root()), batch.WEB).chain)
    rows = [good, [*good, None], [None], [None, *good], [], good, None, good]
    column = pa.array([*rows, *rows], kind)
    for start in range(len(rows)):
        result = verifier.verify_many(column[start : start + 8])
        expected = [rows[n % 8] is good for n in range(start, start + 8)]
        assert result.ok.tolist() == expected
        assert set(result.reasons) == {None, Reason.CHAIN_EMPTY}


def test_a_null_with_bytes_behind_it_is_still_none(verifier: Verifier) -> None:
    """Arrow does not say what lies behind a null: here it is a good chain."""
    good = forge(batch.root(), batch.WEB).chain[0]
    whole = pa.array([good, good, good], pa.binary())
    bits = pa.py_buffer(b"\x05")
    holed = pa.Array.from_buffers(pa.binary(), 3, [bits, *whole.buffers()[1:]])
    assert verifier.verify_many(holed).ok.tolist() == [True, False, True]
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3], pa.int32()), holed)
    assert verifier.verify_many(lists).ok.tolist() == [False, True]


class Foreign:
    """A column of some library that is not pyarrow."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._inner.__arrow_c_array__(requested_schema)


class ForeignStream:
    """The same for a stream; it goes once, as streams do."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._inner.__arrow_c_stream__(requested_schema)


def test_any_library_will_do(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of pyarrow's is used but what it hands out through the interface."""
    chains = flat_chains()
    column = pa.array(chains)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    expected = verdicts(verifier, chains)
    assert verdicts(verifier, Foreign(column)) == expected
    assert verdicts(verifier, ForeignStream(pa.chunked_array([column]))) == expected


def test_a_stream_that_fails_says_why(verifier: Verifier) -> None:
    """The producer's own words, as an I/O error; not the end of the column."""
    capsule = pa.chunked_array([pa.array([b"0"])]).__arrow_c_stream__()
    address = arrow._open_capsule(capsule, b"arrow_array_stream")
    stream = ctypes.cast(address, ctypes.POINTER(arrow._Stream))[0]
    kinds = dict(arrow._Stream._fields_)  # type: ignore[arg-type]
    broken = kinds["get_next"](lambda _stream, _array: 5)
    text = ctypes.create_string_buffer(b"the disk is on fire")
    text_at = ctypes.addressof(text)
    words = kinds["get_last_error"](lambda _stream: text_at)
    stream.get_next, stream.get_last_error = broken, words

    class Reader:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return capsule

    with pytest.raises(OSError, match="the disk is on fire") as caught:
        verifier.verify_many(Reader())
    assert caught.value.errno == 5


@pytest.mark.parametrize(
    ("column", "seen"),
    [
        (pa.array(["text"]), "'u'"),
        (pa.array([1, 2]), "'l'"),
        (pa.array([b"12"], pa.binary(2)), "'w:2'"),
        (pa.array([["text"]]), r"'\+lu'"),
        (pa.array([[[b"0"]]]), r"'\+l\+l'"),
        (pa.array([[b"0"]], pa.list_(pa.binary(), 1)), r"'\+w:1'"),
        (pa.array([b"0"]).dictionary_encode(), "dictionary"),
        (pa.table({"chain": [b"0"]}), "one of its columns"),
        (pa.record_batch({"chain": [b"0"]}), "one of its columns"),
    ],
    ids=lambda value: str(getattr(value, "type", type(value).__name__)),
)
def test_other_columns_are_refused(verifier: Verifier, column: Any, seen: str) -> None:
    with pytest.raises(ConfigError, match=seen):
        verifier.verify_many(column)


def offsets_of(numbers: Sequence[int]) -> tuple[Any, Any]:
    """A buffer of offsets, and a view to change them by afterwards."""
    data = bytearray(array("i", numbers))
    return pa.py_buffer(data), memoryview(data).cast("i")


@pytest.mark.parametrize("offsets", [[0, 10**6, 10**7], [4, 2, 6], [-8, 0, 4]])
@pytest.mark.parametrize("deep", [False, True])
def test_a_broken_array_is_an_error(
    verifier: Verifier, offsets: Sequence[int], *, deep: bool
) -> None:
    """As it may come from a file: pyarrow does not look when it maps one."""
    numbers, change = offsets_of([0, 0, 0])
    data = pa.py_buffer(b"0123456")
    broken = pa.Array.from_buffers(pa.binary(), 2, [None, numbers, data])
    if deep:
        ends = pa.array([0, 1, 2], pa.int32()).buffers()[1]
        kind = pa.list_(pa.binary())
        broken = pa.Array.from_buffers(kind, 2, [None, ends], children=[broken])
    change[:] = array("i", offsets)
    with pytest.raises(ConfigError, match="sound array"):
        verifier.verify_many(broken)


class OwnArray(pa.ExtensionArray):  # type: ignore[misc]
    """Of an extension type outside of pyarrow."""


class OwnType(pa.ExtensionType):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(pa.binary(), "handfast.test")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    def __arrow_ext_class__(self) -> type:
        return OwnArray


def test_an_extension_array_is_checked_like_any_other(verifier: Verifier) -> None:
    numbers, change = offsets_of([0, 0, 0])
    inner = pa.Array.from_buffers(pa.binary(), 2, [None, numbers, pa.py_buffer(b"01")])
    broken = pa.ExtensionArray.from_storage(OwnType(), inner)
    assert type(broken) is OwnArray
    assert verifier.verify_many(broken).refused == len(broken)
    change[:] = array("i", [0, 10**6, 10**7])
    with pytest.raises(ConfigError, match="sound array"):
        verifier.verify_many(broken)


@pytest.mark.parametrize("ends", [[0, 3, 5], [2, 1, 2], [-1, 0, 1]])
def test_lists_that_point_elsewhere_are_an_error(
    verifier: Verifier, ends: list[int]
) -> None:
    """Their elements' number is known: this is found without pyarrow's help, too."""
    inner = pa.array([b"0", b"1"])
    numbers, change = offsets_of([0, 0, 0])
    kind = pa.list_(pa.binary())
    broken = pa.Array.from_buffers(kind, 2, [None, numbers], children=[inner])
    change[:] = array("i", ends)
    for column in (broken, Foreign(broken)):
        with pytest.raises(ConfigError):
            verifier.verify_many(column)


def test_nothing_is_copied() -> None:
    """The views are the producer's own buffers."""
    column = pa.array([b"0" * 100, b"1" * 100])
    views = next(arrow.read_arrow(column))
    data, offsets = views.data, views.offsets
    assert pa.py_buffer(data).address == column.buffers()[2].address
    assert pa.py_buffer(offsets).address == column.buffers()[1].address


def test_buffers_are_given_back() -> None:
    """Of a stream, each array as soon as the next one is asked for."""
    gc.collect()
    before = pa.total_allocated_bytes()
    column = pa.chunked_array([pa.array([bytes(10_000)] * 100) for _ in range(5)])
    reader = arrow.read_arrow(ForeignStream(column))
    del column
    held = []
    for views in reader:
        assert len(views.offsets) == 101
        del views
        held.append(pa.total_allocated_bytes() - before)
    del reader
    gc.collect()
    assert pa.total_allocated_bytes() == before
    assert held == sorted(held, reverse=True)
