# SPDX-License-Identifier: Apache-2.0
"""tools/faults.py adds up, and fails when there is something to fail for."""

from __future__ import annotations

from pathlib import Path

import pytest

import faults

CLEAN = "C: cut\t1000\t0\t0\t0\nPython: cut\t20\t0\t0\t0\nC: cut\t500\t0\t0\t0\n"


def totals_of(text: str, folder: Path) -> int:
    path = folder / "faults.tsv"
    path.write_text(text, encoding="utf-8")
    return faults.main([str(path)])


def test_the_whole_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert totals_of(CLEAN, tmp_path) == 0
    *kinds, whole = capsys.readouterr().out.splitlines()
    assert [line.split() for line in kinds] == [
        ["1,500", "C:", "cut"],
        ["20", "Python:", "cut"],
    ]
    assert whole == (
        "faults: 1,520 injected failures, 0 accepted wrongly, 0 leaked, 0 hung"
    )


@pytest.mark.parametrize(
    "line", ["a\t1\t1\t0\t0", "a\t1\t0\t1\t0", "a\t1\t0\t0\t1", "a\t0\t0\t0\t0"]
)
def test_one_finding_among_thousands_fails(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert totals_of(CLEAN + line + "\n", tmp_path) == 1
    assert "<--" in capsys.readouterr().out


def test_a_run_without_sweeps_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert totals_of("", tmp_path) == 1
    assert faults.main([str(tmp_path / "nothing")]) == 1
    assert "0 injected failures" in capsys.readouterr().out
