# SPDX-License-Identifier: Apache-2.0
"""BatchResult: columns, rows, parts, sums, and what other libraries get of it."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support import batch

from handfast import BatchResult, BatchSummary, Reason, Verifier
from handfast.batch_export import arrow_schema
from handfast.reasons import ROWS
from handfast.testing import forge


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(batch.root().bundle)


@pytest.fixture(scope="module")
def result(verifier: Verifier) -> BatchResult:
    return verifier.verify_many(batch.chains())


def test_columns_are_read_only_views_of_their_types(result: BatchResult) -> None:
    columns: dict[str, tuple[memoryview[Any], str]] = {
        "ok": (result.ok, "?"),
        "reason": (result.reason, "I"),
        "not_after": (result.not_after, "q"),
        "depth": (result.depth, "b"),
    }
    for name, (column, kind) in columns.items():
        assert (len(column), column.format) == (len(result), kind), name
        assert column.readonly, name


def test_rows_and_columns_say_the_same(result: BatchResult) -> None:
    for index in range(len(result)):
        item = result[index]
        assert item == result[index - len(result)]
        assert item.index == index
        assert item.ok is result.ok[index]
        assert item.ok is (item.reason is None)
        assert item.ok is (result.reason[index] == 0)
        assert item.reason is result.reasons[index]
        assert item.spiffe_id == result.spiffe_id[index]
        assert item.depth == (None if result.depth[index] < 0 else result.depth[index])
        if item.ok:
            assert item.not_after is not None
            assert item.not_after.timestamp() == result.not_after[index]
        else:
            assert (item.spiffe_id, item.not_after) == (None, None)
            assert result.not_after[index] == 0
            assert item.reason is not None
            assert ROWS[item.reason].code == result.reason[index]


def test_iteration_gives_every_row(result: BatchResult) -> None:
    assert list(result) == [result[index] for index in range(len(result))]


def test_an_index_beyond_the_end_is_an_error(result: BatchResult) -> None:
    for index in (len(result), -len(result) - 1):
        with pytest.raises(IndexError):
            result[index]
        with pytest.raises(IndexError):
            result.spiffe_id[index]


@pytest.mark.parametrize(
    "part",
    [
        slice(None),
        slice(3, 40),
        slice(40, 3),
        slice(-20, None),
        slice(0, 0),
        slice(1000, 2000),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(30, 3, -4),
        slice(3, 30, -4),
    ],
    ids=repr,
)
def test_a_part_is_a_result_of_its_own(result: BatchResult, part: slice) -> None:
    some = result[part]
    rows = range(len(result))[part]
    assert [batch.in_batch(item) for item in some] == [
        batch.in_batch(result[row]) for row in rows
    ]
    assert [item.index for item in some] == list(range(len(rows)))
    assert list(some.spiffe_id) == [result.spiffe_id[row] for row in rows]
    assert list(result.spiffe_id[part]) == list(some.spiffe_id)
    assert list(result.reasons[part]) == list(some.reasons)
    assert len(some.to_arrow()) == len(rows)
    assert some[1:][:-1] == some[1:-1]


def test_a_part_shares_the_columns(result: BatchResult) -> None:
    arrays, some = result.to_numpy(), result[2:9].to_numpy()
    for name in ("ok", "reason", "not_after", "depth", "spiffe_id_offsets"):
        assert np.shares_memory(arrays[name], some[name]), name


def test_sums(result: BatchResult) -> None:
    refused = [item for item in result if not item.ok]
    assert result.refused == len(refused) == len(result) - result.accepted
    assert list(result.refusals()) == refused
    assert not result.all_ok
    assert result[0:0].all_ok
    summary = result.summary()
    assert (summary.total, summary.accepted) == (len(result), result.accepted)
    assert summary.refused == sum(summary.by_reason.values())
    for reason, count in summary.by_reason.items():
        assert count == list(result.reasons).count(reason)
    counts = list(summary.by_reason.values())
    assert counts == sorted(counts, reverse=True)
    assert result[:10].summary() + result[10:].summary() == summary


def test_a_summary_is_for_people() -> None:
    summary = BatchSummary(
        total=12345, accepted=12340, by_reason={Reason.CERTIFICATE_EXPIRED: 5}
    )
    assert str(summary) == (
        "12,345 chains: 12,340 accepted, 5 refused\n"
        "       5  certificate_expired: the certificate has expired"
    )


def test_it_is_not_taken_for_a_verdict(result: BatchResult) -> None:
    """`if verifier.verify_many(chains):` must not read as "they are good"."""
    with pytest.raises(TypeError, match="all_ok"):
        bool(result)


def test_equality_is_that_of_the_verdicts(result: BatchResult) -> None:
    assert result == result[:]
    assert result != result[1:]
    assert result[0:1] != result[-1:] or result[0] == result[-1]
    assert (result == "something else") is False
    with pytest.raises(TypeError):
        hash(result)


def test_identities_are_a_part_of_equality(verifier: Verifier) -> None:
    now = dt.datetime.now(dt.UTC)
    one, two = (
        verifier.verify_many(
            [forge(batch.root(), f"spiffe://a.example/{name}", now=now).chain]
        )
        for name in ("web", "api")
    )
    assert one.not_after[0] == two.not_after[0]
    assert one != two


def test_it_travels_to_other_processes(result: BatchResult) -> None:
    assert pickle.loads(pickle.dumps(result)) == result
    assert copy.deepcopy(result[3:7]) == result[3:7]
    assert "accepted" in repr(result)
    assert "column" in repr(result.spiffe_id)


def test_codes_of_a_newer_engine_are_no_acceptance() -> None:
    """P7: an unknown reason is a refusal that we do not understand, never None."""
    odd = BatchResult(
        ok=b"\0",
        reason=(0xEEEE).to_bytes(4, sys.byteorder),
        not_after=bytes(8),
        depth=b"\xff",
        id_offsets=bytes(16),
        ids=b"",
    )
    assert odd[0].reason is odd.reasons[0] is Reason.INTERNAL
    assert odd.summary().by_reason == {Reason.INTERNAL: 1}


def test_times_behind_the_last_year_are_the_last_moment() -> None:
    web = batch.WEB.encode()
    late = BatchResult(
        ok=b"\1",
        reason=bytes(4),
        not_after=(2**62).to_bytes(8, sys.byteorder),
        depth=b"\xff",
        id_offsets=bytes(8) + len(web).to_bytes(8, sys.byteorder),
        ids=web,
    )
    assert late[0].not_after == dt.datetime.max.replace(tzinfo=dt.UTC)
    assert str(late[0].spiffe_id) == batch.WEB


def test_arrow_gets_the_columns(result: BatchResult) -> None:
    table = result.to_arrow()
    table.validate(full=True)
    assert table.schema == arrow_schema()
    for item, row in zip(result, table.to_pylist(), strict=True):
        assert row == {
            "ok": item.ok,
            "reason": None if item.reason is None else str(item.reason),
            "spiffe_id": None if item.spiffe_id is None else str(item.spiffe_id),
            "not_after": item.not_after,
            "depth": item.depth,
        }


def test_arrow_borrows_the_large_columns(result: BatchResult) -> None:
    """No copy: the batch's buffers are the result's, at the same addresses."""
    table, arrays = result.to_arrow(), result.to_numpy()

    def address(name: str) -> int:
        return int(arrays[name].__array_interface__["data"][0])

    assert table["not_after"].buffers()[1].address == address("not_after")
    assert table["depth"].buffers()[1].address == address("depth")
    _, offsets, data = table["spiffe_id"].buffers()
    assert offsets.address == address("spiffe_id_offsets")
    assert data.address == address("spiffe_id_data")


def test_parts_put_together_are_one_table(result: BatchResult) -> None:
    parts = [result[:20].to_arrow(), result[20:].to_arrow()]
    assert pa.Table.from_batches(parts).to_pylist() == result.to_arrow().to_pylist()


def test_numpy_gets_the_columns(result: BatchResult) -> None:
    arrays = result.to_numpy()
    assert {name: str(column.dtype) for name, column in arrays.items()} == {
        "ok": "bool",
        "reason": "uint32",
        "not_after": "int64",
        "depth": "int8",
        "spiffe_id_offsets": "int64",
        "spiffe_id_data": "uint8",
    }
    assert arrays["ok"].sum() == result.accepted
    with pytest.raises(ValueError, match="read-only"):
        arrays["ok"][0] = True
    start, end = arrays["spiffe_id_offsets"][[result.ok.tolist().index(True), -1]]
    assert bytes(arrays["spiffe_id_data"][start:end]).startswith(b"spiffe://")


@pytest.mark.parametrize(
    ("library", "extra"), [("pyarrow", "arrow"), ("numpy", "numpy")]
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    result: BatchResult, monkeypatch: pytest.MonkeyPatch, library: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    export: Any = result.to_arrow if extra == "arrow" else result.to_numpy
    with pytest.raises(ModuleNotFoundError, match=rf"handfast\[{extra}\]"):
        export()
