# SPDX-License-Identifier: Apache-2.0
"""Who still speaks plain text: a bounded table of addresses, and what it says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handfast.net.failures import need_positive

if TYPE_CHECKING:
    from handfast.net.origin import Address

__all__ = ["PlainTextPeer", "PlainTextReport", "PlainTextTable", "Visit"]

_LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTextPeer:
    """One address that spoke plain text.

    Attributes:
        address: The host, without a port; ``"local"`` for a local socket.
        via: The proxy's host, when a proxy told the address.
        connections: How many it made.
        active: How many of them are open.
        first_seen: When the first one came.
        last_seen: When the last one came or ended; now, while one is open.
    """

    address: str
    via: str | None
    connections: int
    active: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTextReport:
    """What a port in permissive mode has seen, at one moment.

    Attributes:
        since: When counting began.
        until: Now.
        mutual_tls: Connections whose peers were verified and authorized.
        plain_text: Connections in plain text, refused ones included.
        refused: Those that were beyond ``max_connections``.
        overflow: Connections of addresses that found no room in the table.
        peers: Whom it has seen, the last one first.
    """

    since: datetime
    until: datetime
    mutual_tls: int
    plain_text: int
    refused: int
    overflow: int
    peers: tuple[PlainTextPeer, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every address that spoke plain text is among `peers`."""
        return not self.overflow

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it: times in ISO 8601."""
        facts: dict[str, Any] = json.loads(
            json.dumps(asdict(self), default=datetime.isoformat)
        )
        return facts | {"is_complete": self.is_complete}

    def to_json(self) -> str:
        """Write it as one JSON object."""
        return json.dumps(self.facts(), separators=(",", ":"))


class _Row:
    __slots__ = ("active", "connections", "first_seen", "last_seen")

    def __init__(self, now: datetime) -> None:
        self.connections = self.active = 0
        self.first_seen = self.last_seen = now


class Visit:
    """One connection in plain text, until it ends."""

    __slots__ = ("_row", "_table", "is_first")

    def __init__(self, table: PlainTextTable, row: _Row | None, first: bool) -> None:  # noqa: FBT001 - of the table's own
        self._table = table
        self._row = row
        #: Whether the address was seen for the first time.
        self.is_first = first

    def end(self) -> None:
        """It is closed."""
        self._table.active -= 1
        if self._row is not None:
            self._row.active -= 1
            self._row.last_seen = datetime.now(UTC)


class PlainTextTable:
    """Counts by address.

    When it is full, those that are in it stay: what a stranger does later takes nobody
    out of the report, it only makes it incomplete.
    """

    __slots__ = ("_limit", "_rows", "_since", "active", "mutual", "overflow", "plain")

    def __init__(self, limit: int) -> None:
        need_positive("max_peers=", limit)
        self._limit = limit
        self.active = 0
        self.clear()

    def clear(self) -> None:
        """Begin to count anew; connections that are open stay counted as such."""
        self._rows: dict[tuple[str, str | None], _Row] = {}
        self._since = datetime.now(UTC)
        self.mutual = self.plain = self.overflow = 0

    def visit(self, source: Address | None, proxy: Address | None) -> Visit:
        """Count a connection; `proxy` is who told us the source, if anybody did."""
        key = (source[0] if source else _LOCAL, proxy[0] if proxy else None)
        self.plain += 1
        self.active += 1
        row = self._rows.get(key)
        first = row is None
        if row is None and len(self._rows) < self._limit:
            row = self._rows[key] = _Row(datetime.now(UTC))
        if row is None:
            self.overflow += 1
            return Visit(self, None, first)
        row.connections += 1
        row.active += 1
        row.last_seen = datetime.now(UTC)
        return Visit(self, row, first)

    def report(self, refused: int) -> PlainTextReport:
        """Take the record of this moment."""
        now = datetime.now(UTC)
        peers = [
            PlainTextPeer(
                address=address,
                via=via,
                connections=row.connections,
                active=row.active,
                first_seen=row.first_seen,
                last_seen=now if row.active else row.last_seen,
            )
            for (address, via), row in self._rows.items()
        ]
        peers.sort(key=lambda peer: peer.last_seen, reverse=True)
        return PlainTextReport(
            since=self._since,
            until=now,
            mutual_tls=self.mutual,
            plain_text=self.plain,
            refused=refused,
            overflow=self.overflow,
            peers=tuple(peers),
        )
