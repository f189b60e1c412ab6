# SPDX-License-Identifier: Apache-2.0
"""P4: each fact that a session rests on, changed alone, in each way to resume.

Another's client, which checks nothing and offers whatever it has, comes to our server a
third time after two meetings of which the second one resumed (without that a test would
prove nothing). What follows is a clean full handshake, or a refusal with its reason;
never a resumption that a full handshake would not have been.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.support import peers, pki, workloads
from tests.support.resuming import WAYS, Foreigner, Rotating, Way, World, at

from handfast import (
    ChainCache,
    Connection,
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


def refused(world: World, kind: type[PeerError] = VerificationError) -> Reason:
    """The reason that the server refuses its next visitor for."""
    with pytest.raises(kind) as caught:
        world.client.visit(world.server)
    return caught.value.reason


def test_nothing_changed(way: Way) -> None:
    """The control, R5: resumed again and again, and the peer is the same."""
    world = World(way)
    full = world.client.visit(world.server)
    for _ in range(3):
        again = world.client.visit(world.server)
        assert again.resumed
        assert again.peer == full.peer
        assert again.authenticated_at == full.authenticated_at
        assert again.presented_chain == full.presented_chain


def test_the_svid_expired(way: Way, engine_now: datetime) -> None:
    """R3: with a new one at hand a full handshake, else a refusal."""
    world = World(way)
    ends = engine_now + timedelta(seconds=600)
    world.client.becomes(pki.leaf(world.ca, workloads.CLIENT, not_after=ends))
    world.known()
    at(ends - timedelta(seconds=1))
    assert world.client.visit(world.server, keep=way.version == "1.3").resumed
    at(ends)
    assert refused(world) is Reason.CERTIFICATE_EXPIRED
    world.client.becomes(pki.leaf(world.ca, workloads.CLIENT))
    assert not world.client.visit(world.server).resumed


@pytest.mark.parametrize("which", ["intermediate", "authority"])
def test_what_signed_the_svid_expired(
    way: Way, engine_now: datetime, which: str
) -> None:
    """R3: the window is that of the whole path, with its anchor."""
    ends = engine_now + timedelta(seconds=600)
    ca = pki.root("a.example", not_after=ends if which == "authority" else None)
    middle = pki.intermediate(ca, not_after=ends if which == "intermediate" else None)
    world = World(way, ca)
    world.client.becomes(pki.leaf(middle, workloads.CLIENT))
    world.known()
    at(ends - timedelta(seconds=1))
    assert world.client.visit(world.server, keep=way.version == "1.3").resumed
    at(ends)
    assert refused(world) is Reason.CERTIFICATE_EXPIRED


def test_our_own_svid_expired(way: Way, engine_now: datetime) -> None:
    """What a full handshake would show to the peer is shown: no session hides it."""
    world = World(way)
    ends = engine_now + timedelta(seconds=600)
    world.source.rotate(
        pki.leaf(world.ca, workloads.SERVER, not_after=ends).svid(),
        world.ca.bundle("a.example"),
    )
    world.known()
    at(ends - timedelta(seconds=1))
    assert world.client.visit(world.server).resumed
    at(ends)
    assert not world.client.visit(world.server).resumed


def test_the_age_is_over(way: Way, engine_now: datetime) -> None:
    """R4: renewed every minute, until ten minutes after the key was proved."""
    world = World(way)
    world.server = world.another(sessions=way.sessions(max_age=600))
    world.known()
    for minutes in range(1, 10):
        at(engine_now + timedelta(minutes=minutes))
        assert world.client.visit(world.server).resumed
    at(engine_now + timedelta(minutes=10))
    assert not world.client.visit(world.server).resumed


def test_the_clock_was_set_back(way: Way, engine_now: datetime) -> None:
    """R4: before the time of its proof a session is none."""
    world = World(way)
    world.known()
    at(engine_now - timedelta(seconds=1))
    assert not world.client.visit(world.server).resumed


def test_the_authority_was_removed(way: Way) -> None:
    """R2: at once, without a new configuration being made by anybody."""
    world = World(way)
    world.known()
    world.source.rotate(world.svid, pki.root("a.example").bundle("a.example"))
    assert refused(world) is Reason.UNKNOWN_AUTHORITY


def test_the_bundle_is_empty(way: Way) -> None:
    """R2: an empty bundle trusts nobody."""
    world = World(way)
    world.known()
    world.source.rotate(world.svid, TrustBundle.from_der("a.example", ()))
    assert refused(world) is Reason.EMPTY_BUNDLE


def test_the_authority_was_rotated_with_overlap(way: Way) -> None:
    """R2, P5: resumes, after one verification by the bundle that is there now."""
    cache = ChainCache()
    world = World(way)
    world.server = world.another(cache=cache)
    before = world.known()
    misses = cache.statistics().misses
    both = [world.ca.der, pki.root("a.example").der]
    world.source.rotate(world.svid, TrustBundle.from_der("a.example", both))
    for _ in range(2):
        after = world.client.visit(world.server)
        assert after.resumed
        assert after.peer.bundle_digest != before.peer.bundle_digest
        assert after.authenticated_at == before.authenticated_at
        assert cache.statistics().misses == misses + 1
    world.source.rotate(world.svid, TrustBundle.from_der("a.example", both[1:]))
    assert refused(world) is Reason.UNKNOWN_AUTHORITY


def test_the_same_bundle_was_delivered_again(way: Way) -> None:
    """R2: a new generation with the same content ends nothing, and verifies nothing."""
    cache = ChainCache()
    world = World(way)
    world.server = world.another(cache=cache)
    before = world.known()
    lookups = cache.statistics()
    world.source.rotate(world.svid, world.ca.bundle("a.example"))
    after = world.client.visit(world.server)
    assert after.resumed
    assert after.peer == before.peer
    assert cache.statistics() == lookups


def test_the_policy_changed(way: Way) -> None:
    """R1, R5: whom it still allows does it in full, whom it does not is refused."""
    world = World(way)
    world.known()
    world.server = world.another(authorize=authorize.exactly(workloads.CLIENT))
    assert not world.client.visit(world.server).resumed
    assert world.client.visit(world.server).resumed
    world.server = world.another(authorize=authorize.exactly(workloads.SERVER))
    assert refused(world, NotAuthorized) is Reason.NOT_AUTHORIZED


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
def test_another_listener_has_other_settings(
    way: Way, settings: dict[str, object]
) -> None:
    """R1: one store, or one ring of keys, and contexts that stay apart."""
    world = World(way)
    world.known()
    world.server = world.another(**settings)
    assert not world.client.visit(world.server).resumed


def test_another_listener_speaks_nothing_older(way: Way) -> None:
    """R1: the least version is a setting, too, also where the session has it."""
    world = World(way)
    world.known()
    world.server = world.another(min_version="1.3")
    if way.version == "1.2":
        assert refused(world, PeerError) is Reason.VERSION_MISMATCH
    else:
        assert not world.client.visit(world.server).resumed


def test_another_listener_is_another_identity(way: Way) -> None:
    """R1: a session with one workload is none with another in the same process."""
    world = World(way)
    world.known()
    other = pki.leaf(world.ca, "spiffe://a.example/another").svid()
    world.server = world.another(source=Rotating(other, world.ca.bundle("a.example")))
    assert not world.client.visit(world.server).resumed


def test_another_listener_is_of_another_trust_domain(way: Way) -> None:
    """R1: its peers, its bundles and its policy are the same; it is somebody else."""
    there = pki.root("b.example")
    world = World(way)
    world.known()
    other = pki.leaf(there, "spiffe://b.example/server").svid()
    bundles = (world.ca.bundle("a.example"), there.bundle("b.example"))
    world.server = world.another(source=Rotating(other, *bundles))
    assert not world.client.visit(world.server).resumed


def test_an_authority_of_another_trust_domain_came(way: Way) -> None:
    """R2: whom else we trust has no bearing on a session; whom we let in has."""
    world = World(way)
    world.known()
    there = pki.root("b.example").bundle("b.example")
    world.source.rotate(world.svid, world.ca.bundle("a.example"), there)
    assert world.client.visit(world.server).resumed
    both = authorize.any_in("a.example") | authorize.any_in("b.example")
    world.server = world.another(authorize=both)
    assert not world.client.visit(world.server).resumed


def test_another_server_name_was_asked_for(way: Way) -> None:
    """R1: CVE-2025-23419's way in."""
    world = World(way)
    world.known(name="a.example")
    assert not world.client.visit(world.server, name="b.example", keep=False).resumed
    assert not world.client.visit(world.server, keep=False).resumed


