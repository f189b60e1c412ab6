# SPDX-License-Identifier: Apache-2.0
"""R9: our client, and servers of others that would resume anything.

As in the matrix of the servers, each fact alone; but here the other end looks at
nothing, so that whatever is refused or done in full is our client's own doing.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support import peers, pki, workloads
from tests.support.resuming import WAYS, Rotating, Way, at
from tests.support.revoking import crl, lists

from handfast import (
    ChainCache,
    Connection,
    HandfastError,
    NotAuthorized,
    PeerError,
    Reason,
    SessionStore,
    TlsConfig,
    TrustBundle,
    VerificationError,
    authorize,
)

pytestmark = pytest.mark.parametrize("way", WAYS, ids="-".join)


class World:
    """A server of others in one way, and a client of ours with a store."""

    def __init__(self, way: Way) -> None:
        self.ca = workloads.authority()
        self.context = peers.stdlib_server(pki.leaf(self.ca, workloads.SERVER), None)
        if way.version == "1.2":
            self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        if way.kept == "cache":
            self.context.options |= ssl.OP_NO_TICKET
        self.store = SessionStore(max_age=600)
        self.source = Rotating(
            pki.leaf(self.ca, workloads.CLIENT).svid(), self.ca.bundle("a.example")
        )
        self.client = self.another()

    def another(self, **settings: Any) -> TlsConfig:
        defaults: dict[str, Any] = {
            "authorize": authorize.any_in("a.example"),
            "sessions": self.store,
            "min_version": "1.2",
        }
        source: Any = self.source
        return TlsConfig.client(source, **{**defaults, **settings})

    def visit(self, key: str = "db:443", name: str | None = None) -> Connection:
        ours = Connection(self.client, session_key=key, server_hostname=name)
        return self.meet(ours)

    def meet(self, ours: Connection) -> Connection:
        theirs = peers.StdlibPeer(self.context)
        peers.shake(ours, theirs)
        theirs.send(b"word")
        ours.receive(theirs.out())
        assert ours.read() == b"word"
        assert theirs.tls.session_reused is ours.resumed
        ours.close()
        theirs.step(ours.to_send())
        assert theirs.ended
        theirs.close()  # or OpenSSL forgets the session of its cache
        return ours

    def known(self) -> Connection:
        assert not self.visit().resumed
        again = self.visit()
        assert again.resumed
        return again

    def refused(self, kind: type[HandfastError] = VerificationError) -> Reason:
        """The reason that our client refuses the server for."""
        with pytest.raises(kind) as caught:
            self.visit()
        return caught.value.reason


def test_nothing_changed(way: Way) -> None:
    """The control, R5."""
    world = World(way)
    full = world.visit()
    for _ in range(3):
        again = world.visit()
        assert again.resumed
        assert again.peer == full.peer
        assert again.authenticated_at == full.authenticated_at


def test_the_servers_svid_expired(way: Way, engine_now: datetime) -> None:
    """R3."""
    world = World(way)
    ends = engine_now + timedelta(seconds=300)
    peers.load_identity(
        world.context, pki.leaf(world.ca, workloads.SERVER, not_after=ends)
    )
    world.known()
    at(ends - timedelta(seconds=1))
    assert world.visit().resumed
    at(ends)
    assert world.refused() is Reason.CERTIFICATE_EXPIRED
    peers.load_identity(world.context, pki.leaf(world.ca, workloads.SERVER))
    assert not world.visit().resumed


def test_the_age_is_over(way: Way, engine_now: datetime) -> None:
    """R4: tickets that renew each other end at the first one's age."""
    world = World(way)
    world.known()
    for minutes in range(1, 10):
        at(engine_now + timedelta(minutes=minutes))
        assert world.visit().resumed
    at(engine_now + timedelta(minutes=10))
    assert not world.visit().resumed


