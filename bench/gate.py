# SPDX-License-Identifier: Apache-2.0
"""The instruction gate: whether the C core got dearer than the committed baseline.

The baseline is ratios to OpenSSL's own work, so a new OpenSSL or machine moves both
sides. Our side is compiled code, though, and OpenSSL's mostly assembler: by another
compiler than the baseline's, ratios are only held to a wider limit.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 0.03
LIMIT_OTHER_COMPILER = 0.15
RENEW = (
    "Meant it? Say why in the commit message, and renew the baseline:\n"
    "    make bench-instructions INSTRUCTIONS=--renew\n"
    "Not meant: callgrind_annotate build/bench/callgrind.NAME tells where they went."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Ratios by name, and what they depend on."""

    machine: str
    compiler: str
    ratios: dict[str, float]

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read the committed file."""
        return cls(**json.loads(path.read_text("utf-8")))

    def as_json(self) -> str:
        """Return what is committed: digits beyond the noise would only make diffs."""
        document = asdict(self)
        document["ratios"] = {
            name: float(f"{ratio:.4g}") for name, ratio in self.ratios.items()
        }
        return json.dumps(document, indent=1) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the gate lets a change pass, and why in words."""

    passed: bool
    text: str


def judge(baseline: Baseline, seen: Baseline) -> Verdict:
    """Compare what was counted with the baseline."""
    if seen.machine != baseline.machine:
        text = (
            f"no baseline for {seen.machine} (it is of {baseline.machine}): no verdict"
        )
        return Verdict(passed=True, text=text)
    if set(seen.ratios) != set(baseline.ratios):
        odd = ", ".join(sorted(set(seen.ratios) ^ set(baseline.ratios)))
        return Verdict(passed=False, text=f"not in both: {odd}\n{RENEW}")
    same = seen.compiler == baseline.compiler
    limit = LIMIT if same else LIMIT_OTHER_COMPILER
    lines = [] if same else [_about(baseline, seen)]
    grown, shrunk = False, False
    for name, before in baseline.ratios.items():
        change = seen.ratios[name] / before - 1
        word = "GREW" if change > limit else "shrank" if change < -limit else "ok"
        grown |= word == "GREW"
        shrunk |= word == "shrank"
        lines.append(
            f"{name:22} {before:>10.4g} -> {seen.ratios[name]:>10.4g}"
            f"  {change:+7.2%}  {word}"
        )
    if grown:
        lines += [f"a ratio grew by more than {limit:.0%}.", RENEW]
    elif shrunk:
        lines.append("better than the baseline: renew it, so that it stays (--renew)")
    return Verdict(passed=not grown, text="\n".join(lines))


def _about(baseline: Baseline, seen: Baseline) -> str:
    return (
        f"compiled by {seen.compiler}, the baseline by {baseline.compiler}: "
        f"held to {LIMIT_OTHER_COMPILER:.0%} instead of {LIMIT:.0%}"
    )
