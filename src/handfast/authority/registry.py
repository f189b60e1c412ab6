# SPDX-License-Identifier: Apache-2.0
"""The entries of an authority, in its database.

Some were added one by one by commands, others come together from a file. A file is
taken as a whole: what it does not say any more is removed, and what is wrong anywhere
in it changes nothing. An entry that a command made is not a file's to remove, nor the
other way round.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from handfast._clock import utc_now
from handfast.authority.audit import AuditRow, audit
from handfast.authority.entries import Entry
from handfast.authority.matching import EntryIndex
from handfast.authority.refusal import refuse
from handfast.errors import ConfigError, Reason, detail_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from handfast.authority.database import Database, Run
    from handfast.authority.selectors import Selector
    from handfast.ids import SpiffeId, TrustDomain

__all__ = ["ENTRIES_MAX", "Applied", "Registry", "StoredEntry"]

Origin = Literal["command", "file"]

#: Entries of an authority: larger trust domains run SPIRE.
ENTRIES_MAX: Final = 100_000
_RESERVED: Final = "/handfast/"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry, and where it comes from."""

    entry: Entry
    origin: Origin
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a file has changed, by the IDs of entries."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether everything was as the file says already."""
        return not (self.added or self.changed or self.removed)


class Registry:
    """Registration entries, with an index of them in memory.

    Args:
        database: The state.
        trust_domain: Whose IDs they may give.
        now: The clock.
    """

    def __init__(
        self,
        database: Database,
        trust_domain: TrustDomain,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._trust_domain = trust_domain
        self._now = now
        self._index = EntryIndex(())
        #: Changes with the entries.
        self.number = 0
        self.reload()

    def reload(self) -> None:
        """Read the entries again, after somebody else has changed them."""
        self._index = EntryIndex(stored.entry for stored in self.stored())
        self.number += 1

    def stored(self) -> list[StoredEntry]:
        """Read all entries, by SPIFFE ID."""
        rows = self._database.rows(
            "SELECT content, origin, changed_at FROM entries ORDER BY spiffe_id, id"
        )
        return [
            StoredEntry(
                entry=Entry.from_facts(json.loads(content)),
                origin=origin,
                changed_at=datetime.fromtimestamp(at, UTC),
            )
            for content, origin, at in rows
        ]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, the most specific first."""
        return self._index.entries

    def entries_for(
        self, selectors: frozenset[Selector], *, node: SpiffeId | None = None
    ) -> tuple[Entry, ...]:
        """Say what a process gets: the most specific entry first, each ID once."""
        return self._index.entries_for(selectors, node=node)

    def wants_hash(self, selectors: frozenset[Selector]) -> bool:
        """Say whether a hash could change what a process of this host gets."""
        return self._index.wants_hash(selectors)

    def add(self, entry: Entry) -> None:
        """Add one entry.

        Raises:
            ConfigError: It is another trust domain's, or there already.
        """
        self._check(entry)
        with self._database.transaction() as run:
            if run("SELECT 1 FROM entries WHERE id = ?", (entry.id,)).fetchone():
                hint = "remove it first, or change it in its file"
                seen = f"{entry.id}, which gives this ID to these selectors"
                refuse("an entry that is not there", seen, hint)
            (count,) = run("SELECT count(*) FROM entries").fetchone()
            if count >= ENTRIES_MAX:
                refuse(f"at most {ENTRIES_MAX} entries", f"{count} and one more")
            self._write(run, entry, "command")
            self._tell(run, "entry_added", entry)
        self.reload()

    def remove(self, entry_id: str) -> Entry:
        """Remove one entry that a command has added.

        Raises:
            ConfigError: There is none, or it comes from a file.
        """
        with self._database.transaction() as run:
            row = run(
                "SELECT content, origin FROM entries WHERE id = ?", (entry_id,)
            ).fetchone()
            if row is None:
                refuse(
                    "the ID of an entry", entry_id, "`handfast authority entry list`"
                )
            if row[1] == "file":
                hint = "remove it there; the file is applied as a whole"
                refuse("an entry of a command", "one of the entries file", hint)
            run("DELETE FROM entries WHERE id = ?", (entry_id,))
            entry = Entry.from_facts(json.loads(row[0]))
            self._tell(run, "entry_removed", entry)
        self.reload()
        return entry

    def apply(self, entries: Iterable[Entry]) -> Applied:
        """Have exactly these entries of the file, beside those of commands.

        Raises:
            ConfigError: One is another trust domain's, is there twice, or was added by
                a command; nothing is changed then.
        """
        wanted: dict[str, Entry] = {}
        for entry in entries:
            self._check(entry)
            if entry.id in wanted:
                refuse("each entry once", f"{entry.spiffe_id} twice for one set")
            wanted[entry.id] = entry
        if len(wanted) > ENTRIES_MAX:
            refuse(f"at most {ENTRIES_MAX} entries", str(len(wanted)))
        with self._database.transaction() as run:
            applied = self._replace(run, wanted)
        if not applied.nothing:
            self.reload()
        return applied

    def _replace(self, run: Run, wanted: dict[str, Entry]) -> Applied:
        rows = run("SELECT id, origin, content FROM entries").fetchall()
        for entry_id, origin, _content in rows:
            if origin == "command" and entry_id in wanted:
                seen = f"{wanted[entry_id].spiffe_id}: `entry add` made it ({entry_id})"
                hint = "`handfast authority entry remove` it, then apply the file"
                refuse("entries that no command has added", seen, hint)
        old = {
            entry_id: content for entry_id, origin, content in rows if origin == "file"
        }
        added = tuple(sorted(wanted.keys() - old.keys()))
        removed = tuple(sorted(old.keys() - wanted.keys()))
        changed = tuple(
            sorted(
                i for i in wanted.keys() & old.keys() if wanted[i].to_text() != old[i]
            )
        )
        for entry_id in removed:
            run("DELETE FROM entries WHERE id = ?", (entry_id,))
            self._tell(
                run, "entry_removed", Entry.from_facts(json.loads(old[entry_id]))
            )
        for entry_id in (*added, *changed):
            event = "entry_added" if entry_id in added else "entry_changed"
            self._write(run, wanted[entry_id], "file")
            self._tell(run, event, wanted[entry_id])
        return Applied(added=added, changed=changed, removed=removed)

    def _check(self, entry: Entry) -> None:
        if not entry.spiffe_id.is_member_of(self._trust_domain):
            detail = detail_for(
                Reason.FOREIGN_TRUST_DOMAIN,
                expected=f"an ID in {self._trust_domain}",
                seen=str(entry.spiffe_id),
            )
            raise ConfigError(detail)
        if entry.spiffe_id.path.startswith(_RESERVED):
            # Whoever had the authority's own ID, or an agent's, could speak as it.
            hint = "the authority and its agents have these themselves"
            refuse(f"an ID that is not under {_RESERVED}", str(entry.spiffe_id), hint)

    def _write(self, run: Run, entry: Entry, origin: Origin) -> None:
        run(
            "INSERT OR REPLACE INTO entries"
            " (id, spiffe_id, origin, content, changed_at) VALUES (?, ?, ?, ?, ?)",
            (
                entry.id,
                str(entry.spiffe_id),
                origin,
                entry.to_text(),
                self._now().timestamp(),
            ),
        )

    def _tell(self, run: Run, event: str, entry: Entry) -> None:
        row = AuditRow(
            at=self._now(),
            event=event,
            spiffe_id=str(entry.spiffe_id),
            entry=entry.id,
            details=entry.to_facts(),
        )
        audit(run, row)
