# SPDX-License-Identifier: Apache-2.0
"""The SPIFFE conformance suite: handfast against all of it, and the suite itself."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.spiffe_limbo.case import resolved
from tests.conformance.spiffe_limbo.drive import cases, drive, main
from tests.conformance.spiffe_limbo.generate import FILE, generate
from tests.conformance.spiffe_limbo.judge import answer
from tests.conformance.spiffe_limbo.schema import violations

from handfast import Reason

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
GROUPS = sorted({case["id"].partition("::")[0] for case in DOCUMENT["cases"]})
SCHEMA = json.loads(FILE.with_name("spiffe-limbo.schema.json").read_text("utf-8"))
ROOT = FILE.parents[3]


@pytest.mark.parametrize("group", GROUPS)
def test_handfast_answers_as_the_suite_says(group: str) -> None:
    """X509-01..43, ID-01..22, BUN-01..18, I1..I7, C5, C6, C10, C11: one case a rule.

    Verdict, SPIFFE ID or authorities, and the reason; each case names its rules.
    """
    wrong = {}
    for case in DOCUMENT["cases"]:
        if case["id"].startswith(f"{group}::"):
            asked = resolved(case, DOCUMENT["certificates"])
            if (seen := answer(asked)) != asked["expected"]:
                wrong[case["id"]] = seen
    assert not wrong


def test_the_file_is_what_the_generator_makes() -> None:
    """Fixed keys, nonces, serials and times: the same bytes each time."""
    assert generate() == FILE.read_text("utf-8"), "run the generator and commit"


def test_the_file_keeps_to_its_schema_and_its_size() -> None:
    assert list(violations(DOCUMENT, SCHEMA, SCHEMA)) == []
    assert FILE.stat().st_size < 2_500_000
    ids = Counter(case["id"] for case in DOCUMENT["cases"])
    assert len(ids) >= 300
    assert max(ids.values()) == 1
    known = {reason.value for reason in Reason}
    for case in DOCUMENT["cases"]:
        expected = case["expected"]
        assert (expected["verdict"] == "reject") == ("reason" in expected), case["id"]
        assert expected.get("reason", "limit") in known


@pytest.mark.parametrize(
    "change",
    [{"kind": "tea"}, {"rules": []}, {"id": "no group"}, {"input": []}, {"more": 1}],
)
def test_the_schema_check_can_fail(change: dict[str, Any]) -> None:
    spoilt = DOCUMENT | {"cases": [DOCUMENT["cases"][0] | change]}
    assert list(violations(spoilt, SCHEMA, SCHEMA))
    with pytest.raises(ValueError, match="not checked"):
        list(violations(1, {"oneOf": []}, SCHEMA))


def test_a_command_is_driven_over_the_line_protocol(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every case through a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = [sys.executable, "-m", "tests.conformance.spiffe_limbo.handfast_peer"]
    assert main(["--", *command]) == 0
    total = len(DOCUMENT["cases"])
    assert capsys.readouterr().out == f"{total} passed, 0 failed, 0 skipped\n"


@pytest.mark.parametrize("verdict", ["accept", "reject", "skip"])
def test_a_careless_implementation_is_scored(tmp_path: Path, verdict: str) -> None:
    """One that says the same to everything; its failures have names."""
    program = tmp_path / "careless.py"
    program.write_text(
        f'import sys\nfor _ in sys.stdin: print(\'{{"verdict": "{verdict}"}}\')\n'
    )
    score = drive([sys.executable, str(program)], cases())
    total = len(DOCUMENT["cases"])
    if verdict == "skip":
        assert (score.passed, score.skipped, score.failed) == (0, total, {})
        return
    assert score.passed + len(score.failed) == total
    name = "uri-san::two-spiffe" if verdict == "accept" else "leaf::plain"
    assert name in score.failed
    assert f"FAILED {name}" in str(score)
    assert set(score.choices) < set(score.failed)


def test_a_command_that_does_not_answer_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(RuntimeError, match="answers and status 0 expected"):
        drive([sys.executable, "-c", ""], cases())
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
