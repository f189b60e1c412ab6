# SPDX-License-Identifier: Apache-2.0
"""W4 as a property: whatever comes or fails, a snapshot is the last good message."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support import agent_messages as agent
from tests.support.agent_messages import API, OTHER, OWN, WEB

from handfast import Reason, SourceError, SourceSnapshot
from handfast.errors import detail_for
from handfast.sources.workload_api_state import X509State, X509View, by_hint, first
from handfast.sources.workload_api_x509 import X509Reader
from handfast.testing import FakeClock
from handfast.workload_api.proto import X509SVID, X509SVIDResponse

AGENT = "the agent at unix:/run/agent.sock"

_HINTS = st.sampled_from(["", "in", "out"])
_PARTS = st.builds(
    lambda name, number, hint: agent.part(agent.svid(name, number), hint=hint),
    st.sampled_from([WEB, API, f"spiffe://{OTHER}/web"]),
    st.integers(0, 2),
    _HINTS,
)
_FEDERATED = st.lists(st.sampled_from([OWN, OTHER, "c.example"]), unique=True)
_LISTS = st.lists(st.sampled_from([OWN, OTHER]), max_size=2)
_SPOILS = st.sampled_from(
    [
        ("spiffe_id", "spiffe://a.example/else"),
        ("spiffe_id", ""),
        ("x509_svid", b""),
        ("x509_svid", b"\x30\x00"),
        ("x509_svid_key", agent.svid("spiffe://a.example/else").key.der),
        ("bundle", b"garbage"),
        ("bundle", agent.der(agent.authority("c.example").bundle)),
        ("hint", "x" * 1_000_000),
    ]
)


def _message(
    parts: list[X509SVID], federated: list[str], lists: list[str]
) -> X509SVIDResponse:
    return agent.svids(
        *parts,
        federated=[agent.authority(name).bundle for name in federated],
        crl=[_crl(name) for name in lists],
    )


_CRLS: dict[str, bytes] = {}


def _crl(name: str) -> bytes:
    return _CRLS.setdefault(name, agent.crl(agent.authority(name).root))


_MESSAGES = st.builds(
    _message, st.lists(_PARTS, min_size=1, max_size=4), _FEDERATED, _LISTS
)


def _expected(message: X509SVIDResponse) -> object:
    """Say, from the raw message alone, what a snapshot of it must hold."""
    kept: list[tuple[str, bytes, str]] = []
    hints: set[str] = set()
    trusted: dict[str, bytes] = {}
    for part in message.svids:
        trusted[part.spiffe_id.split("/")[2]] = part.bundle
        if part.hint and part.hint in hints:
            continue
        hints.add(part.hint)
        kept.append((part.spiffe_id, part.x509_svid, part.hint))
    for name, data in message.federated_bundles.items():
        trusted.setdefault(name.split("/")[2], data)
    lists = sorted(
        {crl for crl in message.crl if any(crl == _crl(it) for it in trusted)}
    )
    return kept, trusted, lists


def _content(snapshot: SourceSnapshot) -> object:
    return (
        [(str(it.spiffe_id), b"".join(it.chain), it.hint) for it in snapshot.svids],
        {it.trust_domain.name: agent.der(it) for it in snapshot.bundles},
        sorted(
            crl
            for name in snapshot.crls.trust_domains
            for crl in snapshot.crls.get(name)
        ),
    )


class SourceMachine(RuleBasedStateMachine):
    """The source beside a model: what the last good message said."""

    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock()
        self.state = X509State(AGENT, self.clock)
        self.reader = X509Reader(self.clock)
        self.view = X509View(self.state, first, "the first")
        self.hinted = X509View(self.state, by_hint("out"), "the hint 'out'")
        self.model: object = None
        self.refused = False
        # Every content that was there, by its generation.
        self.history: dict[int, object] = {}

    @rule(message=_MESSAGES)
    def good_message(self, message: X509SVIDResponse) -> None:
        """A new stream after a reconnect sends no more than this, either."""
        before, old = self.state.generation, self.model
        changed = self.state.accept(self.reader.read_svids(message))
        self.model, self.refused = _expected(message), False
        assert changed == (self.state.generation == before + 1)
        if old == self.model:
            assert not changed

    @rule(message=_MESSAGES, spoil=_SPOILS, data=st.data())
    def bad_message(
        self, message: X509SVIDResponse, spoil: tuple[str, object], data: st.DataObject
    ) -> None:
        place = data.draw(st.integers(0, len(message.svids) - 1))
        setattr(message.svids[place], *spoil)
        with pytest.raises(SourceError) as caught:
            self.reader.read_svids(message)
        self.state.fail(caught.value)

    @rule()
    def connection_lost(self) -> None:
        self.state.fail(SourceError(detail_for(Reason.SOURCE_UNAVAILABLE)))

    @rule()
    def permission_denied(self) -> None:
        """WAPI-51."""
        self.state.refuse(SourceError(detail_for(Reason.SOURCE_REFUSED)))
        self.model, self.refused = None, True

    @invariant()
    def a_snapshot_is_the_last_good_message(self) -> None:
        if not hasattr(self, "view"):
            return
        if self.model is None:
            with pytest.raises(SourceError) as caught:
                self.view.snapshot()
            assert AGENT in caught.value.seen
            if self.refused:
                assert caught.value.reason is not Reason.SOURCE_NOT_READY
            return
        snapshot = self.view.snapshot()
        assert _content(snapshot) == self.model
        assert snapshot.svid is snapshot.svids[0]
        assert snapshot.svid.spiffe_id.trust_domain in snapshot.bundles
        # Key and chain are of one SVID: it could not have been made otherwise.
        assert snapshot.svid.key == agent.svid_key(snapshot.svid)
        known = self.history.setdefault(snapshot.generation, self.model)
        assert known == self.model

    @invariant()
    def a_hint_is_never_met_by_another_identity(self) -> None:
        """WAPI-65."""
        if not hasattr(self, "view") or self.model is None:
            return
        hints = [it.hint for it in self.view.snapshot().svids]
        if "out" in hints:
            assert self.hinted.snapshot().svid.hint == "out"
            return
        with pytest.raises(SourceError) as caught:
            self.hinted.snapshot()
        assert caught.value.reason is Reason.SOURCE_NO_SUCH_IDENTITY

    @rule()
    def time_runs_out(self) -> None:
        """W5: nothing outlives its end, and a jump back brings it back at most."""
        if self.model is None:
            return
        standing = self.view.newest()
        assert standing is not None
        ends = standing.ends
        start = self.clock()
        self.clock.set(ends - timedelta(microseconds=1))
        self.view.snapshot()
        self.clock.set(ends)
        with pytest.raises(SourceError) as caught:
            self.view.snapshot()
        assert caught.value.reason is Reason.SOURCE_EXPIRED
        assert AGENT in str(caught.value)
        self.clock.set(start)


SourceMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None
)
TestSourceMachine = SourceMachine.TestCase
