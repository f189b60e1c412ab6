# SPDX-License-Identifier: Apache-2.0
"""One run of a fuzz target: watched to its end, and what its output says of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_EXECUTED = re.compile(r"number_of_executed_units:\s*(\d+)")
_PLAIN = re.compile(r"plain: seed \d+, (\d+) inputs")
_COVERAGE = re.compile(r"\bcov: (\d+) ft: (\d+)")
_EDGES = re.compile(r"INFO: Loaded .*?\((\d+) (?:inline 8-bit )?counters\)")
_CASES = re.compile(r"cases (\d+) .*accepted by it (\d+)")
_CHAINS = re.compile(r"batch: chains (\d+), accepted (\d+)")

#: How often the one who watches looks, in seconds.
GLANCE = 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did. Without coverage (plain runs) the edges are 0."""

    target: str
    ended: str
    code: int
    executions: int
    cpu_seconds: float
    edges: int
    edges_total: int
    cases: int
    accepted: int
    tail: str

    def __str__(self) -> str:
        text = f"{self.target}: {self.cpu_seconds:.0f} s of CPU, "
        text += f"{self.executions} inputs, exit code {self.code}"
        if self.edges:
            text += f", {self.edges} of {self.edges_total} edges"
        if self.cases:
            text += f", {self.cases} cases, {self.accepted} accepted"
        return text

    def append_to(self, log: Path) -> None:
        """Add a line to a log; lines of runs at the same time do not mix."""
        row = asdict(self)
        del row["tail"]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")


def watch(target: str, command: Sequence[str], output: Path, pause: Path | None) -> Run:
    """Run a command, standing still while `pause` exists."""
    with output.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, process_group=0
        )
    stopped = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid != 0:
            break
        wanted = pause is not None and pause.exists()
        if wanted != stopped:
            stopped = wanted
            os.killpg(process.pid, signal.SIGSTOP if stopped else signal.SIGCONT)
        time.sleep(GLANCE)
    # The process was waited for here, not by its object.
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return read_output(target, output, process.returncode, cpu)


def _last(pattern: re.Pattern[str], text: str, group: int = 1) -> int:
    found = list(pattern.finditer(text))
    return int(found[-1].group(group)) if found else 0


def read_output(target: str, output: Path, code: int, cpu: float) -> Run:
    """Read the figures that libFuzzer, atheris and the targets themselves print."""
    text = output.read_text("utf-8", "replace")
    cases = _last(_CASES, text) or _last(_CHAINS, text)
    accepted = _last(_CASES, text, 2) or _last(_CHAINS, text, 2)
    return Run(
        target=target,
        ended=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        code=code,
        executions=_last(_EXECUTED, text) or _last(_PLAIN, text),
        cpu_seconds=round(cpu, 2),
        edges=_last(_COVERAGE, text),
        edges_total=_last(_EDGES, text),
        cases=cases,
        accepted=accepted,
        tail="\n".join(text.splitlines()[-60:]),
    )
