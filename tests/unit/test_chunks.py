# SPDX-License-Identifier: Apache-2.0
"""Cutting a corpus into pieces: nothing lost, nothing moved, in every form."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from tests.support import batch

from handfast import _chunks
from handfast._chunks import Chunk, cut

SOME = [(b"a", b"bc"), (), (b"def",), (b"", b"g"), (b"h" * 9,), (b"", b""), (b"i",)]
FLAT = [b"".join(parts) for parts in SOME]


def parts_of(chunk: Chunk) -> list[Any]:
    """What the engine would see: certificates, or bytes, or None."""
    found: list[Any] = []
    for index in range(len(chunk)):
        bit = chunk.present_at + index
        if chunk.present is not None and not chunk.present[bit >> 3] >> (bit & 7) & 1:
            found.append(None)
            continue
        first, last = chunk.offsets[index], chunk.offsets[index + 1]
        if chunk.certs is None:
            found.append(bytes(chunk.data[first:last]))
            continue
        ends = chunk.certs
        found.append(
            tuple(bytes(chunk.data[ends[n] : ends[n + 1]]) for n in range(first, last))
        )
    return found


FORMS: dict[str, tuple[Any, list[Any]]] = {
    "bytes": (FLAT, FLAT),
    "tuples": (SOME, SOME),
    "lists": ([list(parts) for parts in SOME], SOME),
    "mixed": ([*SOME, *FLAT, *SOME], [*SOME, *FLAT, *SOME]),
    "generator": (lambda: iter(SOME), SOME),
    "buffer": (batch.flat_buffer(FLAT, "i"), FLAT),
    "buffer of certificates": (batch.parted_buffer(SOME), SOME),
    "binary": (pa.array([*FLAT, None, b"z"]), [*FLAT, None, b"z"]),
    "sliced": (pa.array([b"q", None, *FLAT, b"z"])[1:-1], [None, *FLAT]),
    "views": (pa.array([*FLAT, None], pa.binary_view()), [*FLAT, None]),
    "list column": (pa.array([None, *map(list, SOME)])[1:], SOME),
    "chunked": (pa.chunked_array([FLAT[:2], [], FLAT[2:]], pa.binary()), FLAT),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("form", FORMS)
def test_the_pieces_are_the_whole(form: str, size: int) -> None:
    chains, expected = FORMS[form]
    found: list[Any] = []
    for chunk in cut(chains() if callable(chains) else chains, size):
        assert 1 <= len(chunk) <= size
        found += parts_of(chunk)
    assert found == expected


@pytest.mark.parametrize("form", ["bytes", "tuples", "mixed", "generator"])
@pytest.mark.parametrize("most", [1, 4, 10])
def test_a_piece_of_large_chains_has_fewer(
    form: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: what is joined is bounded in bytes, too, unless one alone has more."""
    monkeypatch.setattr(_chunks, "_BYTES", most)
    chains, expected = FORMS[form]
    found: list[Any] = []
    for chunk in cut(chains() if callable(chains) else chains, 100):
        assert (
            len(chunk.data) <= most or len([p for p in parts_of(chunk) if any(p)]) == 1
        )
        found += parts_of(chunk)
    assert found == expected


def test_buffers_are_cut_without_a_copy() -> None:
    whole = batch.flat_buffer([bytes(10)] * 5)
    for chunk in cut(whole, 2):
        assert chunk.data.obj is whole.data.obj
        assert chunk.offsets.obj is whole.offsets.obj


def test_how_many_there_are_is_known_before_or_not() -> None:
    known: list[Any] = [
        SOME,
        tuple(SOME),
        batch.flat_buffer(FLAT),
        pa.array(FLAT),
        pa.chunked_array([FLAT]),
    ]
    assert [_chunks.count_of(one) for one in known] == [len(SOME)] * len(known)
    assert _chunks.count_of(iter(SOME)) is None
