# SPDX-License-Identifier: Apache-2.0
"""R4: a model of what may resume, against random lives of sessions.

Time goes on and back, SVIDs are renewed and revoked, authorities come and go, the
policy changes, keys are retired, tickets are kept and shown again later. The model
knows nothing of tickets: it says for each visit whether a full handshake would be
accepted now and, of the session that is shown, when its key was proved and what it was
proved to. Whatever may resume does, and nothing else; whatever is refused must be
refused in full, too.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.support import pki, workloads
from tests.support.resuming import Foreigner, Rotating, Way
from tests.support.revoking import crl, lists

from handfast import (
    PeerError,
    RevocationLists,
    SessionStore,
    TicketKeys,
    TlsConfig,
    TrustBundle,
    _ffi,
    authorize,
)

AGE = 600
NOW = datetime.now(UTC).replace(microsecond=0)
POLICIES = (
    authorize.any_in("a.example"),
    authorize.exactly(workloads.CLIENT),
    authorize.exactly(workloads.SERVER),
)
ROOTS = tuple(pki.root("a.example") for _ in range(2))


@dataclass
class Shown:
    """A session that somebody has, and the full handshake from which it descends."""

    session: ssl.SSLSession
    proved_at: int
    root: int
    ends_at: int
    context: tuple[int, int]
    leaf: pki.Issued
    used: bool = False


class Sessions(RuleBasedStateMachine):
    way = Way("1.3", "cache")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.own = 0
        self.policy = 0
        self.trusted = {0}
        self.sessions = self.way.sessions(max_age=AGE)
        self.revoked: list[pki.Issued] = []
        self.svids = [pki.leaf(ROOTS[0], workloads.SERVER).svid() for _ in range(2)]
        self.source = Rotating(self.svids[0], self._bundle(), crls=self._lists())
        self.client = Foreigner(self.way, None)
        self.renew(root=0, seconds=900)
        self.has: list[Shown] = []
        self._tick()

    def _bundle(self) -> TrustBundle:
        ders = tuple(ROOTS[i].der for i in sorted(self.trusted))
        return TrustBundle.from_der("a.example", ders)

    def _lists(self) -> RevocationLists:
        since, until = NOW - timedelta(hours=2), NOW + timedelta(days=1)
        of = [[it for it in self.revoked if it.above[0] is ca] for ca in ROOTS]
        return lists(
            *(
                crl(ca, *listed, since=since, until=until)
                for ca, listed in zip(ROOTS, of, strict=True)
            )
        )

    def _deliver(self) -> None:
        self.source.rotate(self.svids[self.own], self._bundle(), crls=self._lists())

    def _tick(self) -> None:
        _ffi.fix_clock(int(NOW.timestamp()) + self.now)

    def teardown(self) -> None:
        _ffi.reset_clock()

    @rule(root=st.integers(0, 1), seconds=st.sampled_from((200, 900)))
    def renew(self, root: int, seconds: int) -> None:
        """The client gets a new SVID of an authority."""
        self.root, self.ends_at = root, self.now + seconds
        until = NOW + timedelta(seconds=self.ends_at)
        self.leaf = pki.leaf(ROOTS[root], workloads.CLIENT, not_after=until)
        self.client.becomes(self.leaf)

    @rule()
    def the_svid_is_revoked(self) -> None:
        """P4, WAPI-47: with all that it has begun; the next one is good again."""
        self.revoked.append(self.leaf)
        self._deliver()

    @rule(seconds=st.sampled_from((1, 50, 199, 299, 600)))
    def time_goes_on(self, seconds: int) -> None:
        self.now += seconds
        self._tick()

    @rule()
    def the_clock_is_set_back(self) -> None:
        self.now -= 30
        self._tick()

    @rule(policy=st.integers(0, 2))
    def another_policy(self, policy: int) -> None:
        self.policy = policy

    @rule(trusted=st.sets(st.integers(0, 1)))
    def other_authorities(self, trusted: set[int]) -> None:
        self.trusted = trusted
        self._deliver()

    @rule()
    def our_svid_is_renewed(self) -> None:
        self.own = 1 - self.own
        self._deliver()

    @rule()
    def nothing_older_opens(self) -> None:
        if isinstance(self.sessions, SessionStore):
            self.sessions.clear()
        else:
            for _ in range(3):
                self.sessions.rotate()
        self.has.clear()

    def _context(self) -> tuple[int, int]:
        return (self.policy, self.own if self.way.kept == "cache" else 0)

    def _full_is_good(self) -> bool:
        return (
            self.root in self.trusted
            and self.now < self.ends_at
            and self.leaf not in self.revoked
            and self.policy != 2
        )

    def _may_resume(self, shown: Shown) -> bool:
        good_once = self.way == Way("1.3", "cache")
        return (
            not (good_once and shown.used)
            and shown.proved_at <= self.now < min(shown.proved_at + AGE, shown.ends_at)
            and shown.root in self.trusted
            and shown.leaf not in self.revoked
            and shown.context == self._context()
            and self.policy != 2
        )

    @rule(data=st.data())
    def visit(self, data: st.DataObject) -> None:
        """With one of its sessions, or with none."""
        choices = [None, *range(len(self.has))]
        chosen = data.draw(st.sampled_from(choices))
        shown = None if chosen is None else self.has[chosen]
        self.client.session = None if shown is None else shown.session
        server = TlsConfig.server(
            self.source,
            authorize=POLICIES[self.policy],
            min_version="1.2",
            sessions=self.sessions,
            crl_policy="if_available",
        )
        may = shown is not None and self._may_resume(shown)
        if shown is not None:
            shown.used = True
        try:
            met = self.client.visit(server)
        except PeerError:
            assert not may
            assert not self._full_is_good()
            return
        # Else a model of what never happens would hold, too.
        assert met.resumed is may
        if not may:
            assert self._full_is_good()
            shown = None
        assert self.client.session is not None
        if shown is None:
            proved_at, root, ends = self.now, self.root, self.ends_at
            leaf = self.leaf
        else:
            proved_at, root, ends = shown.proved_at, shown.root, shown.ends_at
            leaf = shown.leaf
        told = int(met.authenticated_at.timestamp()) - int(NOW.timestamp())
        assert told == proved_at
        self.has.append(
            Shown(self.client.session, proved_at, root, ends, self._context(), leaf)
        )

    @invariant()
    def nobody_keeps_more_than_it_may(self) -> None:
        if isinstance(self.sessions, TicketKeys):
            counts = self.sessions.statistics()
            assert counts.refused <= counts.opened
        else:
            counts_of_store = self.sessions.statistics()
            assert counts_of_store.entries <= counts_of_store.max_entries


class Tickets(Sessions):
    way = Way("1.3", "ticket")


class SessionsOf12(Sessions):
    way = Way("1.2", "cache")


class TicketsOf12(Sessions):
    way = Way("1.2", "ticket")


for _machine in (Sessions, Tickets, SessionsOf12, TicketsOf12):
    _machine.TestCase.settings = settings(
        max_examples=15,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )

TestSessions = Sessions.TestCase
TestTickets = Tickets.TestCase
TestSessionsOf12 = SessionsOf12.TestCase
TestTicketsOf12 = TicketsOf12.TestCase
