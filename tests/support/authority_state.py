# SPDX-License-Identifier: Apache-2.0
"""An authority's state in a folder of its own, under a clock that is told to move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trio

from handfast import TrustDomain
from handfast.authority.entries import Entry
from handfast.authority.selectors import Selector
from handfast.authority.settings import AuthoritySettings
from handfast.authority.state import AuthorityState
from handfast.ids import SpiffeId
from handfast.testing import FakeClock

DOMAIN = TrustDomain("a.example")
WEB = "spiffe://a.example/web"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

#: Short lives, so that a test sees many of them.
QUICK: dict[str, Any] = {
    "svid_ttl": timedelta(minutes=10),
    "jwt_ttl": timedelta(minutes=2),
    "root_ttl": timedelta(hours=8),
    "intermediate_ttl": timedelta(hours=2),
    "jwt_key_ttl": timedelta(hours=2),
    "refresh_hint": timedelta(minutes=1),
}


def settings(**changes: Any) -> AuthoritySettings:
    return AuthoritySettings(trust_domain=DOMAIN, **(QUICK | changes))


def entry(spiffe_id: str = WEB, *selectors: str, **more: Any) -> Entry:
    return Entry(
        spiffe_id=SpiffeId.parse(spiffe_id),
        selectors=frozenset(map(Selector.parse, selectors or ("unix:uid:1000",))),
        **more,
    )


def facts(*selectors: str) -> frozenset[Selector]:
    return frozenset(map(Selector.parse, selectors))


@dataclass
class Process:
    """A caller as attestation would describe it."""

    selectors: frozenset[Selector] = facts("unix:uid:1000", "unix:gid:100")
    pid: int = 7
    began: int = 1
    uid: int = 1000
    there: bool = True
    hidden: frozenset[Selector] = frozenset()
    learnt: int = 0

    def still_there(self) -> bool:
        return self.there

    async def learn(self) -> None:
        await trio.lowlevel.checkpoint()
        self.learnt += 1
        self.selectors |= self.hidden

    def describe(self) -> str:
        return f"pid {self.pid}"


@dataclass
class World:
    """One state directory, and the clock of whoever opens it."""

    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))

    def open(
        self,
        made: AuthoritySettings | None = None,
        *,
        password: bytes | None = None,
    ) -> AuthorityState:
        return AuthorityState.open(
            self.folder, settings=made, password=password, now=self.clock
        )
