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
    Connection,
    NotAuthorized,
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
        defaults = {
            "authorize": authorize.any_in("a.example"),
            "sessions": self.store,
        }
        source: Any = self.source
        return TlsConfig.client(source, min_version="1.2", **{**defaults, **settings})

    def visit(self, key: str = "db:443", name: str | None = None) -> Connection:
        ours = Connection(self.client, session_key=key, server_hostname=name)
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
    with pytest.raises(VerificationError) as caught:
        world.visit()
    assert caught.value.reason is Reason.CERTIFICATE_EXPIRED
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


def test_the_authority_was_removed_or_rotated(way: Way) -> None:
    """R2: with overlap it resumes."""
    world = World(way)
    before = world.known()
    both = [world.ca.der, pki.root("a.example").der]
    svid = world.source.snapshot().svid
    world.source.rotate(svid, TrustBundle.from_der("a.example", both))
    after = world.visit()
    assert after.resumed
    assert after.peer.bundle_digest != before.peer.bundle_digest
    world.source.rotate(svid, TrustBundle.from_der("a.example", both[1:]))
    with pytest.raises(VerificationError) as caught:
        world.visit()
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
    with pytest.raises(NotAuthorized):
        world.visit()


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
