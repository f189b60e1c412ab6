# SPDX-License-Identifier: Apache-2.0
"""`handfast verify --batch`: what is read, what is said of it, and exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.ipc
import pytest
from tests.support import batch

from handfast import InvalidCertificate, Reason
from handfast.certificates import is_ca, read_certificate
from handfast.cli.verify_batch_input import Inputs
from handfast.cli.verify_batch_output import open_sinks
from handfast.cli.verify_batch_read import read_certificates
from handfast.cli.verify_batch_split import says_ca, split_chains
from handfast.pem import write_pem
from handfast.testing import forge, forge_intermediate

Chain = Sequence[bytes]


def run(
    *arguments: str | Path, data: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "handfast.cli",
            "verify",
            "--batch",
            *map(str, arguments),
        ],
        capture_output=True,
        input=data,
        check=False,
        timeout=300,
    )


def pem(*chains: Chain) -> bytes:
    return b"".join(write_pem("CERTIFICATE", chain) for chain in chains)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def some() -> list[Chain]:
    """Good ones of one and of two certificates, and one that has expired."""
    middle = forge_intermediate(batch.root())
    return [
        forge(batch.root(), f"{batch.WEB}/0").chain,
        forge(middle, f"{batch.WEB}/1").chain,
        forge(middle, f"{batch.WEB}/2", not_before=-7200, not_after=-3600).chain,
        forge(middle, f"{batch.WEB}/3").chain,
    ]


@pytest.fixture
def trust(tmp_path: Path) -> tuple[str, str]:
    file = tmp_path / "authorities"
    file.write_bytes(batch.root().bundle.to_pem())
    return "--bundle", f"a.example={file}"


@pytest.fixture
def folder(tmp_path: Path, some: list[Chain]) -> Path:
    """Files as they lie about: chains, keys, notes, hidden ones, sub-directories."""
    folder = tmp_path / "svids"
    (folder / "deeper").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "0.pem").write_bytes(pem(some[0]))
    (folder / "1.DER").write_bytes(b"".join(some[1]))
    (folder / "deeper" / "2.crt").write_bytes(pem(some[2]))
    (folder / "deeper" / "3.cer").write_bytes(b"".join(some[3]))
    (folder / "key.pem").write_bytes(write_pem("PRIVATE KEY", [b"secret"]))
    (folder / "notes.txt").write_bytes(b"nothing to see")
    (folder / ".hidden" / "x.pem").write_bytes(b"")
    (folder / ".0.pem.swp").write_bytes(b"")
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
    tmp_path: Path, trust: tuple[str, str], some: list[Chain], form: str, way: str
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
    tmp_path: Path, trust: tuple[str, str], some: list[Chain]
) -> None:
    file = tmp_path / "two.pem"
    file.write_bytes(pem(some[0], some[1]))
    *rows, _ = lines(run("--json", *trust, file))
    assert len(rows) == 1
    assert "chain" not in rows[0]


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
    tmp_path: Path, trust: tuple[str, str], some: list[Chain]
) -> None:
    done = run(*trust, "-", data=pem(*[some[2]] * 500))
    out = done.stdout.decode()
    assert out.count("certificate_expired,") == 20
    assert "480 more" in out
    assert "500 chains: 0 accepted, 500 refused" in out


def test_all_good_exits_with_0(trust: tuple[str, str], some: list[Chain]) -> None:
    done = run(*trust, "-", data=pem(some[0], some[1]))
    assert done.returncode == 0, done.stderr


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


def test_what_is_broken_keeps_its_place_and_the_rest_is_judged(
    trust: tuple[str, str], some: list[Chain]
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


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "pem_invalid"),
        (b"no certificates in here\n", "pem_invalid"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "pem_invalid"),
        (
            b"x -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "pem_invalid",
        ),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "pem_invalid"),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "pem_invalid",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\nA:A\n-----END CERTIFICATE-----\n",
            "pem_invalid",
        ),
        (b"-----END CERTIFICATE-----\n", "pem_invalid"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n", "pem_invalid"),
        (b"\x30\x84\xff\xff\xff\xff", "chain_too_large"),
        (b"\x30\x82\x01\x00\x00", "der_truncated"),
        (b"\x30\x80\x00\x00", "der_length"),
        (b"\x30\x85\x00\x00", "der_length"),
        (b"\x30\x82", "der_truncated"),
    ],
    ids=repr,
)
def test_streams_without_a_certificate_are_refused(data: bytes, reason: str) -> None:
    found = list(split_chains(read_certificates(io.BytesIO(data))))
    assert found == [Reason(reason)]


def test_blocks_are_found_wherever_pieces_end(
    tmp_path: Path, some: list[Chain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream comes in pieces of any size; what is found does not depend on them."""
    good = pem(some[0], some[1]) + b"a comment\r\n" + pem(some[3])
    together = pem(some[0]).rstrip() + pem(some[1])  # two blocks on one line
    for text in (good, good[:700] + good, together + b"-----END X-----\n"):
        file = tmp_path / "corpus"
        file.write_bytes(text)
        found: list[list[Any]] = []
        for size in (1, 7, 64, 500, 1 << 20):
            monkeypatch.setattr("handfast.cli.verify_batch_read._PIECE", size)
            monkeypatch.setattr("handfast.cli.verify_batch_input.BLOCK_MAX", size - 1)
            found.append([it.chain for it in Inputs([file], split=True)])
        assert all(one == found[0] for one in found)
        assert list(some[3]) in found[0] or text is not good


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_ca_is_who_says_so_in_its_basic_constraints() -> None:
    """The quick look that splits streams agrees with `cryptography`'s."""
    seen: set[bool] = set()
    for der in {der for chain in batch.chains() for der in chain}:
        try:
            expected = is_ca(read_certificate(der))
        except InvalidCertificate:
            says_ca(der)  # whatever it is, an answer and no exception
            continue
        assert says_ca(der) is expected
        seen.add(expected)
        for cut in range(0, len(der), 7):
            assert says_ca(der[:cut]) is False
    assert seen == {True, False}


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


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.CHAIN_EMPTY),
        (b" \n", Reason.CHAIN_EMPTY),
        (bytes(1_100_000), Reason.CHAIN_TOO_LARGE),
        (b"-----BEGIN CERTIFICATE-----\n", Reason.PEM_INVALID),
    ],
    ids=["empty", "blank", "large", "torn"],
)
def test_a_file_without_a_chain_has_a_reason(
    tmp_path: Path, content: bytes, reason: Reason
) -> None:
    file = tmp_path / "odd.pem"
    file.write_bytes(content)
    assert [it.chain for it in Inputs([file], split=False)] == [reason]


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
    trust: tuple[str, str], some: list[Chain]
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


def test_one_moment_judges_all(trust: tuple[str, str], some: list[Chain]) -> None:
    done = run("--json", *trust, "--at", "2001-01-01", "-", data=pem(*some))
    *rows, _ = lines(done)
    assert {row["reason"] for row in rows} == {"certificate_not_yet_valid"}


def test_a_long_corpus_is_split_into_pieces(
    trust: tuple[str, str], some: list[Chain]
) -> None:
    """More than one piece: order and numbers go on, across chains of two sizes."""
    done = run("--json", *trust, "-", data=pem(*some) * 2500)
    *rows, summary = lines(done)
    assert [row["chain"] for row in rows] == list(range(1, 10_001))
    assert [row["ok"] for row in rows] == [True, True, False, True] * 2500
    assert (summary["accepted"], summary["refused"]) == (7500, 2500)
