# SPDX-License-Identifier: Apache-2.0
"""A whole limbo file, scored, and held against the list of deviations."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import cases, reasons

DEVIATIONS = Path(__file__).with_name("deviations.toml")


@dataclass(slots=True)
class Score:
    """IDs by outcome; `failed` says what we said and what limbo says."""

    total: dict[str, int] = field(default_factory=lambda: {"SUCCESS": 0, "FAILURE": 0})
    passed: dict[str, list[str]] = field(
        default_factory=lambda: {"SUCCESS": [], "FAILURE": []}
    )
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def lines(self) -> list[str]:
        """The report, for people."""
        good = sum(map(len, self.passed.values()))
        left = sum(map(len, self.skipped.values()))
        out = [f"x509-limbo: {good} passed, {len(self.failed)} failed, {left} skipped"]
        out += [
            f"  {kind}: {len(ids)} of {self.total[kind]} judged as limbo has it"
            for kind, ids in self.passed.items()
        ]
        out += [
            f"  failed: {name}: ours {ours}, theirs {theirs}"
            for name, (ours, theirs) in sorted(self.failed.items())
        ]
        for why, ids in sorted(self.skipped.items()):
            out += [f"  skipped: {name}: unsupported: {why}" for name in ids]
        return out


def outcome(case: dict[str, Any]) -> str:
    """What we say to a case, in the words of the list of deviations.

    A refusal for a reason that is not the case's counts as none of both answers.
    """
    verdict = cases.judge(case)
    if verdict.accepted or case["expected_result"] == "SUCCESS":
        return str(verdict)
    if reasons.about_names(case["id"]):
        reason = verdict.reason
    else:
        reason = cases.chain_reason(case)
    if reason in reasons.acceptable(case["id"]):
        return "FAILURE"
    why = "no reason without the name" if reason is None else reason.value
    return f"FAILURE for another reason ({why})"


def run(path: Path) -> Score:
    """Judge every case of a file."""
    score = Score()
    for case in cases.load(path):
        why = cases.unsupported(case)
        if why is not None:
            score.skipped[why].append(case["id"])
            continue
        theirs = case["expected_result"]
        score.total[theirs] += 1
        ours = outcome(case)
        if ours == theirs:
            score.passed[theirs].append(case["id"])
        else:
            score.failed[case["id"]] = (ours, theirs)
    return score


def deviations() -> dict[str, dict[str, str]]:
    """The reviewed list, by ID."""
    listed = tomllib.loads(DEVIATIONS.read_text("utf-8"))["deviation"]
    return {entry["id"]: entry for entry in listed}
