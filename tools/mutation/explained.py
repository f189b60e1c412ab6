# SPDX-License-Identifier: Apache-2.0
"""tests/mutation/*.toml: what is mutated with which tests, and what may survive."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mutation.mutant import squeeze


@dataclass(frozen=True, slots=True)
class Module:
    """Files whose mutants are judged by the same tests.

    `careful` are those of them that are asked again under the sanitizers.
    """

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    careful: tuple[str, ...] = ()

    def paths(self, root: Path) -> list[str]:
        """Return its files as they are now, sorted."""
        found = {
            path.relative_to(root).as_posix()
            for pattern in self.files
            for path in root.glob(pattern)
        }
        return sorted(found)

    def chosen(self, tests: list[str]) -> list[str]:
        """Return which of the tests are its own."""
        return [t for t in tests if any(fnmatch(t, mine) for mine in self.tests)]

    def chosen_carefully(self, tests: list[str]) -> tuple[str, ...]:
        """Return which of its tests are asked again under the sanitizers."""
        mine = self.careful or self.tests
        return tuple(t for t in tests if any(fnmatch(t, m) for m in mine))


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test can or should kill, and why."""

    file: str
    function: str
    before: str
    after: str
    why: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names the mutant (Mutant.key)."""
        return self.file, self.function, self.before, self.after


def modules(path: Path) -> list[Module]:
    """Read which modules there are."""
    table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    return [
        Module(
            name=row["name"],
            files=tuple(row["files"]),
            tests=tuple(row["tests"]),
            careful=tuple(row.get("careful", ())),
        )
        for row in table["module"]
    ]


def survivors(path: Path) -> list[Survivor]:
    """Read what may survive; every entry must say why."""
    table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    found: list[Survivor] = []
    for group in table.get("survivor", []):
        why = squeeze(group["why"])
        if not why:
            raise ValueError(f"{path}: an entry of {group['file']} does not say why")
        found.extend(
            Survivor(
                group["file"],
                group["function"],
                squeeze(change[0]),
                squeeze(change[1]),
                why,
            )
            for change in group["changes"]
        )
    return found
