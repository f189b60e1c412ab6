# SPDX-License-Identifier: Apache-2.0
"""Streams made to cost more than they are long: reading takes time in proportion."""

from __future__ import annotations

import io
import os
import time
from itertools import repeat
from pathlib import Path

import pytest

from handfast import Reason
from handfast.cli.verify_batch import take_piece
from handfast.cli.verify_batch_input import Entry, Inputs
from handfast.cli.verify_batch_output import Row, open_sinks
from handfast.cli.verify_batch_read import read_certificates
from handfast.cli.verify_batch_split import says_ca, split_chains
from handfast.testing import der

_LEN = 1 << 20
# In proportion it is a fifth of a second; by its square it was half a minute.
_SECONDS = 5.0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"-----BEGIN " * (_LEN // 11), id="beginnings"),
        pytest.param(
            b"-----BEGIN " * (_LEN // 22) + b"-----END " + b"x" * (_LEN // 2),
            id="beginnings-before-an-end-without-an-edge",
        ),
        pytest.param(b"-----END " * (_LEN // 9), id="ends"),
        pytest.param(
            b"\x30\x81\x80" + bytes(128) + b"\x30\x00" * (_LEN // 2), id="der"
        ),
    ],
)
def test_a_hostile_stream_costs_no_more_than_its_length(data: bytes) -> None:
    """P8: work is bounded by what is read."""
    begin = time.process_time()
    for _ in read_certificates(io.BytesIO(data)):
        assert time.process_time() - begin < _SECONDS
    assert time.process_time() - begin < _SECONDS


@pytest.mark.parametrize(
    "extension",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x06\x03\x55\x1d\x13", id="a-name-alone"),
        pytest.param(b"\x04\x03\x30\x01\x01", id="a-value-alone"),
        pytest.param(b"\x06\x03\x55\x1d\x13\x04\x00", id="an-empty-value"),
    ],
)
def test_a_torn_extension_does_not_end_the_stream(extension: bytes) -> None:
    """P7: what is broken is the verifier's to refuse, in its place."""
    whole = bytes.fromhex("300c0603551d130405300301 01ff")
    extensions = der.context(3, der.sequence(der.sequence(extension), whole))
    torn, leaf = der.sequence(der.sequence(extensions)), der.sequence()
    assert says_ca(torn)
    assert list(split_chains([leaf, torn, leaf])) == [[leaf, torn], [leaf]]


@pytest.mark.parametrize("chain", [bytes(_LEN), [bytes(_LEN // 4)] * 4])
def test_a_piece_of_large_chains_has_few_of_them(chain: bytes | list[bytes]) -> None:
    """P8: memory is bounded by bytes, not only by chains."""
    assert len(take_piece(repeat(Entry("large.der", None, chain)))) == 64


@pytest.mark.parametrize("chain", [b"", [], b"\x30\x00", Reason.PEM_INVALID])
def test_a_piece_of_small_chains_has_thousands(
    chain: bytes | list[bytes] | Reason,
) -> None:
    assert len(take_piece(repeat(Entry("small.der", None, chain)))) == 4096
    assert take_piece(iter([])) == []


def test_any_name_of_a_file_can_be_written_down(tmp_path: Path) -> None:
    """Not UTF-8, an escape, a line end: none may end the batch or reach a terminal."""
    name = os.fsdecode(b"\xff\x1b[31m\n.pem")
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / name).symlink_to("nowhere")
    inputs = Inputs([tmp_path], split=False)
    names = [entry.file for entry in inputs]
    names += [file for file, _ in inputs.unreadable]
    assert [file.rpartition("/")[2] for file in names] == [
        "\\udcff\\x1b[31m\\n.pem"
    ] * 2
    rows = [Row(file, None, True, None, None, "id", 0) for file in names]
    table, arrow = tmp_path / "a.csv", tmp_path / "a.arrow"
    with open_sinks(as_json=True, csv_file=table, arrow_file=arrow) as sinks:
        for sink in sinks:
            sink.add(rows)
    assert len(table.read_text("utf-8").splitlines()) == 3
