# SPDX-License-Identifier: Apache-2.0
"""Write src/handfast/reasons.py from the C table of failures, or check that it fits.

C and Python must never mean two things by one reason. The table in
csrc/src/base/error_codes.h is the original; tools/reasons.toml adds what only Python
knows. Run this after every change to either:

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
PYTHON_ONLY = ROOT / "tools" / "reasons.toml"
MODULE = ROOT / "src" / "handfast" / "reasons.py"

_CATEGORY = re.compile(r'X\((\w+), "(\w+)", (\d+)\)\s*/\*\s*(.*?)\s*\*/')
_ALERT = re.compile(r"#define (HF_ALERT_\w+) \(?(-?\d+)\)?")
_ROW = re.compile(
    r'X\((\w+),\s*"(\w+)",\s*(\w+),\s*(\d+),\s*([-\w]+),\s*"([^"]*)",\s*"([^"]*)"\)'
)

# Below are the engine's categories.
_FIRST_OF_PYTHON = 64

_HEAD = '''\
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - the texts are C's, a line each
"""Reasons and categories of failure. Written by tools/reasons.py: do not edit.

The rows come from csrc/src/base/error_codes.h, which is also what the C engine
reports, so a reason means the same on both sides; then those of tools/reasons.toml,
which the engine never meets.
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


def read_python_only(text: str) -> tuple[list[Category], list[Row]]:
    """Take categories and rows out of the table of what only Python knows.

    Raises:
        KeyError: A row lacks a field, or names no category of the table.
        ValueError: A category's number is one that C may take, or a code is not a byte.
    """
    table = tomllib.loads(text)
    categories = [
        Category(name.upper(), name, facts["number"], facts["comment"])
        for name, facts in table["categories"].items()
    ]
    numbers = {category.name: category.number for category in categories}
    rows: list[Row] = []
    for name, facts in table["reasons"].items():
        number, code = numbers[facts["category"]], facts["code"]
        if number < _FIRST_OF_PYTHON or code not in range(1, 256):
            raise ValueError(f"{name}: {number} or {code} is out of range")
        symbol, category = name.upper(), facts["category"].upper()
        shown = facts["text"], facts.get("hint", "")
        rows.append(Row(symbol, name, category, number << 8 | code, -1, *shown))
    return categories, rows


def read_all() -> tuple[list[Category], list[Row]]:
    """Both tables, the engine's first."""
    categories, rows = read_header(HEADER.read_text(encoding="utf-8"))
    more, others = read_python_only(PYTHON_ONLY.read_text(encoding="utf-8"))
    return categories + more, rows + others


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
    """Write or check; the exit code says whether the module fits the tables."""
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
