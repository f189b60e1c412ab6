# SPDX-License-Identifier: Apache-2.0
"""List the rules and threats that no test names.

    python tools/rules.py

The rules are in tests/rules/checklist.toml, the threats in tests/rules/threats.toml.
What cannot apply says why, in place: `{ rule = "…", met = "cannot apply: …" }`. A test
names a rule by writing its ID, X509-32 or R11 for example, in a comment, a docstring or
a table of cases, in tests/**/*.py or csrc/tests/*.c. The ends of a range do not
count: what is between them would be named by nobody. Exits 1 when any is left.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "tests" / "rules"

_SECTIONS = "ID|X509|JWT|BUN|FED|WAPI|WIT"
_ID = rf"(?:(?:{_SECTIONS})-[0-9]{{2}}|[ACDFIJRW][0-9]{{1,2}})"
_NAMED = re.compile(rf"(?<![\w.-]){_ID}(?![\w-])")
_RANGE = re.compile(rf"{_ID}\s*(?:\.\.+|…|–|to\b|-(?=[0-9]))\s*(?:{_ID}|[0-9]+)")
# C comments and strings; nothing else of a C file is a test's word for what it proves.
_C_TEXT = re.compile(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_PYTHON_TEXT = {tokenize.COMMENT, tokenize.STRING}


def _table(path: Path) -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return loaded


def checklist(rules: Path = RULES) -> dict[str, str | dict[str, str]]:
    """Every rule of every section: its text, or a table that says why it is not met."""
    found: dict[str, str | dict[str, str]] = {}
    for section in _table(rules / "checklist.toml").values():
        found |= section
    return found


def wanted(rules: Path = RULES) -> dict[str, str]:
    """Every ID that a test must name, with its line of text."""
    found = {
        rule: text for rule, text in checklist(rules).items() if isinstance(text, str)
    }
    for row, facts in _table(rules / "threats.toml").items():
        if facts["met"] == "here":
            found[row] = facts["title"]
    return found


def _texts(path: Path) -> str:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".c":
        return "\n".join(_C_TEXT.findall(source))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(token.string for token in tokens if token.type in _PYTHON_TEXT)


def names_in(text: str) -> set[str]:
    """The IDs that a text names one by one.

    Example:
        >>> sorted(names_in("X509-32, I3 and the range ID-01..09"))
        ['I3', 'X509-32']
    """
    return set(_NAMED.findall(_RANGE.sub(" ", text)))


def sources(root: Path = ROOT) -> list[Path]:
    """The tests, without this tool's own."""
    python = (root / "tests").rglob("*.py")
    found = [path for path in python if path.name != "test_rules.py"]
    return sorted([*found, *(root / "csrc" / "tests").glob("*.c")])


def missing(root: Path = ROOT) -> dict[str, str]:
    """What no test names, with its line of text."""
    named: set[str] = set()
    for path in sources(root):
        named |= names_in(_texts(path))
    rules = wanted(root / "tests" / "rules")
    return {rule: text for rule, text in rules.items() if rule not in named}


def main() -> int:
    """Print what is missing; the exit code says whether anything is."""
    left = missing()
    for rule, text in left.items():
        print(f"no test names {rule}: {text}")
    if not left:
        print(f"{len(wanted())} rules and threats, each named by a test")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
