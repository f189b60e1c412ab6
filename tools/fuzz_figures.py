#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sum up the log of fuzz runs, and write the table of fuzz/README.md.

python3 tools/fuzz_figures.py LOG            print the table
python3 tools/fuzz_figures.py LOG --write    put it into fuzz/README.md
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "fuzz" / "README.md"
COLUMNS = (
    "target",
    "runs",
    "executions",
    "cases compared",
    "accepted",
    "edges reached",
    "CPU minutes",
    "broke",
    "last run",
)
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(slots=True)
class Sum:
    """All runs of one target."""

    runs: int = 0
    executions: int = 0
    cpu: float = 0.0
    edges: int = 0
    edges_total: int = 0
    cases: int = 0
    accepted: int = 0
    broken: int = 0
    last: str = ""

    def add(self, row: dict[str, Any]) -> None:
        """Add one run; coverage is the best that was reached."""
        self.runs += 1
        self.executions += row["executions"]
        self.cpu += row["cpu_seconds"]
        self.edges = max(self.edges, row["edges"])
        self.edges_total = max(self.edges_total, row["edges_total"])
        self.cases += row["cases"]
        self.accepted += row["accepted"]
        self.broken += row["code"] != 0
        self.last = max(self.last, row["ended"][:10])


def cell(number: int) -> str:
    """Write a number with its thousands apart, nothing for none."""
    return f"{number:,}" if number else "–"


def table(log: Path) -> str:
    """Return the table in Markdown, with a line for all."""
    sums: dict[str, Sum] = {}
    for line in log.read_text("utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        sums.setdefault(row["target"], Sum()).add(row)
    lines = [
        "| " + " | ".join(COLUMNS) + " |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, total in sorted(sums.items()):
        edges = "–"
        if total.edges:
            edges = f"{total.edges:,} of {total.edges_total:,}"
        lines.append(
            f"| {name} | {total.runs} | {cell(total.executions)} | {cell(total.cases)} "
            f"| {cell(total.accepted)} | {edges} | {total.cpu / 60:,.1f} "
            f"| {total.broken} | {total.last} |"
        )
    executions = sum(s.executions for s in sums.values())
    cases = sum(s.cases for s in sums.values())
    hours = sum(s.cpu for s in sums.values()) / 3600
    lines.append("")
    lines.append(
        f"In all {executions:,} executions, {cases:,} chains compared between two ways "
        f"of judging, {hours:.2f} CPU hours."
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Sum up a log of fuzz runs.")
    parser.add_argument("log", type=Path)
    parser.add_argument("--write", action="store_true", help="into fuzz/README.md")
    options = parser.parse_args()
    figures = table(options.log)
    print(figures)
    if options.write:
        text = README.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        text = f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"
        README.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
