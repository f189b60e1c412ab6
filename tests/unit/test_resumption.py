# SPDX-License-Identifier: Apache-2.0
"""P4 from Python: sessions over rotations, trust domains and forks."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from tests.support import pki, workloads
from tests.support.forking import holds_in_a_child
from tests.support.resuming import Rotating

from handfast import (
    ConfigError,
    Connection,
    NotAuthorized,
    Reason,
    SessionStore,
    TlsConfig,
    TrustBundle,
    UsageError,
    VerificationError,
    _ffi,
    authorize,
)
from handfast.authority import Authority
from handfast.testing import handshake_in_memory, transfer

KEY = "db:443"


@dataclass
class Both:
    """Two workloads that meet again and again."""

    client: TlsConfig
    server: TlsConfig

    def meet(
        self, key: str | bytes | None = KEY, name: str | None = None
    ) -> tuple[Connection, Connection]:
        client = Connection(self.client, session_key=key, server_hostname=name)
        server = Connection(self.server)
        handshake_in_memory(client, server)
        server.send(b"hello")
        transfer(server, client)
        assert client.read() == b"hello"
        assert client.resumed is server.resumed
        return client, server

    def resumes(self, **options: Any) -> bool:
        return self.meet(**options)[0].resumed


def both(**settings: Any) -> Both:
    return Both(workloads.client(**settings), workloads.server(**settings))


def test_a_peer_that_comes_back_resumes_and_is_the_same() -> None:
    """P4, R5: on by default; peer, chain and time of authentication are the first's."""
    ends = both()
    first = ends.meet()
    assert not first[0].resumed
    again = ends.meet()
    assert again[0].resumed
    for one, other in zip(first, again, strict=True):
        assert other.peer == one.peer
        assert other.presented_chain == one.presented_chain == one.peer.chain
        assert other.authenticated_at == one.authenticated_at
        assert one.signature
        assert not other.signature
        assert len(other.channel_binding()) == 32
        assert other.channel_binding() != one.channel_binding()
    assert again[0].authenticated_at <= datetime.now(UTC)


def test_a_ticket_waits_for_the_servers_first_data() -> None:
    """openssl#7948: a server sends nothing after the handshake before it has to."""
    ends = both()
    client, server = Connection(ends.client, session_key=KEY), Connection(ends.server)
    handshake_in_memory(client, server)
    assert not server.to_send()
    assert not ends.resumes()
    assert ends.resumes()


def test_without_a_key_or_with_another_one_nothing_is_resumed() -> None:
    """R9: one destination's sessions are not another's."""
    ends = both()
    assert not ends.resumes()
    assert not ends.resumes(key=None)
    assert not ends.resumes(key="db:444")
    assert not ends.resumes(name="db.example")
    assert ends.resumes()
    assert ends.resumes(key=b"db:443")


@pytest.mark.parametrize("side", ["client", "server"])
def test_sessions_can_be_switched_off_on_either_side(
    side: Literal["client", "server"],
) -> None:
    ends = both()
    setattr(ends, side, getattr(workloads, side)(sessions=None))
    assert not ends.resumes()
    assert not ends.resumes()


def test_bundles_rotate_and_sessions_stay_and_a_new_svid_is_shown() -> None:
    """P4, P5, R2, R9: equal bundles delivered again, authorities beside, new SVIDs."""
    old, new = Authority("a.example"), Authority("a.example")
    ours, theirs = (f"spiffe://a.example/{name}" for name in ("client", "server"))
    client_svid, server_svid = old.issue(ours), old.issue(theirs)
    client = Rotating(client_svid, old.bundle)
    server = Rotating(server_svid, old.bundle)
    anybody = authorize.any_in("a.example")
    ends = Both(
        TlsConfig.client(client, authorize=anybody),
        TlsConfig.server(server, authorize=anybody),
    )
    assert not ends.resumes()
    server.rotate(server_svid, old.bundle)
    client.rotate(client_svid, old.bundle)
    second = ends.meet()
    assert second[0].resumed
    old_digest = second[1].peer.bundle_digest
    overlap = TrustBundle.from_der(
        "a.example", (*old.bundle.x509_authorities, *new.bundle.x509_authorities)
    )
    server.rotate(server_svid, overlap)
    client.rotate(client_svid, overlap)
    first = ends.meet()
    assert first[0].resumed
    # New SVIDs are shown, so nothing rests on the old authority when it goes.
    server.rotate(new.issue(theirs), overlap)
    assert not ends.resumes()
    client.rotate(new.issue(ours), overlap)
    assert not ends.resumes()
    assert ends.resumes()
    server.rotate(server.snapshot().svid, new.bundle)
    client.rotate(client.snapshot().svid, new.bundle)
    again = ends.meet()
    assert again[0].resumed
    digests = {old_digest, first[1].peer.bundle_digest, again[1].peer.bundle_digest}
    assert len(digests) == 3
    assert ends.resumes()


