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
from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.jwt_witness import contradiction
from tests.conformance.spiffe_limbo.schema import violations
from tests.conformance.spiffe_limbo.ways import by_way
from tests.support.ways import Way

from handfast import Reason

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
READ = DOCUMENT["cases"]
GROUPS = sorted({case["id"].partition("::")[0] for case in READ})
SCHEMA = json.loads(FILE.with_name("spiffe-limbo.schema.json").read_text("utf-8"))
ROOT = FILE.parents[3]


@pytest.mark.parametrize("group", GROUPS)
def test_handfast_answers_as_the_suite_says(group: str) -> None:
    """X509-01..43, ID-01..22, BUN-01..26, JWT-01..27, I1..I7, J1, J2: one case a rule.

    Verdict, SPIFFE ID or authorities, and the reason; each case names its rules.
    """
    wrong = {}
    for case in READ:
        if case["id"].startswith(f"{group}::"):
            asked = resolved(case, DOCUMENT["certificates"])
            if (seen := answer(asked)) != asked["expected"]:
                wrong[case["id"]] = seen
    assert not wrong


@pytest.mark.parametrize("group", GROUPS)
def test_both_ways_answer_as_the_suite_says(group: str) -> None:
    """P2: by OpenSSL alone the same verdict, and what is fast is right."""
    wrong = {}
    for case in READ:
        if case["id"].startswith(f"{group}::") and case["kind"] == "chain":
            given = resolved(case, DOCUMENT["certificates"])["input"]
            fast, general = by_way(given, Way.FAST), by_way(given, Way.GENERAL)
            good = case["expected"]["verdict"] == "accept"
            if general != good or (fast and not good):
                wrong[case["id"]] = (fast, general)
    assert not wrong


def test_the_fast_path_takes_most_of_what_is_right() -> None:
    """The test above would say little of the fast path if it took next to nothing."""
    chains = [case for case in READ if case["kind"] == "chain"]
    good = [case for case in chains if case["expected"]["verdict"] == "accept"]
    fast = [
        by_way(resolved(case, DOCUMENT["certificates"])["input"], Way.FAST)
        for case in good
    ]
    assert sum(fast) >= 0.9 * len(good)


def test_another_library_agrees_with_what_is_expected_of_tokens() -> None:
    """JWT-01, JWT-05, JWT-12, JWT-17, JWT-26, J1, J2: PyJWT and `cryptography` look."""
    tokens = [case for case in DOCUMENT["cases"] if case["kind"] == "jwt"]
    doubts = {case["id"]: contradiction(case) for case in tokens}
    assert {name: why for name, why in doubts.items() if why} == {}
    assert len(tokens) >= 300


@pytest.mark.parametrize("name", ["jwt-alg::ES256", "jwt-aud::absent", "jwt-typ::jwt"])
def test_the_other_library_can_disagree(name: str) -> None:
    """A token that is right refused, and one that is wrong accepted or blamed else."""
    case = next(one for one in DOCUMENT["cases"] if one["id"] == name)
    answers = [
        {"verdict": "accept", "spiffe_id": "spiffe://a.example/web"},
        *({"verdict": "reject", "reason": r} for r in ("jwt_signature", "jwt_expired")),
    ]
    for expected in answers:
        if expected != case["expected"]:
            assert contradiction(case | {"expected": expected})


def test_the_file_is_what_the_generator_makes() -> None:
    """Fixed keys, nonces, serials and times: the same bytes each time."""
    assert generate() == FILE.read_text("utf-8"), "run the generator and commit"


def test_the_file_keeps_to_its_schema_and_its_size() -> None:
    assert list(violations(DOCUMENT, SCHEMA, SCHEMA)) == []
    assert FILE.stat().st_size < 2_500_000
    ids = Counter(case["id"] for case in DOCUMENT["cases"])
    assert len(ids) >= 300
    assert max(ids.values()) == 1
    known = {reason.value for reason in (*Reason, *JwtReason)}
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
    assert capsys.readouterr().out == f"{len(READ)} passed, 0 failed, 0 skipped\n"


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