def test_other_protocols_were_asked_for(way: Way) -> None:
    """R1: what the client offers is in the context as it stands there."""
    world = World(way)
    world.server = world.another(alpn=("h2", "http/1.1"))
    world.client.speaks("h2", "http/1.1")
    world.known()
    world.client.speaks("http/1.1", "h2")
    again = world.client.visit(world.server)
    assert not again.resumed
    assert again.alpn == "h2"


def test_the_other_trust_domain_is_gone(way: Way) -> None:
    """R2: a federation ended; and it is told from a domain that was never there."""
    there = pki.root("b.example")
    world = World(way)
    both = authorize.any_in("a.example") | authorize.any_in("b.example")
    ours = world.ca.bundle("a.example")
    world.source.rotate(world.svid, ours, there.bundle("b.example"))
    world.server = world.another(authorize=both)
    world.client = Foreigner(way, pki.leaf(there, "spiffe://b.example/client"))
    world.known()
    world.source.rotate(world.svid, ours)
    assert refused(world) is Reason.UNKNOWN_TRUST_DOMAIN


def test_the_key_was_retired_or_the_store_cleared(way: Way) -> None:
    """R7: and who comes then is welcome, and known again after it."""
    world = World(way)
    world.known()
    if isinstance(world.sessions, SessionStore):
        world.sessions.clear()
    else:
        for _ in range(3):
            world.sessions.rotate()
    assert not world.client.visit(world.server).resumed
    assert world.client.visit(world.server).resumed


