# SPDX-License-Identifier: Apache-2.0
"""Which entries are for a process, found without looking at all of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handfast.authority.entries import Entry
    from handfast.authority.selectors import Selector
    from handfast.ids import SpiffeId

__all__ = ["EntryIndex"]


def _order(entry: Entry) -> tuple[int, str, str]:
    """The most specific first, and a fixed order among equals."""
    return -len(entry.selectors), str(entry.spiffe_id), entry.id


def _is_hash(one: Selector) -> bool:
    return one.type == "unix" and one.value.startswith("sha256:")


class EntryIndex:
    """Entries by that of their selectors that the fewest entries have.

    A process has some ten selectors, so only the few entries are compared that one of
    these leads to, however many thousand there are.
    """

    __slots__ = ("_by_selector", "_with_hash", "entries")

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(sorted(entries, key=_order))
        count = Counter(one for entry in self.entries for one in entry.selectors)
        self._by_selector: dict[Selector, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            rarest = min(entry.selectors, key=lambda one: (count[one], one))
            self._by_selector[rarest].append(entry)
        # By another one of theirs, or None: a hash is asked for when the rest fits.
        self._with_hash: dict[
            Selector | None, list[tuple[SpiffeId | None, frozenset[Selector]]]
        ] = defaultdict(list)
        for entry in self.entries:
            rest = frozenset(one for one in entry.selectors if not _is_hash(one))
            if rest != entry.selectors:
                key = min(rest, key=lambda one: (count[one], one), default=None)
                self._with_hash[key].append((entry.node, rest))

    def wants_hash(
        self, selectors: frozenset[Selector], *, node: SpiffeId | None = None
    ) -> bool:
        """Say whether the hash of a process's executable could change its answer.

        Args:
            selectors: What is known of it so far.
            node: Whose agent asks; None for this host's own.
        """
        if not self._with_hash or any(map(_is_hash, selectors)):
            return False
        return any(
            of == node and rest <= selectors
            for one in (None, *selectors)
            for of, rest in self._with_hash.get(one, ())
        )

    def entries_for(
        self, selectors: frozenset[Selector], *, node: SpiffeId | None = None
    ) -> tuple[Entry, ...]:
        """Say what a process gets: the most specific entry first, each ID once.

        Of several entries with one ID the most specific one counts: it says how long
        its documents live and what else is in them.

        Args:
            selectors: All that attestation found of it.
            node: Whose agent found it; None for this host's own.
        """
        found = [
            entry
            for one in selectors
            for entry in self._by_selector.get(one, ())
            if entry.node == node and entry.matches(selectors)
        ]
        by_id: dict[SpiffeId, Entry] = {}
        for entry in sorted(found, key=_order):
            by_id.setdefault(entry.spiffe_id, entry)
        return tuple(by_id.values())
