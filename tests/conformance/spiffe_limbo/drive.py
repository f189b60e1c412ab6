# SPDX-License-Identifier: Apache-2.0
"""Ask another implementation: ``python -m …spiffe_limbo.drive -- COMMAND``.

The command gets one case a line on its standard input, as JSON with the certificates
in it and without the expected answer, and writes one line of JSON for each, in the
same order: ``{"verdict": "accept", "spiffe_id": …}``, ``{"verdict": "reject"}`` or
``{"verdict": "skip"}``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import resolved
from tests.conformance.spiffe_limbo.generate import FILE

__all__ = ["Score", "cases", "drive", "main"]

Json = dict[str, Any]

#: Seconds for all cases together.
_PATIENCE: Final = 600


@dataclass(slots=True)
class Score:
    """How many cases came out how, and the ids of those that failed."""

    passed: int = 0
    #: Cases that the command has no reader for, by kind: they are not passed.
    skips: Counter[str] = field(default_factory=Counter[str])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    #: Failures where the standards leave a validator its choice.
    choices: list[str] = field(default_factory=list[str])

    @property
    def skipped(self) -> int:
        """How many were not answered."""
        return self.skips.total()

    def __str__(self) -> str:
        lines = [f"FAILED {name}: {why}" for name, why in self.failed.items()]
        count = f"{self.passed} passed, {len(self.failed)} failed"
        count += f", {self.skipped} skipped"
        if self.skips:
            kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self.skips.items()))
            count += f" (no reader: {kinds})"
        if self.choices:
            count += f" ({len(self.choices)} of the failed are handfast-strict)"
        return "\n".join([*lines, count])


def cases() -> Iterable[Json]:
    """All cases, with their certificates in them."""
    document = json.loads(FILE.read_text("utf-8"))
    return [resolved(case, document["certificates"]) for case in document["cases"]]


def _difference(expected: Json, answer: Json) -> str:
    """What is wrong with an answer; empty when it is right. Reasons do not count."""
    seen = answer.get("verdict")
    if seen != expected["verdict"]:
        return f"{expected['verdict']} expected, {seen!r} seen"
    for name in ("spiffe_id", "authorities", "trust_domains"):
        if name in expected and answer.get(name) != expected[name]:
            return f"another {name} than expected"
    return ""


def drive(command: Sequence[str], asked: Iterable[Json]) -> Score:
    """Put cases to a command and compare.

    Raises:
        RuntimeError: It did not answer each case with one line, or it failed.
    """
    chosen = list(asked)
    questions = [{k: v for k, v in case.items() if k != "expected"} for case in chosen]
    done = subprocess.run(
        command,
        input="".join(json.dumps(question) + "\n" for question in questions),
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        timeout=_PATIENCE,
        check=False,
    )
    answers = done.stdout.splitlines()
    if done.returncode or len(answers) != len(chosen):
        raise RuntimeError(
            f"{len(chosen)} answers and status 0 expected from {command[0]}, "
            f"{len(answers)} and {done.returncode} seen"
        )
    score = Score()
    for case, line in zip(chosen, answers, strict=True):
        answer: Json = json.loads(line)
        if answer.get("verdict") == "skip":
            score.skips[case["kind"]] += 1
        elif why := _difference(case["expected"], answer):
            score.failed[case["id"]] = why
            if case["policy"] != "must":
                score.choices.append(case["id"])
        else:
            score.passed += 1
    return score


def main(arguments: Sequence[str]) -> int:
    """Run the suite; 1 when a case failed, 2 when there is no command."""
    command = list(arguments[1:]) if arguments[:1] == ["--"] else list(arguments)
    if not command:
        sys.stderr.write("usage: … drive -- COMMAND [ARGUMENT …]\n")
        return 2
    score = drive(command, cases())
    sys.stdout.write(f"{score}\n")
    return 1 if score.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