def test_our_own_svid_expired(way: Way, engine_now: datetime) -> None:
    """Of our own end, too: no session hides it from a server that would look."""
    world = World(way)
    ends = engine_now + timedelta(seconds=300)
    ours = pki.leaf(world.ca, workloads.CLIENT, not_after=ends).svid()
    world.source.rotate(ours, world.ca.bundle("a.example"))
    world.known()
    at(ends - timedelta(seconds=1))
    assert world.visit().resumed
    at(ends)
    assert not world.visit().resumed


def test_the_clock_was_set_back(way: Way, engine_now: datetime) -> None:
    """R4: before the time of its proof a session is none."""
    world = World(way)
    world.known()
    at(engine_now - timedelta(seconds=1))
    assert not world.visit().resumed


def test_the_authority_was_removed(way: Way) -> None:
    """R2: at once, without a new configuration being made by anybody."""
    world = World(way)
    world.known()
    svid = world.source.snapshot().svid
    world.source.rotate(svid, pki.root("a.example").bundle("a.example"))
    assert world.refused() is Reason.UNKNOWN_AUTHORITY


def test_the_bundle_is_empty(way: Way) -> None:
    """R2: an empty bundle trusts nobody."""
    world = World(way)
    world.known()
    svid = world.source.snapshot().svid
    world.source.rotate(svid, TrustBundle.from_der("a.example", ()))
    assert world.refused() is Reason.EMPTY_BUNDLE


def test_the_authority_was_rotated_with_overlap(way: Way) -> None:
    """R2, P5: resumes, after one verification by the bundle that is there now."""
    cache = ChainCache()
    world = World(way)
    world.client = world.another(cache=cache)
    before = world.known()
    misses = cache.statistics().misses
    both = [world.ca.der, pki.root("a.example").der]
    svid = world.source.snapshot().svid
    world.source.rotate(svid, TrustBundle.from_der("a.example", both))
    for _ in range(2):
        after = world.visit()
        assert after.resumed
        assert after.peer.bundle_digest != before.peer.bundle_digest
        assert after.authenticated_at == before.authenticated_at
        assert cache.statistics().misses == misses + 1
    world.source.rotate(svid, TrustBundle.from_der("a.example", both[1:]))
    assert world.refused() is Reason.UNKNOWN_AUTHORITY


def test_the_same_bundle_was_delivered_again(way: Way) -> None:
    """R2: a new generation with the same content ends nothing, and verifies nothing."""
    cache = ChainCache()
    world = World(way)
    world.client = world.another(cache=cache)
    before = world.known()
    lookups = cache.statistics()
    svid = world.source.snapshot().svid
    world.source.rotate(svid, world.ca.bundle("a.example"))
    after = world.visit()
    assert after.resumed
    assert after.peer == before.peer
    assert cache.statistics() == lookups


def test_the_other_trust_domain_is_gone(way: Way) -> None:
    """R2: a federation ended; and it is told from a domain that was never there."""
    there = pki.root("b.example")
    world = World(way)
    both = authorize.any_in("a.example") | authorize.any_in("b.example")
    ours, svid = world.ca.bundle("a.example"), world.source.snapshot().svid
    world.source.rotate(svid, ours, there.bundle("b.example"))
    world.client = world.another(authorize=both)
    peers.load_identity(world.context, pki.leaf(there, "spiffe://b.example/server"))
    world.known()
    world.source.rotate(svid, ours)
    assert world.refused() is Reason.UNKNOWN_TRUST_DOMAIN


def test_a_bundle_changes_between_hello_and_finished(way: Way) -> None:
    """R2, P5: the newest bundle has the last word on a resumed handshake, too."""
    world = World(way)
    world.known()
    ours = Connection(world.client, session_key="db:443")
    svid = world.source.snapshot().svid
    world.source.rotate(svid, pki.root("a.example").bundle("a.example"))
    with pytest.raises(VerificationError) as caught:
        world.meet(ours)
    assert caught.value.reason is Reason.UNKNOWN_AUTHORITY


