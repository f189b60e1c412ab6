# SPDX-License-Identifier: Apache-2.0
"""The X.509-SVIDs that entries were given: one for each, and which one is right now.

An authority keeps what it has signed so, and the agent of another host what it has had
signed: both must let go of the same things, at the same moments. What was let go of is
not found any more, and the next number is the right one: that wakes the streams of
whoever has it, and they are given the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from handfast.authority.entries import Entry
    from handfast.svid import X509Svid

__all__ = ["GivenSvids", "IssuedSvid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSvid:
    """An SVID that was issued.

    Attributes:
        svid: Chain and key; its hint is the entry's.
        serial: In hexadecimal.
        renew_at: When the next one is due.
        cut_by: The intermediate whose own end it had to keep to; None: it has all of
            its life, and the next one would not have more.
        number: How many were issued for the entry before it, and itself.
        signer: The intermediate that signed it.
    """

    svid: X509Svid
    serial: str
    renew_at: datetime
    number: int
    signer: str
    cut_by: str | None = None


class GivenSvids:
    """What entries were given, the newest of each."""

    __slots__ = ("_count", "_given")

    def __init__(self) -> None:
        self._given: dict[str, tuple[Entry, IssuedSvid]] = {}
        # The numbers stay: what comes back must not look like what was there before.
        self._count: dict[str, int] = {}

    def find(self, entry: Entry) -> IssuedSvid | None:
        """What an entry was given, as the entry is now; None: it is to have another."""
        pair = self._given.get(entry.id)
        return None if pair is None or pair[0] != entry else pair[1]

    def put(self, entry: Entry, issued: IssuedSvid) -> None:
        """Keep what an entry is given; its number is the `next_number`."""
        self._given[entry.id] = (entry, issued)
        self._count[entry.id] = issued.number

    def number(self, entry: Entry) -> int:
        """How many an entry was given so far."""
        return self._count.get(entry.id, 0)

    def next_number(self, entry: Entry) -> int:
        """Of the one that it is given next."""
        return self.number(entry) + 1

    def forget(self, entries: Iterable[Entry]) -> None:
        """Let go of what is of none of these entries, as they are now."""
        known = {entry.id: entry for entry in entries}
        self._given = {i: it for i, it in self._given.items() if known.get(i) == it[0]}

    def forget_unless(self, holds: Callable[[IssuedSvid], bool]) -> int:
        """Let go of what others refuse from now on; say how many those are.

        Args:
            holds: Whether somebody who knows what we know would accept it.
        """
        before = len(self._given)
        self._given = {i: it for i, it in self._given.items() if holds(it[1])}
        return before - len(self._given)
