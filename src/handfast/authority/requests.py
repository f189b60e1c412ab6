# SPDX-License-Identifier: Apache-2.0
"""What a command asks of the process that runs the authority, and its answer.

Over the database, which only its owner can write: there is no second way in that would
need rules of its own. What needs no key and no file of the running process (entries,
revocations, wishes for a rotation) is not asked for but written there at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handfast.authority.database import Database

__all__ = ["RELOAD", "answer", "ask", "outcome", "waiting"]

#: Read the entries file again.
RELOAD = "reload"


def ask(database: Database, wanted: str) -> int:
    """Write a request down; return its number."""
    with database.transaction() as run:
        run("DELETE FROM requests WHERE done_at IS NOT NULL AND done_at < ?", (_old(),))
        row = run(
            "INSERT INTO requests (at, wanted) VALUES (?, ?)",
            (datetime.now(UTC).timestamp(), wanted),
        )
        return int(row.lastrowid or 0)


def _old() -> float:
    return datetime.now(UTC).timestamp() - 3600.0


def waiting(database: Database) -> Iterator[tuple[int, str]]:
    """Read what nobody has answered yet, the oldest first."""
    yield from database.rows(
        "SELECT number, wanted FROM requests WHERE done_at IS NULL ORDER BY number"
    )


def answer(database: Database, number: int, text: str) -> None:
    """Write an answer down; an empty one says that it was done."""
    with database.transaction() as run:
        run(
            "UPDATE requests SET done_at = ?, outcome = ? WHERE number = ?",
            (datetime.now(UTC).timestamp(), text, number),
        )


def outcome(database: Database, number: int) -> str | None:
    """Read the answer; None while there is none."""
    rows = database.rows("SELECT outcome FROM requests WHERE number = ?", number)
    return rows[0][0] if rows else None
