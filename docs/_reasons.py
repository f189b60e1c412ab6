# SPDX-License-Identifier: Apache-2.0
"""Write the table of reasons from the package's own, so that the two cannot drift."""

from __future__ import annotations

from pathlib import Path

from handfast.reasons import ROWS


def write_table(folder: Path) -> None:
    """Write ``reference/reasons-table.md`` below the documentation's folder."""
    lines = ["| reason | category | means | what to do |", "|---|---|---|---|"]
    lines += [
        f"| `{reason}` | {row.category} | {row.text} | {row.hint} |"
        for reason, row in ROWS.items()
    ]
    target = folder / "reference" / "reasons-table.md"
    target.write_text("\n".join(lines) + "\n", "utf-8")