def test_the_servers_svid_was_revoked(way: Way) -> None:
    """P4, WAPI-47: it would resume; it is met in full and refused, a new one not."""
    world = World(way)
    leaf = pki.leaf(world.ca, workloads.SERVER)
    peers.load_identity(world.context, leaf)
    world.client = world.another(crl_policy="required")
    svid, bundle = world.source.snapshot().svid, world.ca.bundle("a.example")
    world.source.rotate(svid, bundle, crls=lists(crl(world.ca)))
    world.known()
    world.source.rotate(svid, bundle, crls=lists(crl(world.ca, leaf)))
    with pytest.raises(VerificationError) as caught:
        world.visit()
    assert caught.value.reason is Reason.CERTIFICATE_REVOKED
    peers.load_identity(world.context, pki.leaf(world.ca, workloads.SERVER))
    assert not world.visit().resumed
    world.source.rotate(svid, bundle)
    with pytest.raises(VerificationError) as caught:
        world.visit()
    assert caught.value.reason is Reason.CRL_MISSING


def test_we_want_another_server(way: Way) -> None:
    """R9: the policy is a part of the key; who is refused stays refused."""
    world = World(way)
    world.known()
    world.client = world.another(authorize=authorize.exactly(workloads.SERVER))
    assert not world.visit().resumed
    world.client = world.another(authorize=authorize.exactly(workloads.CLIENT))
    assert world.refused(NotAuthorized) is Reason.NOT_AUTHORIZED


@pytest.mark.parametrize(
    "settings",
    [
        {"rules": "compatible"},
        {"groups": "P-256:X25519"},
        {"ciphersuites": "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"},
        {"alpn": ("h2",)},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_our_settings_are_others(way: Way, settings: dict[str, object]) -> None:
    """R1: one store, one destination, and configurations that stay apart."""
    world = World(way)
    world.context.set_alpn_protocols(["h2"])
    world.known()
    first, world.client = world.client, world.another(**settings)
    assert not world.visit().resumed
    assert world.visit().resumed
    world.client = first
    assert world.visit().resumed


def test_we_speak_nothing_older(way: Way) -> None:
    """R1: the least version is a setting, too, also where the session has it."""
    world = World(way)
    world.known()
    world.client = world.another(min_version="1.3")
    if way.version == "1.2":
        assert world.refused(PeerError) is Reason.PEER_ALERT  # it speaks nothing newer
    else:
        assert not world.visit().resumed


def test_another_destination_or_name(way: Way) -> None:
    """R9: kept and offered for an equal one only."""
    world = World(way)
    world.known()
    assert not world.visit(key="db:444").resumed
    assert not world.visit(name="db.example").resumed
    assert world.visit().resumed


def test_we_have_a_new_svid(way: Way) -> None:
    """P4: own identity."""
    world = World(way)
    world.known()
    renewed = pki.leaf(world.ca, workloads.CLIENT).svid()
    world.source.rotate(renewed, world.ca.bundle("a.example"))
    assert not world.visit().resumed
    assert world.visit().resumed


def test_a_server_that_lost_its_sessions(way: Way) -> None:
    """What it does not know is a full handshake, in which it is verified."""
    world = World(way)
    world.known()
    fresh = World(way)
    world.context = fresh.context
    again = world.visit()
    assert not again.resumed
    assert again.signature


def test_two_at_once_share_no_ticket(way: Way) -> None:
    """R9, RFC 8446 C.4: who takes a ticket takes it out of the store."""
    world = World(way)
    world.context.num_tickets = 1
    world.known()
    together = [Connection(world.client, session_key="db:443") for _ in range(3)]
    assert not any(ours.handshake() for ours in together)  # each has said hello
    resumed = [world.meet(ours).resumed for ours in together]
    # In TLS 1.2 a session has no number that only one may show, and no such rule.
    assert resumed == ([True] * 3 if way.version == "1.2" else [True, False, False])


def test_our_store_was_cleared_or_is_another(way: Way) -> None:
    """Nothing is left to offer; and another configuration's own store has nothing."""
    world = World(way)
    world.known()
    kept = world.client
    for settings in ({"sessions": SessionStore()}, {"sessions": None}):
        world.client = world.another(**settings)
        assert not world.visit().resumed
    world.client = kept
    assert world.visit().resumed
    world.store.clear()
    assert not world.visit().resumed
    assert world.visit().resumed
