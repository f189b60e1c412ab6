# SPDX-License-Identifier: Apache-2.0
"""What became of each mutant the last time, so that no run does again what is known.

A verdict holds as long as the objects of the mutant, its folder, the tests and their
kits are the same, byte for byte; if not, who killed it is at least asked first.
For a run from nothing, remove the file.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

#: Written after so many new ones: a run that is stopped loses no more.
_OFTEN = 20


@dataclass(frozen=True, slots=True)
class Known:
    """A verdict, and the name of all that it rests on."""

    verdict: str
    by: str
    stamp: str


class Memory:
    """Verdicts by the name of the mutant, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fresh = 0
        self.lock = threading.Lock()
        self.known: dict[str, Known] = {}
        if path.is_file():
            rows = json.loads(path.read_text("utf-8"))
            self.known = {name: Known(**row) for name, row in rows.items()}

    def recall(self, name: str) -> Known | None:
        """Return what became of it the last time."""
        return self.known.get(name)

    def was_noticed(self, name: str) -> bool:
        """Whether somebody noticed it the last time, whatever has changed since."""
        return name in self.known and self.known[name].verdict != "survived"

    def keep(self, name: str, verdict: str, by: str, stamp: str) -> None:
        """Remember a verdict."""
        with self.lock:
            self.known[name] = Known(verdict, by, stamp)
            self.fresh += 1
            if self.fresh < _OFTEN:
                return
        self.save()

    def save(self) -> None:
        """Write all of it, so that no reader sees half."""
        with self.lock:
            self.fresh = 0
            rows = {name: asdict(known) for name, known in self.known.items()}
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(rows, indent=0) + "\n", "utf-8")
            new.replace(self.path)
