#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Change the source in small ways and see whether a test notices.

    python3 tools/mutate.py [--module NAME ...] [--file PATH ...] [--sample N --seed S]

What is mutated and by which tests it is judged stands in tests/mutation/modules.toml;
what survives must stand, with the reason, in tests/mutation/survivors.toml. The exit
code is 1 when something else survives, or when an explained survivor is none any more.
Results go to build/mutation/results.json; what is known from the last time, in
build/mutation/memory.json, is not tried again.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mutation import c_operators, python_operators
from mutation.c_engine import ROOT, Engine
from mutation.explained import Module, Survivor, modules, survivors
from mutation.memory import Memory
from mutation.mutant import Mutant
from mutation.python_tests import PythonTests
from mutation.worker import Job, Outcome, Worker

WORK = ROOT / "build" / "mutation"
FOLDER = ROOT / "tests" / "mutation"


def read_jobs(
    chosen: list[Module],
    files: set[str],
    tests: list[str],
    explained: list[Survivor],
) -> list[Job]:
    """Make every mutant of the chosen modules, in a fixed order."""
    jobs: list[Job] = []
    for module in chosen:
        for path in module.paths(ROOT):
            if files and path not in files:
                continue
            source = (ROOT / path).read_text("utf-8")
            if path.endswith(".py"):
                mine, made = list(module.tests), python_operators.mutants(source, path)
            else:
                mine, made = module.chosen(tests), c_operators.mutants(source, path)
            if not mine:
                raise SystemExit(f"mutate: no test is listed for {path}")
            careful = module.chosen_carefully(mine)
            met: Counter[str] = Counter()
            for mutant in made:
                name = "\n".join(mutant.key)
                met[name] += 1
                name += f"\n{met[name]}"
                known = any(survivor.key == mutant.key for survivor in explained)
                jobs.append(Job(name, mutant, source, tuple(mine), careful, known))
    return jobs


def worth_another_try(jobs: list[Job], memory: Memory) -> list[Job]:
    """Leave out what somebody noticed the last time, whatever has changed since.

    Of mutants that look the same one is told from the other by their order alone, which
    another line of code changes: all of those are tried.
    """
    alike = Counter(job.mutant.key for job in jobs)
    return [
        job
        for job in jobs
        if alike[job.mutant.key] > 1 or not memory.was_noticed(job.name)
    ]


class Triers:
    """Who tries a mutant: workers for C, taken by whichever thread is free."""

    def __init__(self, workers: list[Worker]) -> None:
        self.free: queue.Queue[Worker] = queue.Queue()
        for worker in workers:
            self.free.put(worker)
        self.python = PythonTests(WORK)

    def attempt(self, job: Job) -> Outcome:
        """Try one mutant."""
        text = job.mutant.apply(job.source)
        if job.mutant.file.endswith(".py"):
            return self.python.try_mutant(job.mutant.file, text, job.tests)
        worker = self.free.get()
        try:
            return worker.try_mutant(job, text)
        finally:
            self.free.put(worker)


def prepare(jobs: list[Job], threads: int, memory: Memory) -> list[Worker]:
    """Build the engine and see that the tests pass without any mutant."""
    names = {t for job in jobs if job.mutant.file.endswith(".c") for t in job.tests}
    if not names:
        return []
    again = {test for job in jobs for test in job.careful}
    quick = Engine(WORK / "quick", threads, names)
    careful = Engine(WORK / "careful", threads, again, sanitize=True)
    for engine in (quick, careful):
        engine.build()
        engine.time_tests()
    for test, seconds in quick.durations.items():
        print(f"mutate: {test} takes {seconds:.2f} s", flush=True)
    return [Worker(quick, careful, memory, number) for number in range(threads)]


Results = list[tuple[Mutant, Outcome]]


def account(
    results: Results, explained: list[Survivor]
) -> tuple[list[Mutant], list[Survivor]]:
    """Return the survivors that nobody explained, and explanations of nothing.

    An entry explains one mutant: of two that look the same it takes two.
    """
    unused = Counter(entry.key for entry in explained)
    strangers: list[Mutant] = []
    for verdict in ("survived", "same code"):
        for mutant in (m for m, outcome in results if outcome.verdict == verdict):
            if unused[mutant.key] > 0:
                unused[mutant.key] -= 1
            elif verdict == "survived":
                strangers.append(mutant)
    files = {mutant.file for mutant, _ in results}
    stale = [e for e in explained if unused[e.key] > 0 and e.file in files]
    return strangers, stale


