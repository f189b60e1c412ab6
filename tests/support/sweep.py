# SPDX-License-Identifier: Apache-2.0
"""Sweeps over every k of a fault: what they count, and how far apart their k are."""

from __future__ import annotations

import gc
import os
from collections import Counter
from pathlib import Path

import trio

from handfast import Category, HandfastError, Reason, _ffi

_OURS = {Category.INTERNAL, Category.USAGE}


class Sweep:
    """The counts of one kind of fault.

    `report()` says them, fails when one is not 0 that must be, and appends them to the
    file that $HANDFAST_FAULT_TOTALS names, as the sweeps in C do.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.injected = self.accepted = self.leaked = self.hung = 0
        self.reasons: Counter[Reason] = Counter()
        self.unexplained: list[HandfastError] = []

    def note(self, error: BaseException | None) -> None:
        """Count a failure; one of the engine's own, or a misuse, explains nothing."""
        while error is not None and not isinstance(error, HandfastError):
            error = error.__cause__
        if error is None:
            return
        self.reasons[error.reason] += 1
        if error.detail.category in _OURS:
            self.unexplained.append(error)

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.injected} injected, {self.accepted} accepted wrongly, "
            f"{self.leaked} leaked, {self.hung} hung; "
            + ", ".join(f"{reason} {count}" for reason, count in self.reasons.items())
        )

    @property
    def clean(self) -> bool:
        """Whether something was injected, and nothing went wrong."""
        wrong = self.accepted or self.leaked or self.hung or self.unexplained
        return self.injected > 0 and not wrong

    def report(self) -> None:
        """Say the totals; they must be clean."""
        assert self.clean, f"{self} {self.unexplained[:3]}"
        print(self)  # noqa: T201 - pytest shows it with -s, and make sums it up
        path = os.environ.get("HANDFAST_FAULT_TOTALS")
        if path:
            counts = (self.injected, self.accepted, self.leaked, self.hung)
            line = "\t".join([f"Python: {self.kind}", *map(str, counts)])
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def count_one(kind: str) -> None:
    """Count a fault that a test of its own has injected, and found refused."""
    sweep = Sweep(kind)
    sweep.injected = 1
    sweep.report()


def stride(quick: int) -> int:
    """Return 1 for `make faults`, which tries every k; else every so many."""
    return 1 if os.environ.get("HANDFAST_FAULTS") == "all" else quick


def descriptors() -> int:
    """Count the open descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1


async def settled_connections() -> int:
    """Count the engine's connections, when trio has forgotten what it did last.

    Until its next step, a task's last exception has the frames that it went through.
    """
    await trio.lowlevel.checkpoint()
    return connections()


def connections() -> int:
    """Count the engine's connections that somebody holds."""
    gc.collect()
    return _ffi.live_handles()["conn"]
