# SPDX-License-Identifier: Apache-2.0
"""Telling the audit log who has got what: each process once, at a bounded rate.

Whoever is entitled to an identity may start processes for ever, and each of them gets
it. With a row for each, one user would fill the disk, or push everybody else's rows out
of the log. So each user (or other host) has so many rows of his own at once, and a few
a minute after that. What comes faster is not lost but put together: one row for an
entry in ten minutes says how many more there were, from when to when, and names the
first of them. That row is written with each of them, so that a crash loses none.

What nobody can hurry is told row by row always: certificates that are signed (once for
an entry and half of its life), and every change.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handfast.authority.audit import audit, rewrite
from handfast.workload_api.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Final

    from handfast.authority.audit import AuditRow
    from handfast.authority.database import Database, Run

__all__ = ["Telling"]

#: Rows of one user at once, and a second for ever: 17,000 a day.
_BURST: Final = 200
_RATE: Final = 0.2
#: Seconds that one row is added to.
_WINDOW: Final = 600.0
_TOGETHER_MAX: Final = 4096
_KNOWN_MAX: Final = 20_000
#: Values of one kind that such a row names.
_NAMED_MAX: Final = 16
_NAMED: Final = ("caller", "path", "audience")
_OF_ALL: Final = ("uid", "node", "matched")


@dataclass(frozen=True, slots=True)
class _Together:
    """What one row tells of many."""

    number: int
    serial: str | None
    since: datetime
    count: int = 0
    named: Mapping[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])

    def and_also(self, details: Mapping[str, Any]) -> _Together:
        """Add one more."""
        named = {kind: Counter(seen) for kind, seen in self.named.items()}
        for kind in _NAMED:
            value = details.get(kind, ())
            for one in [value] if isinstance(value, str) else value:
                seen = named.setdefault(kind, Counter())
                is_named = one in seen or len(seen) < _NAMED_MAX
                seen[one if is_named else "(others)"] += 1
        return replace(self, count=self.count + 1, named=named)

    def details(self, details: Mapping[str, Any], until: datetime) -> dict[str, Any]:
        """What the row says."""
        every = {name: details[name] for name in _OF_ALL if name in details}
        since = self.since.astimezone(UTC).isoformat(timespec="seconds")
        end = until.astimezone(UTC).isoformat(timespec="seconds")
        named = {kind: dict(seen) for kind, seen in self.named.items()}
        return {"coalesced": self.count, "since": since, "until": end} | every | named


class Telling:
    """Writes rows of who was given what.

    Args:
        burst: Rows of one user or host at once.
        rate: And a second for ever.
    """

    __slots__ = ("_known", "_rates", "_together")

    def __init__(self, *, burst: float = _BURST, rate: float = _RATE) -> None:
        self._known: OrderedDict[Hashable, None] = OrderedDict()
        self._rates = Rates(burst=burst, rate=rate)
        self._together: OrderedDict[Hashable, _Together] = OrderedDict()

    def knows(self, who: Mapping[str, Any], what: str) -> bool:
        """Whether it is in the log that a process has this.

        A process, not a pid: the next one with its pid is another. Bounded; who was
        forgotten is told again.
        """
        return _key(who, what) in self._known

    def mark(self, who: Mapping[str, Any], what: str) -> None:
        """Remember that it is."""
        key = _key(who, what)
        self._known[key] = None
        self._known.move_to_end(key)
        while len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)

    def tell(
        self,
        database: Database,
        row: AuditRow,
        who: Mapping[str, Any],
        what: str,
        *,
        also: Callable[[Run], object] | None = None,
    ) -> None:
        """Write a row of its own, or add to one, and remember it.

        Args:
            database: The state.
            row: What to tell; its details say who as well.
            who: The process (`pid`, `began`, `uid`), or the host that asks (`node`).
            what: It has got: a serial, a token.
            also: What else belongs into the same transaction.
        """
        subject = who.get("node") or who.get("uid")
        alone = self._rates.take(subject, now=row.at.timestamp())
        place = (row.event, row.entry, subject)
        together: _Together | None = None
        with database.transaction(durable=False) as run:
            if also is not None:
                also(run)
            if alone:
                audit(run, row)
            else:
                together = self._add(run, row, self._together.get(place))
        self.mark(who, what)
        if together is not None:
            self._together[place] = together
            self._together.move_to_end(place)
            while len(self._together) > _TOGETHER_MAX:
                self._together.popitem(last=False)

    def _add(self, run: Run, row: AuditRow, old: _Together | None) -> _Together:
        """Add one to the row of its kind, or begin another."""
        if old is not None and _goes_on(old, row):
            new = old.and_also(row.details)
            told = replace(row, details=new.details(row.details, row.at))
            if rewrite(run, old.number, told):
                return new
            # The log has forgotten that row since.
        first = _Together(0, row.serial, row.at).and_also(row.details)
        told = replace(row, details=first.details(row.details, row.at))
        return replace(first, number=audit(run, told))


def _key(who: Mapping[str, Any], what: str) -> Hashable:
    return who.get("pid"), who.get("began"), who.get("uid"), what


def _goes_on(old: _Together, row: AuditRow) -> bool:
    age = (row.at - old.since).total_seconds()
    return old.serial == row.serial and 0 <= age < _WINDOW