def test_a_session_is_shown_twice(way: Way) -> None:
    """A ticket of a store in TLS 1.3 is good once; others hold, with all checks."""
    world = World(way)
    world.known()
    assert world.client.visit(world.server, keep=False).resumed
    good_once = way == Way("1.3", "cache")
    assert world.client.visit(world.server, keep=False).resumed is not good_once
    world.server = world.another(authorize=authorize.exactly(workloads.SERVER))
    assert refused(world, NotAuthorized) is Reason.NOT_AUTHORIZED


def test_a_session_of_another_process(way: Way) -> None:
    """Neither its store nor its keys are ours."""
    world = World(way)
    world.known()
    world.server = world.another(sessions=way.sessions())
    assert not world.client.visit(world.server).resumed


def test_a_session_of_a_listener_that_asks_for_no_certificate(way: Way) -> None:
    """R12: of others, since ours always ask. With a certificate a full handshake."""
    world = World(way)
    theirs = peers.stdlib_server(pki.leaf(world.ca, workloads.SERVER), None)
    for issued in (None, pki.leaf(world.ca, workloads.CLIENT)):
        client = Foreigner(way, issued)
        session = client.session_from(theirs)
        assert session is not None
        client.session = session
        if issued is None:
            with pytest.raises(PeerError) as caught:
                client.visit(world.server)
            assert caught.value.reason is Reason.NO_CERTIFICATE
        else:
            assert not client.visit(world.server).resumed


def test_early_data_is_offered_to_nobody(way: Way) -> None:
    """R8: no session of ours allows any, so no honest stack sends it."""
    world = World(way)
    world.known()
    facts = world.server.facts()
    assert (facts["max_early_data"], facts["recv_max_early_data"]) == (0, 0)


def test_a_new_svid_of_our_own(way: Way) -> None:
    """In a store: shown in full. With keys: servers of one identity share tickets."""
    world = World(way)
    world.known()
    renewed = pki.leaf(world.ca, workloads.SERVER).svid()
    world.source.rotate(renewed, world.ca.bundle("a.example"))
    assert world.client.visit(world.server).resumed is (way.kept == "ticket")


def test_a_bundle_changes_between_hello_and_finished(way: Way) -> None:
    """R2, P5: the newest bundle has the last word on a resumed handshake, too."""
    world = World(way)
    world.known()
    ours = Connection(world.server)
    world.source.rotate(world.svid, pki.root("a.example").bundle("a.example"))
    with pytest.raises(VerificationError) as caught:
        world.client.meet(ours)
    assert caught.value.reason is Reason.UNKNOWN_AUTHORITY


def test_sessions_are_off(way: Way) -> None:
    """`sessions=None`: whatever is offered, the handshake is a full one."""
    world = World(way)
    world.known()
    world.server = TlsConfig.server(
        world.source, authorize=world.anybody, min_version="1.2", sessions=None
    )
    assert not world.client.visit(world.server).resumed