def test_a_removed_trust_domain_takes_its_sessions_with_it() -> None:
    """P4, R2: federation ends; who is of our own trust domain goes on."""
    here, there = Authority("a.example"), Authority("b.example")
    source = Rotating(
        here.issue("spiffe://a.example/server"), here.bundle, there.bundle
    )
    anybody = authorize.any_in("a.example") | authorize.any_in("b.example")
    server = TlsConfig.server(source, authorize=anybody)
    ends = [
        Both(TlsConfig.client(Rotating(svid, here.bundle), authorize=anybody), server)
        for svid in (
            here.issue("spiffe://a.example/client"),
            there.issue("spiffe://b.example/client"),
        )
    ]
    for pair in ends:
        assert not pair.resumes()
        assert pair.resumes()
    source.rotate(source.snapshot().svid, here.bundle)
    assert ends[0].resumes()
    with pytest.raises(VerificationError) as refused:
        ends[1].meet()
    assert refused.value.reason is Reason.UNKNOWN_TRUST_DOMAIN


def test_a_bundle_that_changes_during_a_resumed_handshake_has_the_last_word() -> None:
    """P5, R2: between ClientHello and Finished the authority is removed."""
    authority, other = Authority("a.example"), Authority("a.example")
    svid = authority.issue("spiffe://a.example/server")
    source = Rotating(svid, authority.bundle)
    anybody = authorize.any_in("a.example")
    ends = Both(
        TlsConfig.client(
            Rotating(authority.issue("spiffe://a.example/client"), authority.bundle),
            authorize=anybody,
        ),
        TlsConfig.server(source, authorize=anybody),
    )
    assert not ends.resumes()
    assert ends.resumes()
    client, server = Connection(ends.client, session_key=KEY), Connection(ends.server)
    assert not client.handshake()
    transfer(client, server)
    assert not server.handshake()
    transfer(server, client)
    assert client.handshake()
    assert client.resumed
    transfer(client, server)
    source.rotate(svid, other.bundle)
    with pytest.raises(VerificationError) as refused:
        server.handshake()
    assert refused.value.reason is Reason.UNKNOWN_AUTHORITY


def test_stores_may_be_shared_and_contexts_stay_apart() -> None:
    """R1: two listeners of one store; the second one's policy is its own."""
    store = SessionStore()
    ends = both(sessions=store)
    assert not ends.resumes()
    assert ends.resumes()
    strict = authorize.exactly("spiffe://a.example/another")
    narrow = Both(ends.client, workloads.server(who=strict, sessions=store))
    with pytest.raises(NotAuthorized):
        narrow.meet()
    assert not ends.resumes()
    other = Both(ends.client, workloads.server(rules="compatible", sessions=store))
    assert not other.resumes()
    now = store.statistics()
    assert now.inserts >= 6
    assert now.entries <= now.max_entries


def test_an_expired_svid_is_a_full_handshake_with_the_next_one() -> None:
    """R3: by the engine's clock, to the second."""
    now = datetime.now(UTC).replace(microsecond=0)
    ends_at = now + timedelta(seconds=600)
    ca = workloads.authority()
    short = pki.leaf(ca, workloads.CLIENT, not_after=ends_at).svid()
    long = pki.leaf(ca, workloads.CLIENT).svid()
    source = Rotating(short, ca.bundle("a.example"))
    ends = Both(workloads.client(source), workloads.server())  # type: ignore[arg-type]
    try:
        _ffi.fix_clock(int(now.timestamp()))
        assert not ends.resumes()
        assert ends.resumes()
        _ffi.fix_clock(int(ends_at.timestamp()) - 1)
        assert ends.resumes()
        source.rotate(long, ca.bundle("a.example"))
        _ffi.fix_clock(int(ends_at.timestamp()))
        assert not ends.resumes()
    finally:
        _ffi.reset_clock()


def test_a_cleared_store_resumes_nothing() -> None:
    store = SessionStore(max_entries=100, max_age=60)
    ends = Both(workloads.client(), workloads.server(sessions=store))
    assert not ends.resumes()
    assert repr(store) == "<SessionStore 1/96 sessions>"
    store.clear()
    assert store.statistics().entries == 0
    assert not ends.resumes()


def test_a_forked_child_has_no_sessions_of_its_parent() -> None:
    """D9."""
    store = SessionStore()
    ends = Both(workloads.client(), workloads.server(sessions=store))
    assert not ends.resumes()
    assert holds_in_a_child(lambda: not store.statistics().entries + ends.resumes())
    assert ends.resumes()


def test_the_engine_gets_its_stores_back() -> None:
    gc.collect()
    before = _ffi.live_handles()["session_store"]
    ends = both()
    ends.resumes()
    assert _ffi.live_handles()["session_store"] == before + 2
    del ends
    gc.collect()
    assert _ffi.live_handles()["session_store"] == before


@pytest.mark.parametrize(
    "limits",
    [
        {"max_entries": 0},
        {"max_entries": 2**24 + 1},
        {"max_entries": True},
        {"max_age": 0},
        {"max_age": 86401},
        {"max_age": 1.5},
    ],
)
def test_limits_that_are_none_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SessionStore(**limits)


@pytest.mark.parametrize("wrong", ["shared", True, 7, SessionStore])
def test_what_is_not_a_store_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        workloads.server(sessions=wrong)


def test_keys_are_for_spiffe_clients() -> None:
    ca = workloads.authority()
    web = TlsConfig.web_client(roots=[ca.der])
    with pytest.raises(ConfigError):
        Connection(web, server_hostname="a.example", session_key=KEY)
    with pytest.raises(ConfigError):
        Connection(workloads.server(), session_key=KEY)
    with pytest.raises(ConfigError):
        Connection(workloads.client(), session_key=443)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        _ = Connection(workloads.client(), session_key=KEY).authenticated_at
