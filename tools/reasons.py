# SPDX-License-Identifier: Apache-2.0
"""Write src/handfast/reasons.py from the tables of failures, or check that it fits.

C and Python must never mean two things by one reason. The table in
csrc/src/base/error_codes.h is the original. What C never reports (tokens, sources and
so on) stands in tools/reason_tables/*.toml, a file for each part, with categories from
64 on, so that no code of one is ever one of the other. Run this after every change:

    python tools/reasons.py            writes the Python module
    python tools/reasons.py --check    exits 1 when it would change
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "csrc" / "src" / "base" / "error_codes.h"
PARTS = ROOT / "tools" / "reason_tables"
MODULE = ROOT / "src" / "handfast" / "reasons.py"

# The first category of Python's own; C has those below.
FIRST_OF_PYTHON = 64

_CATEGORY = re.compile(r'X\((\w+), "(\w+)", (\d+)\)\s*/\*\s*(.*?)\s*\*/')
_ALERT = re.compile(r"#define (HF_ALERT_\w+) \(?(-?\d+)\)?")
_ROW = re.compile(
    r'X\((\w+),\s*"(\w+)",\s*(\w+),\s*(\d+),\s*([-\w]+),\s*"([^"]*)",\s*"([^"]*)"\)'
)

_HEAD = '''\
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - the texts are C's, a line each
"""Reasons and categories of failure. Written by tools/reasons.py: do not edit.

The rows come from csrc/src/base/error_codes.h, which is also what the C engine
reports, so a reason means the same on both sides; behind them stand those that C never
reports, from tools/reason_tables/*.toml.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["ROWS", "Category", "Reason", "Row"]


class Row(NamedTuple):
    """What is said about a reason: for people, and for the peer (``alert``)."""

    category: Category
    code: int
    alert: int | None
    text: str
    hint: str

'''


class Category(NamedTuple):
    """One row of HF_CATEGORIES."""

    symbol: str
    name: str
    number: int
    comment: str


class Row(NamedTuple):
    """One row of HF_ERRORS."""

    symbol: str
    name: str
    category: str
    code: int
    alert: int
    text: str
    hint: str


def read_header(text: str) -> tuple[list[Category], list[Row]]:
    """Take the two tables out of the header's text.

    Raises:
        ValueError: A row was not understood; nothing is skipped silently.
    """
    flat = re.sub(r"\s*\\\n\s*", " ", text)
    head, _, tail = flat.partition("#define HF_ERRORS(X)")
    categories = [
        Category(symbol, name, int(number), comment)
        for symbol, name, number, comment in _CATEGORY.findall(head)
    ]
    alerts = {name: int(number) for name, number in _ALERT.findall(head)}
    numbers = {category.symbol: category.number for category in categories}
    rows: list[Row] = []
    for symbol, name, category, number, alert, text_, hint in _ROW.findall(tail):
        code = numbers[category] << 8 | int(number)
        told = alerts[alert] if alert in alerts else int(alert)
        rows.append(Row(symbol, name, category, code, told, text_, hint))
    if not rows or len(rows) != len(re.findall(r"\bX\(", tail)):
        raise ValueError(f"{HEADER.name}: a row of HF_ERRORS is not understood")
    return categories, rows


def read_parts(folder: Path = PARTS) -> tuple[list[Category], list[Row]]:
    """Take categories and rows out of Python's own tables, file by file.

    Raises:
        ValueError: A category or code is there twice, or among C's.
    """
    categories: list[Category] = []
    rows: list[Row] = []
    for file in sorted(folder.glob("*.toml")):
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        name, number = table["category"]["name"], table["category"]["number"]
        if number < FIRST_OF_PYTHON or number in {x.number for x in categories}:
            raise ValueError(f"{file.name}: category {number} is taken")
        categories.append(Category(name, name, number, table["category"]["comment"]))
        for row in table["reason"]:
            code = number << 8 | row["number"]
            if code in {x.code for x in rows}:
                raise ValueError(f"{file.name}: number {row['number']} is there twice")
            symbol = row["name"].upper()
            rows.append(
                Row(symbol, row["name"], name, code, -1, row["text"], row["hint"])
            )
    return categories, rows


def read_all() -> tuple[list[Category], list[Row]]:
    """The tables of both sides, C's first."""
    categories, rows = read_header(HEADER.read_text(encoding="utf-8"))
    more_categories, more_rows = read_parts()
    return categories + more_categories, rows + more_rows


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def module_text(categories: list[Category], rows: list[Row]) -> str:
    """The Python module, as ruff would format it."""
    lines = [_HEAD, "class Category(enum.StrEnum):"]
    lines += ['    """Whose failure it is: each reason is in one category."""', ""]
    for category in categories:
        lines.append(f"    #: {category.comment}")
        lines.append(f"    {category.name.upper()} = {_quoted(category.name)}")
    lines += ["", "", "class Reason(enum.StrEnum):"]
    lines += ['    """Why something failed: stable names, the same in C."""', ""]
    for row in rows:
        lines.append(f"    #: {row.text}")
        lines.append(f"    {row.name.upper()} = {_quoted(row.name)}")
    lines += ["", "", "#: Everything that is known about a reason beforehand."]
    lines.append("ROWS: dict[Reason, Row] = {")
    for row in rows:
        lines.append(f"    Reason.{row.name.upper()}: Row(")
        category_name = next(c.name for c in categories if c.symbol == row.category)
        alert = None if row.alert < 0 else row.alert
        for value in (
            f"Category.{category_name.upper()}",
            f"0x{row.code:04X}",
            repr(alert),
            _quoted(row.text),
            _quoted(row.hint),
        ):
            lines.append(f"        {value},")
        lines.append("    ),")
    lines += ["}", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write or check; the exit code says whether the module fits the header."""
    wanted = module_text(*read_all())
    if arguments == ["--check"]:
        if MODULE.read_text(encoding="utf-8") == wanted:
            return 0
        print(f"{MODULE.relative_to(ROOT)} is out of date: run tools/reasons.py")
        return 1
    MODULE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
