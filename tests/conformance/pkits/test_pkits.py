# SPDX-License-Identifier: Apache-2.0
"""NIST's PKITS against `ChainVerifier`: every test of sections 4.1 to 4.16 runs.

Certificates and CRLs are those of PyPI's `cryptography-vectors`.
"""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from tests.conformance.pkits import cases, reasons, score

from handfast import Reason

# Tests of each section of the suite's document.
_SECTIONS = {
    "4.1": 6,
    "4.2": 8,
    "4.3": 11,
    "4.4": 21,
    "4.5": 8,
    "4.6": 17,
    "4.7": 5,
    "4.8": 20,
    "4.9": 8,
    "4.10": 14,
    "4.11": 11,
    "4.12": 10,
    "4.13": 38,
    "4.14": 35,
    "4.15": 10,
    "4.16": 2,
}


@pytest.fixture(scope="module")
def result() -> score.Score:
    return score.run()


def test_the_table_has_every_test_of_the_suite() -> None:
    """Numbers run from 1 without a gap, and names say what is expected."""
    numbers = [case.number.rpartition(".") for case in cases.load()]
    assert Counter(section for section, _, _ in numbers) == _SECTIONS
    for section, count in _SECTIONS.items():
        own = [int(last) for name, _, last in numbers if name == section]
        assert own == list(range(1, count + 1))
    for case in cases.load():
        if case.name.startswith(("Valid", "Invalid")):
            assert case.valid == case.name.startswith("Valid"), case.name


def test_the_figures_are_shown(
    result: score.Score, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(result.lines()) + "\n")
    done = len(result.passed) + len(result.failed) + len(result.skipped)
    assert done == sum(_SECTIONS.values())


def test_no_invalid_path_is_accepted(result: score.Score) -> None:
    """C11, P2: not one, whatever lists say: a wrong acceptance cannot be listed."""
    accepted = [
        number for number, (ours, _) in result.failed.items() if ours == "valid"
    ]
    assert not accepted
    assert not [
        entry for entry in score.deviations().values() if entry["ours"] == "valid"
    ]


def test_every_difference_is_explained(result: score.Score) -> None:
    listed = score.deviations()
    found = {number: ours for number, (ours, _) in result.failed.items()}
    assert found == {number: entry["ours"] for number, entry in listed.items()}


def test_every_excluded_test_was_refused_for_want_of_the_feature(
    result: score.Score,
) -> None:
    """An exclusion that is not needed any more would cover up for what comes later."""
    assert result.skipped.keys() == score.exclusions().keys()


def test_good_and_bad_paths_are_scored_apart(result: score.Score) -> None:
    """Neither a verifier that refuses all nor one that accepts all gets here."""
    accepted = sum(case.valid for case in result.passed)
    assert accepted >= 45
    assert len(result.passed) - accepted >= 60


def test_each_deviation_and_exclusion_is_reviewed() -> None:
    """Each has a reason that a reviewer can weigh, and names reasons that there are."""
    for number, entry in score.deviations().items():
        assert set(entry) == {"tests", "ours", "reason"}
        assert len(entry["reason"]) > 80, f"{number}: a reason, not a word"
    for number, entry in score.exclusions().items():
        assert set(entry) == {"feature", "tests", "reasons", "why"}
        assert len(entry["why"]) > 80, f"{number}: a reason, not a word"
        assert all(Reason(reason) for reason in entry["reasons"])
    assert not score.deviations().keys() & score.exclusions().keys()


def test_a_refusal_for_another_reason_does_not_count() -> None:
    assert Reason.CERTIFICATE_REVOKED in reasons.acceptable("4.4.3")
    assert Reason.CRL_MISSING not in reasons.acceptable("4.4.3")
    assert reasons.acceptable("4.4.1") != reasons.acceptable("4.4.18")
    assert not reasons.acceptable("4.17.1")
