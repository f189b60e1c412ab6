#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Add up what the fault sweeps of a run counted.

    python tools/faults.py build/faults.tsv

Each sweep appends a line: its kind, and how many faults were injected, accepted
wrongly, leaked and hung. The totals are printed by kind and in one line. Exits 1 when
anything but the first number is not 0, or when there was no sweep at all.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What was counted, of one kind or of all."""

    injected: int = 0
    accepted: int = 0
    leaked: int = 0
    hung: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            injected=self.injected + other.injected,
            accepted=self.accepted + other.accepted,
            leaked=self.leaked + other.leaked,
            hung=self.hung + other.hung,
        )

    def __str__(self) -> str:
        return (
            f"{self.injected:,} injected failures, {self.accepted} accepted wrongly, "
            f"{self.leaked} leaked, {self.hung} hung"
        )

    @property
    def clean(self) -> bool:
        """Whether something was injected, and nothing went wrong."""
        return self.injected > 0 and not (self.accepted or self.leaked or self.hung)


def read(text: str) -> dict[str, Totals]:
    """Add the lines up by kind, in the order in which the kinds came."""
    kinds: dict[str, Totals] = {}
    for line in text.splitlines():
        kind, *numbers = line.split("\t")
        injected, accepted, leaked, hung = map(int, numbers)
        one = Totals(injected=injected, accepted=accepted, leaked=leaked, hung=hung)
        kinds[kind] = kinds.get(kind, Totals()) + one
    return kinds


def main(arguments: list[str] | None = None) -> int:
    """Print the totals; say by the exit code whether they are clean."""
    parser = argparse.ArgumentParser(description="Add up the fault sweeps of a run.")
    parser.add_argument("totals", type=Path)
    path: Path = parser.parse_args(arguments).totals
    kinds = read(path.read_text("utf-8")) if path.exists() else {}
    for kind, totals in kinds.items():
        flag = "" if totals.clean else f"   <-- {totals}"
        print(f"{totals.injected:9,}  {kind}{flag}")
    everything = sum(kinds.values(), Totals())
    print(f"faults: {everything}")
    return 0 if kinds and all(it.clean for it in kinds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
