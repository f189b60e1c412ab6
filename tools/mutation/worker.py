# SPDX-License-Identifier: Apache-2.0
"""Tries mutants of C files: the likeliest killer first, and nothing twice.

Whoever noticed this mutant the last time is asked first, then the quick ones that
noticed others of the file, then all, the quick ones first. What the first of them do
not notice is compiled with optimisation: the very same code is no mutant. What survives
all is asked again under ASan and UBSan, which `make sanitize` runs with the same tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation.c_engine import OPTIMISED, QUICK, SANITIZE, Engine
from mutation.memory import Memory
from mutation.mutant import Mutant

#: Seconds; a test that takes longer is asked in its turn, whatever it noticed before.
_QUICK = 0.5

#: So many tests cost about as much as the look at optimised code.
_BEFORE_CODE = 2


@dataclass(frozen=True, slots=True)
class Job:
    """A mutant, the file as it is, and the tests that must notice.

    Of these, `careful` are asked again under the sanitizers; `name` is its own alone.
    One that is `explained` and survived before is not tried in vain again.
    """

    name: str
    mutant: Mutant
    source: str
    tests: tuple[str, ...]
    careful: tuple[str, ...]
    explained: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant: killed (by whom), survived, same code, or no C."""

    verdict: str
    by: str = ""


class Worker:
    """One mutant at a time, in a folder of its own."""

    def __init__(
        self, engine: Engine, careful: Engine, memory: Memory, number: int
    ) -> None:
        self.engine = engine
        self.careful = careful
        self.memory = memory
        self.folder = engine.work / f"worker{number}"
        self.folder.mkdir(exist_ok=True)
        self.source = self.folder / "mutant.c"
        self.target = self.folder / "mutant.o"
        self.again = self.folder / "careful.o"
        self.killers: dict[str, list[str]] = {}
        self.optimised: dict[str, bytes] = {}

    def try_mutant(self, job: Job, text: str) -> Outcome:
        """Say what becomes of a changed file."""
        file, tests = job.mutant.file.removeprefix("csrc/"), job.tests
        self.source.write_text(text, "utf-8")
        if not self.engine.compile(file, self.source, self.target, QUICK):
            return Outcome("invalid")
        known = self.memory.recall(job.name)
        first = "" if known is None else known.by
        asked = [first] if first in tests else tests
        if known is not None and (
            known.stamp == self._stamp(asked, file)
            or (job.explained and known.verdict == "survived")
        ):
            return Outcome(known.verdict, known.by)
        outcome = self._try(file, self._order(file, tests, first), job.careful)
        asked = [outcome.by] if outcome.by in tests else tests
        stamp = self._stamp(asked, file)
        self.memory.keep(job.name, outcome.verdict, outcome.by, stamp)
        return outcome

    def _stamp(self, tests: Sequence[str], file: str) -> str:
        return self.engine.stamp(tests, file, self.target)

    def _order(self, file: str, tests: Sequence[str], first: str) -> list[str]:
        """Order the tests: who killed it, who killed others of the file, the quick."""
        noticed = self.killers.setdefault(file, [])
        killers = [t for t in noticed if self.engine.durations[t] < _QUICK]
        rest = sorted(tests, key=lambda test: self.engine.durations[test])
        likely = [test for test in (first, *killers) if test in tests]
        return list(dict.fromkeys([*likely, *rest]))

    def _try(self, file: str, order: list[str], careful: Sequence[str]) -> Outcome:
        linked: dict[str, Path] = {}
        for number, test in enumerate(order):
            if number == min(_BEFORE_CODE, len(order) - 1) and self._is_same(file):
                return Outcome("same code")
            if not self._passes(self.engine, test, file, linked):
                killers = self.killers[file]
                killers[:] = [test, *(other for other in killers if other != test)]
                return Outcome("killed", test)
        self.careful.compile(file, self.source, self.again, [*QUICK, *SANITIZE])
        linked = {}
        for test in (test for test in order if test in careful):
            if not self._passes(self.careful, test, file, linked):
                return Outcome("killed", f"{test} with sanitizers")
        return Outcome("survived")

    def _passes(
        self, engine: Engine, test: str, file: str, linked: dict[str, Path]
    ) -> bool:
        """Run a test; its program is linked when the first one of it is asked."""
        name = engine.programs[test]
        if name not in linked:
            changed = self.target if engine is self.engine else self.again
            linked[name] = engine.link(self.folder, test, file, changed)
        return engine.passes(linked[name], test)

    def _is_same(self, file: str) -> bool:
        """Tell whether an optimising compiler makes the very same code of it."""
        optimised = self.folder / "optimised.o"
        if file not in self.optimised:
            # Under the mutant's name, which is in the object.
            original = self.folder / "original" / self.source.name
            original.parent.mkdir(exist_ok=True)
            original.write_bytes((self.engine.source / file).read_bytes())
            self.engine.compile(file, original, optimised, OPTIMISED)
            self.optimised[file] = optimised.read_bytes()
        self.engine.compile(file, self.source, optimised, OPTIMISED)
        return optimised.read_bytes() == self.optimised[file]