def show(results: Results, strangers: list[Mutant]) -> None:
    """Print a line a file, then every survivor that nobody explained."""
    table: dict[str, Counter[str]] = {}
    for mutant, outcome in results:
        verdict = outcome.verdict
        if verdict == "survived" and mutant not in strangers:
            verdict = "explained"
        table.setdefault(mutant.file, Counter())[verdict] += 1
    kinds = ("killed", "same code", "explained", "survived", "invalid")
    print(f"{'file':46}" + "".join(f"{kind:>11}" for kind in kinds))
    total: Counter[str] = Counter()
    for file, counts in table.items():
        total += counts
        print(f"{file:46}" + "".join(f"{counts[kind]:11}" for kind in kinds))
    print(f"{'all':46}" + "".join(f"{total[kind]:11}" for kind in kinds))
    for mutant in strangers:
        print(f"SURVIVED {mutant}")


def run_all(
    jobs: list[Job], attempt: Callable[[Job], Outcome], threads: int
) -> Results:
    """Try every mutant, saying from time to time how far it is."""
    results: Results = []
    with ThreadPoolExecutor(threads) as pool:
        for job, outcome in zip(jobs, pool.map(attempt, jobs), strict=True):
            results.append((job.mutant, outcome))
            if outcome.verdict == "survived":
                print(f"mutate: survived so far: {job.mutant}", flush=True)
            if len(results) % 100 == 0:
                print(f"mutate: {len(results)} of {len(jobs)}", flush=True)
    return results


def save(results: Results) -> None:
    """Write what became of each."""
    rows = [
        {
            "file": mutant.file,
            "line": mutant.line,
            "function": mutant.function,
            "operator": mutant.operator,
            "before": mutant.before,
            "after": mutant.after,
            "verdict": outcome.verdict,
            "by": outcome.by,
        }
        for mutant, outcome in results
    ]
    (WORK / "results.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Do the tests notice small changes?")
    parser.add_argument("--module", action="append", default=[], help="by its name")
    parser.add_argument("--file", action="append", default=[], help="from the root")
    parser.add_argument("--sample", type=int, help="only so many, picked by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--again",
        action="store_true",
        help="only what nobody noticed the last time, and what looks like another",
    )
    parser.add_argument("--list", action="store_true", help="show, but try nothing")
    options = parser.parse_args()
    chosen = modules(FOLDER / "modules.toml")
    names = [module.name for module in chosen]
    unknown = set(options.module) - set(names)
    if unknown:
        parser.error(f"no module {', '.join(unknown)}; there are {', '.join(names)}")
    if options.module:
        chosen = [module for module in chosen if module.name in options.module]
    WORK.mkdir(parents=True, exist_ok=True)
    tests = sorted(path.stem for path in (ROOT / "csrc/tests").glob("test_*.c"))
    explained = survivors(FOLDER / "survivors.toml")
    jobs = read_jobs(chosen, set(options.file), tests, explained)
    if not jobs:
        parser.error("nothing to mutate: no such file in the chosen modules")
    memory = Memory(WORK / "memory.json")
    if options.again:
        jobs = worth_another_try(jobs, memory)
    if options.sample is not None and options.sample < len(jobs):
        # Seeded, and no secret.
        picked = random.Random(options.seed).sample(range(len(jobs)), options.sample)  # noqa: S311
        jobs = [jobs[index] for index in sorted(picked)]
    if options.list:
        for job in jobs:
            print(job.mutant)
        return 0
    triers = Triers(prepare(jobs, options.jobs, memory))
    results = run_all(jobs, triers.attempt, options.jobs)
    memory.save()
    save(results)
    strangers, stale = account(results, explained)
    show(results, strangers)
    if options.sample is not None or options.again:
        stale = []
    for entry in stale:
        print(f"STALE {entry.file}: {entry.function}: {entry.before}")
    return 1 if strangers or stale else 0


if __name__ == "__main__":
    sys.exit(main())
