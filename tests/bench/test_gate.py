# SPDX-License-Identifier: Apache-2.0
"""The instruction gate: what passes it, what does not, and what it tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bench.gate import LIMIT, LIMIT_OTHER_COMPILER, Baseline, judge
from bench.instructions import BASELINE, MEASURES, ratios

BEFORE = Baseline(machine="x86_64", compiler="gcc 12", ratios={"chain": 0.1, "id": 2.0})


def grown(share: float, **changes: str) -> Baseline:
    return replace(BEFORE, ratios={"chain": 0.1 * (1 + share), "id": 2.0}, **changes)


@pytest.mark.parametrize("share", [0.0, LIMIT * 0.9, -LIMIT * 0.9])
def test_what_stays_within_the_limit_passes(share: float) -> None:
    verdict = judge(BEFORE, grown(share))
    assert verdict.passed
    assert "GREW" not in verdict.text


def test_what_grows_fails_and_is_told_how_to_renew_on_purpose() -> None:
    verdict = judge(BEFORE, grown(LIMIT * 1.1))
    assert not verdict.passed
    assert "chain" in verdict.text
    assert "GREW" in verdict.text
    assert "make bench-instructions INSTRUCTIONS=--renew" in verdict.text


def test_what_shrinks_passes_and_asks_to_be_kept() -> None:
    verdict = judge(BEFORE, grown(-LIMIT * 1.1))
    assert verdict.passed
    assert "renew it" in verdict.text


def test_another_compiler_is_held_to_a_wider_limit_and_not_to_none() -> None:
    share = (LIMIT + LIMIT_OTHER_COMPILER) / 2
    assert judge(BEFORE, grown(share, compiler="clang 14")).passed
    assert not judge(
        BEFORE, grown(2 * LIMIT_OTHER_COMPILER, compiler="clang 14")
    ).passed


def test_another_machine_has_no_baseline_here_and_is_told_so() -> None:
    verdict = judge(BEFORE, grown(1.0, machine="aarch64"))
    assert verdict.passed
    assert "no baseline for aarch64" in verdict.text


def test_a_measure_without_a_baseline_fails() -> None:
    """Or a new one would never be held to anything."""
    verdict = judge(BEFORE, replace(BEFORE, ratios=BEFORE.ratios | {"new": 1.0}))
    assert not verdict.passed
    assert "not in both: new" in verdict.text


def test_a_baseline_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(BEFORE.as_json(), "utf-8")
    assert Baseline.read(path) == BEFORE


def test_the_committed_baseline_is_about_what_is_counted() -> None:
    gated = {one.name for one in MEASURES if one.gated and one.over is not None}
    assert set(Baseline.read(BASELINE).ratios) == gated


def test_signatures_are_taken_off_before_ours_is_judged() -> None:
    """Beside them 3 % of ours would not be seen."""
    counts = dict.fromkeys((one.name for one in MEASURES), 100.0)
    seen = ratios(counts | {"chain_known_issuer": 110.0, "chain_new_issuer": 230.0})
    assert seen["chain_known_issuer"] == pytest.approx(0.1)
    assert seen["chain_new_issuer"] == pytest.approx(0.3)
    assert seen["handshake_warm"] == 1.0
