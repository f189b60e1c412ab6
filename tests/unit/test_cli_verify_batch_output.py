# SPDX-License-Identifier: Apache-2.0
"""What `handfast verify --batch` says to a person and writes into tables."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.ipc
import pytest
from tests.support.batch_command import (
    Chain,
    corpus,
    lie_about,
    lines,
    pem,
    run,
    trusting,
)

from handfast.cli.verify_batch_output import open_sinks


@pytest.fixture
def some() -> tuple[Chain, ...]:
    return corpus()


@pytest.fixture
def trust(tmp_path: Path) -> tuple[str, str]:
    return trusting(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "svids"
    lie_about(folder)
    return folder


def test_a_person_sees_refusals_and_sums(folder: Path, trust: tuple[str, str]) -> None:
    done = run(*trust, folder)
    assert done.returncode == 1
    out = done.stdout.decode()
    assert "2.crt: certificate_expired, the certificate has expired" in out
    assert "4 chains: 3 accepted, 1 refused" in out
    assert "0.pem" not in out
    # No terminal, no progress bar.
    assert done.stderr == b""


def test_a_person_is_spared_thousands_of_lines(
    tmp_path: Path, trust: tuple[str, str], some: tuple[Chain, ...]
) -> None:
    done = run(*trust, "-", data=pem(*[some[2]] * 500))
    out = done.stdout.decode()
    assert out.count("certificate_expired,") == 20
    assert "480 more" in out
    assert "500 chains: 0 accepted, 500 refused" in out


def test_tables_for_others(
    folder: Path, trust: tuple[str, str], tmp_path: Path
) -> None:
    table, arrow = tmp_path / "out.csv", tmp_path / "out.arrow"
    done = run(*trust, "--csv", table, "--arrow", arrow, "--json", folder)
    expected = lines(done)[:-1]
    with pa.OSFile(str(arrow)) as file:
        columns = pyarrow.ipc.open_file(file).read_all()
    columns.validate(full=True)
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8"))))
    assert len(rows) == len(columns) == len(expected)
    for row, other, fact in zip(rows, columns.to_pylist(), expected, strict=True):
        assert row["file"] == other["file"] == fact["file"]
        assert (row["ok"] == "1") is other["ok"] is fact["ok"]
        assert row["reason"] == (other["reason"] or "") == fact.get("reason", "")
        assert row["spiffe_id"] == (other["spiffe_id"] or "")
        assert row["not_after"] == fact.get("not_after", "")
        assert other["depth"] == fact.get("depth")
        if other["ok"]:
            assert f"{other['not_after']:%Y-%m-%dT%H:%M:%SZ}" == row["not_after"]


def test_a_table_that_needs_more_says_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = tmp_path / "out.arrow"
    with (
        pytest.raises(click.UsageError, match=r"handfast\[arrow\]"),
        open_sinks(as_json=True, csv_file=None, arrow_file=file),
    ):
        raise AssertionError("opened")
    assert not file.exists()


def test_only_the_refused_can_be_listed(folder: Path, trust: tuple[str, str]) -> None:
    *rows, summary = lines(run(*trust, "--json", "--only-refused", folder))
    assert [Path(row["file"]).name for row in rows] == ["2.crt"]
    assert summary["total"] == 4
