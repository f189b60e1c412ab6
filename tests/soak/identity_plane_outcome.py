# SPDX-License-Identifier: Apache-2.0
"""What happened in tests/soak/identity_plane.py, and what of it is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What happened."""

    full: int = 0
    resumed: int = 0
    messages: int = 0
    answers: int = 0
    clients_svids: set[bytes] = field(default_factory=set[bytes])
    servers_svids: set[bytes] = field(default_factory=set[bytes])
    books: Counter[str] = field(default_factory=Counter[str])
    lost: list[str] = field(default_factory=list[str])

    @property
    def connects(self) -> int:
        """Handshakes that ended well."""
        return self.full + self.resumed

    def wrong(self) -> list[str]:
        """What was lost, or did not happen at all."""
        wrong = list(self.lost)
        if self.answers != self.messages:
            wrong.append(f"{self.messages} messages, {self.answers} answers")
        if self.books["accepted"] != self.connects + 1:
            wrong.append(f"the server accepted {self.books['accepted']}")
        if self.books["refused"] or self.books["broken"]:
            wrong.append(f"the server's books: {dict(self.books)}")
        if not (self.full and self.resumed and self.messages):
            wrong.append("a kind of connection never happened")
        if self.rotations < 1:
            wrong.append("identities did not rotate")
        return wrong

    @property
    def rotations(self) -> int:
        """How often both ends have had a new identity."""
        return min(len(self.clients_svids), len(self.servers_svids)) - 1

    def summary(self) -> str:
        """Say it in a line."""
        return (
            f"SVIDs of the client {len(self.clients_svids)}, of the server "
            f"{len(self.servers_svids)}; connects {self.connects} (full {self.full}, "
            f"resumed {self.resumed}); on the stream that stayed open {self.messages} "
            f"messages, {self.answers} answers; lost {len(self.wrong())}"
        )
