# SPDX-License-Identifier: Apache-2.0
"""The audit log: what was issued to whom and why, and what was changed.

Rows are written in the transaction of what they tell, so that neither is there without
the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Final

    from handfast.authority.database import Database, Run

__all__ = ["ROWS_MAX", "AuditRow", "audit", "forget_some", "read_audit", "rewrite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One thing that happened.

    Attributes:
        at: When.
        event: What: ``x509_issued``, ``jwt_issued``, ``x509_given``, ``entry_added`` …
        spiffe_id: Whose identity.
        entry: The entry that allowed it.
        serial: Of the certificate, in hexadecimal.
        not_after: When what was issued ends.
        details: Selectors, process and executable of the caller, and so on.
        number: Its place in the log.
    """

    at: datetime
    event: str
    spiffe_id: str | None = None
    entry: str | None = None
    serial: str | None = None
    not_after: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    number: int = 0


#: Rows of the log, however young they are: some gigabytes.
ROWS_MAX: Final = 10_000_000
_SLICE: Final = 5_000


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def audit(run: Run, row: AuditRow) -> int:
    """Write a row, in the caller's transaction; return its number."""
    done = run(
        "INSERT INTO audit (at, event, spiffe_id, entry, serial, not_after, details)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            row.at.timestamp(),
            row.event,
            row.spiffe_id,
            row.entry,
            row.serial,
            _seconds(row.not_after),
            json.dumps(row.details, sort_keys=True, default=str),
        ),
    )
    return int(done.lastrowid or 0)


def rewrite(run: Run, number: int, row: AuditRow) -> bool:
    """Tell more in a row that tells of many; False: it is not there any more."""
    details = json.dumps(row.details, sort_keys=True, default=str)
    done = run(
        "UPDATE audit SET details = ?, not_after = max(coalesce(not_after, 0), ?)"
        " WHERE number = ? AND event = ?",
        (details, _seconds(row.not_after) or 0.0, number, row.event),
    )
    return bool(done.rowcount)


def forget_some(run: Run, before: datetime, *, most: int = ROWS_MAX) -> int:
    """Remove what is older, and more rows than `most`; some thousand at a time.

    Returns:
        How many were removed: what is left comes the next time, so that nobody waits
        while a month is removed.
    """
    moment = before.timestamp()
    rows = run(
        "DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE at < ?"
        " OR number <= (SELECT max(number) FROM audit) - ? ORDER BY number LIMIT ?)",
        (moment, most, _SLICE),
    )
    over = run(
        "DELETE FROM issued WHERE serial IN"
        " (SELECT serial FROM issued WHERE not_after < ? LIMIT ?)",
        (moment, _SLICE),
    )
    return int(rows.rowcount + over.rowcount)


def read_audit(  # noqa: PLR0913 - what to look for, by keyword
    database: Database,
    *,
    spiffe_id: str | None = None,
    event: str | None = None,
    serial: str | None = None,
    since: datetime | None = None,
    last: int = 100,
) -> Iterator[AuditRow]:
    """Read the last rows that fit, oldest first."""
    found = database.rows(
        "SELECT at, event, spiffe_id, entry, serial, not_after, details, number"
        " FROM audit WHERE (? IS NULL OR spiffe_id = ?)"
        " AND (? IS NULL OR event = ?) AND (? IS NULL OR serial = ?)"
        " AND at >= ? ORDER BY number DESC LIMIT ?",
        *(spiffe_id, spiffe_id, event, event, serial, serial),
        _seconds(since) or 0.0,
        last,
    )
    for at, what, who, entry, number, ends, details, place in reversed(found):
        yield AuditRow(
            at=datetime.fromtimestamp(at, UTC),
            event=what,
            spiffe_id=who,
            entry=entry,
            serial=number,
            not_after=None if ends is None else datetime.fromtimestamp(ends, UTC),
            details=json.loads(details),
            number=place,
        )
