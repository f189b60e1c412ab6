# SPDX-License-Identifier: Apache-2.0
"""The mutation tool: what it changes, what it leaves alone, and what it remembers."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.net_world import PATIENCE

from mutate import account, worth_another_try
from mutation import c_operators
from mutation.explained import Survivor
from mutation.group import run_whole
from mutation.memory import Memory
from mutation.worker import Job, Outcome

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
static const uint8_t table[2] = {1, 2};

static bool within(size_t n)
{
    uint8_t room[4];
    HF_NEED_SEEN(n < sizeof(room), HF_E_LIMIT, "at most 4",
                 "%zu", n + 1);
    fill(room,
         n);
    return room[n] != 0;
}
"""


def changed_lines() -> set[tuple[str, str]]:
    made = c_operators.mutants(SOURCE, "a.c")
    return {(mutant.before, mutant.after) for mutant in made}


def test_what_decides_is_changed() -> None:
    changes = changed_lines()
    assert ("return room[n] != 0;", "return room[n] == 0;") in changes
    assert ("return room[n] != 0;", "return !(room[n] != 0);") in changes
    assert ("{", "{ return true;") in changes
    assert ("fill(room, n);", ";") in changes
    assert any("n <= sizeof" in after for _, after in changes)
    assert any("HF_E_INTERNAL" in after for _, after in changes)


def test_what_only_people_read_is_left_alone() -> None:
    assert not any("n - 1" in after for _, after in changed_lines())


def test_an_array_is_made_smaller_and_never_larger() -> None:
    afters = {after for before, after in changed_lines() if "room[4]" in before}
    assert afters == {"uint8_t room[3];"}


def test_lines_are_kept_since_failures_tell_theirs() -> None:
    for mutant in c_operators.mutants(SOURCE, "a.c"):
        assert mutant.apply(SOURCE).count("\n") == SOURCE.count("\n")


def test_verdicts_are_kept_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    memory = Memory(path)
    assert memory.recall("a mutant") is None
    memory.keep("a mutant", "killed", "test_x", "stamp")
    memory.save()
    known = Memory(path).recall("a mutant")
    assert known is not None
    assert (known.verdict, known.by, known.stamp) == ("killed", "test_x", "stamp")


def test_an_explanation_is_good_for_one_mutant() -> None:
    made = c_operators.mutants(SOURCE, "a.c")
    mutant, other = made[0], made[1]
    entry = Survivor("a.c", mutant.function, mutant.before, mutant.after, "why")
    survived, killed = Outcome("survived"), Outcome("killed", "test_x")
    assert account([(mutant, survived)], [entry]) == ([], [])
    assert account([(mutant, survived)] * 2, [entry]) == ([mutant], [])
    assert account([(mutant, killed), (other, survived)], [entry]) == ([other], [entry])
    assert account([(mutant, Outcome("same code"))], [entry]) == ([], [])


def test_of_those_that_look_the_same_all_are_tried_again(tmp_path: Path) -> None:
    """A line more before them, and the number of one is another's."""
    source = SOURCE.replace("return", "fill(room, n);\n    return")
    memory = Memory(tmp_path / "memory.json")
    jobs = [
        Job(f"{number}", mutant, source, (), (), explained=False)
        for number, mutant in enumerate(c_operators.mutants(source, "a.c"))
    ]
    assert worth_another_try(jobs, memory) == jobs
    survivor = jobs[0].name
    for job in jobs:
        verdict = "survived" if job.name == survivor else "killed"
        memory.keep(job.name, verdict, "test_x", "stamp")
    again = worth_another_try(jobs, memory)
    assert again[0].name == survivor
    assert [job.mutant.before for job in again[1:]] == ["fill(room, n);"] * 2


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "hangs"])
def test_nothing_is_left_of_a_mutant_that_forks(tmp_path: Path, *, ends: bool) -> None:
    """Whoever started it is gone, or is stopped for the time it takes."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    program = """if True:
        import os, sys, time
        held = open(sys.argv[1], "wb", buffering=0)
        held.write(b"x")
        if os.fork() == 0 or sys.argv[2] == "hangs":
            time.sleep(600)
        os._exit(7)
    """
    code, timeout, begun = None, 120.0 if ends else 1.0, b""
    while not begun:  # a time may be over before it has begun
        code = run_whole(
            [sys.executable, "-c", program, str(pipe), "ends" if ends else "hangs"],
            cwd=tmp_path,
            env=os.environ,
            timeout=timeout,
        )
        begun, timeout = os.read(reading, 1), timeout * 2
    assert code == (7 if ends else None)
    # Nothing more comes, and that is only said when nobody has the other end.
    assert select.select([reading], [], [], PATIENCE)[0]
    assert os.read(reading, 1) == b""
    os.close(reading)
