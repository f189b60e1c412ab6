# SPDX-License-Identifier: Apache-2.0
"""PKITS, scored, and held against the lists of deviations and exclusions.

Every test runs, also those of features that are not supported: they count as skipped
only when they were refused for want of that feature. So no exclusion can hide a wrong
acceptance.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import cases, reasons

DEVIATIONS = Path(__file__).with_name("deviations.toml")
EXCLUSIONS = Path(__file__).with_name("exclusions.toml")


@dataclass(slots=True)
class Score:
    """Tests by outcome; `failed` says what we said and what PKITS says."""

    passed: list[cases.Case] = field(default_factory=list)
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report, for people."""
        failed, skipped = len(self.failed), len(self.skipped)
        accepted = sum(case.valid for case in self.passed)
        out = [f"PKITS: {len(self.passed)} passed, {failed} failed, {skipped} skipped"]
        out.append(
            f"  passed: {accepted} valid paths accepted, "
            f"{len(self.passed) - accepted} invalid ones refused for what they are"
        )
        out += [
            f"  failed: {number} {self.names[number]}: ours {ours}, theirs {theirs}"
            for number, (ours, theirs) in self.failed.items()
        ]
        out += [
            f"  skipped: {number} {self.names[number]}: {why}"
            for number, why in self.skipped.items()
        ]
        return out


def run() -> Score:
    """Judge every test."""
    score = Score()
    excluded = exclusions()
    for case in cases.load():
        score.names[case.number] = case.name
        reason = cases.judge(case)
        theirs = "valid" if case.valid else "invalid"
        feature = excluded.get(case.number)
        if feature is not None and reason is not None and reason in feature["reasons"]:
            score.skipped[case.number] = f"unsupported: {feature['feature']}"
        elif reason is None and case.valid:
            score.passed.append(case)
        elif reason is None:
            score.failed[case.number] = ("valid", theirs)
        elif not case.valid and reason in reasons.acceptable(case.number):
            score.passed.append(case)
        else:
            score.failed[case.number] = (f"invalid ({reason.value})", theirs)
    return score


def deviations() -> dict[str, dict[str, Any]]:
    """The reviewed list, by number; one reason may be that of several tests."""
    listed = tomllib.loads(DEVIATIONS.read_text("utf-8"))["deviation"]
    return {number: entry for entry in listed for number in entry["tests"]}


def exclusions() -> dict[str, dict[str, Any]]:
    """What is not supported, by number."""
    listed = tomllib.loads(EXCLUSIONS.read_text("utf-8"))["exclusion"]
    return {number: entry for entry in listed for number in entry["tests"]}
