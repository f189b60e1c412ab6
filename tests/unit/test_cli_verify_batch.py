# SPDX-License-Identifier: Apache-2.0
"""`handfast verify --batch`: what is judged, and exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import batch
from tests.support.batch_command import (
    Chain,
    corpus,
    lie_about,
    lines,
    pem,
    run,
    trusting,
)


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


def test_a_directory_is_read_with_all_below_it(
    folder: Path, trust: tuple[str, str]
) -> None:
    done = run("--json", *trust, folder)
    assert done.returncode == 1, done.stderr
    *rows, summary = lines(done)
    assert [(Path(row["file"]).name, row["ok"]) for row in rows] == [
        ("0.pem", True),
        ("1.DER", True),
        ("2.crt", False),
        ("3.cer", True),
    ]
    assert rows[1]["spiffe_id"] == f"{batch.WEB}/1"
    assert rows[2]["reason"] == "certificate_expired"
    assert rows[2]["depth"] == 0
    assert "hint" in rows[2]
    assert summary.pop("seconds") >= 0
    assert summary == {
        "event": "summary",
        "total": 4,
        "accepted": 3,
        "refused": 1,
        "by_reason": {"certificate_expired": 1},
        "files_without_certificate": 1,
        "unreadable": [],
    }


@pytest.mark.parametrize("form", ["pem", "der"])
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_stream_is_split_at_its_leaves(
    tmp_path: Path, trust: tuple[str, str], some: tuple[Chain, ...], form: str, way: str
) -> None:
    data = b"".join(pem(one) if form == "pem" else b"".join(one) for one in some)
    file = tmp_path / "corpus"
    file.write_bytes(data)
    source = ("--split-leaves", file) if way == "file" else ("-",)
    *rows, _ = lines(run("--json", *trust, *source, data=data))
    assert [row["chain"] for row in rows] == [1, 2, 3, 4]
    assert [row["ok"] for row in rows] == [True, True, False, True]
    assert {row["file"] for row in rows} == {"-" if way == "stdin" else str(file)}


def test_without_splitting_a_file_is_one_chain(
    tmp_path: Path, trust: tuple[str, str], some: tuple[Chain, ...]
) -> None:
    file = tmp_path / "two.pem"
    file.write_bytes(pem(some[0], some[1]))
    *rows, _ = lines(run("--json", *trust, file))
    assert len(rows) == 1
    assert "chain" not in rows[0]


def test_all_good_exits_with_0(trust: tuple[str, str], some: tuple[Chain, ...]) -> None:
    done = run(*trust, "-", data=pem(some[0], some[1]))
    assert done.returncode == 0, done.stderr


def test_what_is_broken_keeps_its_place_and_the_rest_is_judged(
    trust: tuple[str, str], some: tuple[Chain, ...]
) -> None:
    """C9: a torn block spoils itself alone."""
    torn = pem(some[1])[:200] + b"\n"
    damaged = pem(some[3]).replace(b"M", b"*", 1)
    data = pem(some[0]) + torn + pem(some[1]) + damaged + pem(some[2]) + pem(some[3])
    done = run("--json", *trust, "-", data=data)
    *rows, summary = lines(done)
    assert [row.get("reason", "ok") for row in rows] == [
        "ok",
        "pem_invalid",
        "ok",
        "pem_invalid",
        "certificate_expired",
        "ok",
    ]
    assert [row["chain"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert summary["by_reason"] == {"pem_invalid": 2, "certificate_expired": 1}
    assert done.returncode == 1


def test_files_that_cannot_be_read_exit_with_3(
    folder: Path, trust: tuple[str, str], tmp_path: Path
) -> None:
    """The others are judged all the same."""
    missing = tmp_path / "not there"
    done = run("--json", *trust, missing, folder)
    assert done.returncode == 3
    *rows, summary = lines(done)
    assert len(rows) == 4
    assert summary["unreadable"] == [{"file": str(missing), "text": os.strerror(2)}]
    told = run(*trust, missing, folder)
    assert told.returncode == 3
    assert b"not there" in told.stderr


def test_nothing_to_judge_is_no_success(trust: tuple[str, str], tmp_path: Path) -> None:
    """Not one chain, and exit code 0: that would be an approval of nothing."""
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run(*trust, empty)
    assert done.returncode == 2
    assert b"no chain" in done.stderr


@pytest.mark.parametrize("options", [("--web",), ("--threads", "0")])
def test_wrong_usage_exits_with_2(
    trust: tuple[str, str], folder: Path, options: tuple[str, ...]
) -> None:
    assert run(*trust, *options, folder).returncode == 2


@pytest.mark.parametrize(
    "option", [("--only-refused",), ("--csv", "x"), ("--split-leaves",)]
)
def test_options_of_batches_want_a_batch(option: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "handfast.cli", "verify", *option, __file__],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--batch" in done.stderr


def test_an_interrupt_ends_it_at_once(
    trust: tuple[str, str], some: tuple[Chain, ...]
) -> None:
    """In the middle of a stream that does not end: no traceback, no waiting for it."""
    command = [sys.executable, "-m", "handfast.cli", "verify", "--batch", "--json"]
    with subprocess.Popen(
        [*command, "--only-refused", *trust, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # More than two pieces, so that the verdicts of the first are written; and one
        # line of them, so that nobody waits for us to read.
        process.stdin.write(pem(some[2]) + pem(some[0]) * 12_000)
        process.stdin.flush()
        assert b'"chain":1,' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            _, told = process.communicate(timeout=300)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in told


def test_one_moment_judges_all(trust: tuple[str, str], some: tuple[Chain, ...]) -> None:
    done = run("--json", *trust, "--at", "2001-01-01", "-", data=pem(*some))
    *rows, _ = lines(done)
    assert {row["reason"] for row in rows} == {"certificate_not_yet_valid"}


def test_a_long_corpus_is_split_into_pieces(
    trust: tuple[str, str], some: tuple[Chain, ...]
) -> None:
    """More than one piece: order and numbers go on, across chains of two sizes."""
    done = run("--json", *trust, "-", data=pem(*some) * 2500)
    *rows, summary = lines(done)
    assert [row["chain"] for row in rows] == list(range(1, 10_001))
    assert [row["ok"] for row in rows] == [True, True, False, True] * 2500
    assert (summary["accepted"], summary["refused"]) == (7500, 2500)
