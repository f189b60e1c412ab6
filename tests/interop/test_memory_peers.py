# SPDX-License-Identifier: Apache-2.0
"""Handshakes with Python's `ssl` and with pyOpenSSL, in memory, in both roles."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key
from OpenSSL import SSL
from tests.support import pki, workloads
from tests.support.engine import NOT_AUTHORIZED_TEXT
from tests.support.peers import PyOpenSslPeer, make_peer, shake

from handfast import (
    Connection,
    NotAuthorized,
    PeerAlert,
    PeerError,
    Reason,
    StaticSource,
    TlsConfig,
    Truncated,
    VerificationError,
    Verifier,
    X509Svid,
    authorize,
)
from handfast.authority import Authority
from handfast.testing import ACCEPTED, REFUSED, Leaf

pytestmark = pytest.mark.interop

KINDS = ("stdlib", "pyopenssl")
ROLES = ("client", "server")


def ours(role: str, **settings: Any) -> Connection:
    """Our end in a role."""
    make = workloads.client if role == "client" else workloads.server
    return Connection(make(**settings))


def other(role: str) -> str:
    return "server" if role == "client" else "client"


def theirs(kind: str, role: str, issued: Any = None, **settings: Any) -> Any:
    """Their end in a role, which verifies us by our authority."""
    ca = workloads.authority()
    issued = issued or pki.leaf(ca, workloads.CLIENT)
    return make_peer(kind, role, issued, ca, **settings)


@pytest.mark.parametrize("tls12", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_mutual_tls_with_a_peer_of_others(role: str, kind: str, *, tls12: bool) -> None:
    """Both verify; data both ways; each sees the other's leaf; a clean end."""
    we = ours(role, min_version="1.2" if tls12 else "1.3", alpn=("h2",))
    they = theirs(kind, other(role), tls12=tls12, alpn=("h2",))
    shake(we, they)
    assert they.error is None
    assert str(we.peer.spiffe_id) == workloads.CLIENT
    assert we.version == ("1.2" if tls12 else "1.3")
    assert they.version == f"TLSv{we.version}"
    assert we.alpn == they.alpn == "h2"
    config: Any = we._config
    assert they.leaf() == config._source.snapshot().svid.chain[0]
    assert not we.resumed

    we.send(b"from us" * 10_000)
    they.step(we.to_send())
    assert they.received == b"from us" * 10_000
    they.send(b"from them" * 5_000)
    we.receive(they.out())
    assert we.read() == b"from them" * 5_000

    we.close()
    they.step(we.to_send())
    assert they.ended
    they.close()
    we.receive(they.out())
    assert we.read() == b""
    assert we.closed_by_peer


@pytest.mark.parametrize("tls12", [False, True])
@pytest.mark.parametrize("role", ROLES)
def test_channel_binding_is_what_openssl_exports(role: str, *, tls12: bool) -> None:
    """RFC 9266 in TLS 1.3, and in 1.2 with the extended master secret."""
    we = ours(role, min_version="1.2" if tls12 else "1.3")
    they = theirs("pyopenssl", other(role), tls12=tls12)
    shake(we, they)
    assert isinstance(they, PyOpenSslPeer)
    assert we.channel_binding() == they.channel_binding()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_intermediates_travel_and_the_root_does_not(role: str, kind: str) -> None:
    """Both chains are sent whole; ours without the root, though it was given."""
    ca = workloads.authority()
    middle = pki.intermediate(ca)
    own = pki.leaf(middle, workloads.SERVER)
    whole = StaticSource(
        type(own.svid()).from_der([*own.chain, ca.der], own.key_der),
        ca.bundle("a.example"),
    )
    we = ours(role, identity=whole)
    they = theirs(kind, other(role), pki.leaf(middle, workloads.CLIENT))
    shake(we, they)
    assert they.error is None
    assert we.peer.path_length == 3
    assert len(we.presented_chain) == 2
    if kind == "pyopenssl":
        chain = they.tls.get_peer_cert_chain(as_cryptography=True)
        assert chain is not None
        # OpenSSL leaves out the leaf on a server, and the root nobody sent.
        sent = [own.certificate, middle.certificate]
        assert chain == (sent if role == "server" else sent[1:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls12", [False, True])
def test_a_client_without_a_certificate_is_refused(kind: str, *, tls12: bool) -> None:
    """C14: OpenSSL's verify result would be OK; there is nobody to be verified."""
    we = ours("server", min_version="1.2" if tls12 else "1.3")
    they = make_peer(kind, "client", None, workloads.authority(), tls12=tls12)
    with pytest.raises(PeerError) as caught:
        shake(we, they)
    assert caught.value.reason is Reason.NO_CERTIFICATE
    assert we.presented_chain == ()
    assert "certificate required" in they.alert() or "handshake failure" in they.alert()
    with pytest.raises(PeerError):
        we.read()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("tls12", [False, True])
def test_another_trust_domains_authority_is_refused(
    role: str, kind: str, *, tls12: bool
) -> None:
    """C5, P1: in both roles and versions, the peer told by unknown_ca."""
    a, b = workloads.authority(), workloads.authority("b.example")
    identity = StaticSource(
        pki.leaf(a, workloads.SERVER).svid(),
        [a.bundle("a.example"), b.bundle("b.example")],
    )
    we = ours(
        role,
        identity=identity,
        who=authorize.anyone(),
        min_version="1.2" if tls12 else "1.3",
    )
    they = theirs(kind, other(role), pki.leaf(b, workloads.CLIENT), tls12=tls12)
    with pytest.raises(VerificationError) as caught:
        shake(we, they)
    assert caught.value.reason is Reason.UNKNOWN_AUTHORITY
    assert caught.value.claimed_id == workloads.CLIENT
    assert "unknown ca" in they.alert()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_an_unauthorized_peer_is_told_by_access_denied(role: str, kind: str) -> None:
    """I7, P7."""
    we = ours(role, who=authorize.exactly("spiffe://a.example/nobody"))
    they = theirs(kind, other(role))
    with pytest.raises(NotAuthorized):
        shake(we, they)
    assert NOT_AUTHORIZED_TEXT in they.alert()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_their_refusal_of_us_is_an_alert_here(role: str, kind: str) -> None:
    """P7: both ends know, and ours names the alert."""
    stranger = workloads.authority("b.example")
    they = make_peer(
        kind, other(role), pki.leaf(workloads.authority(), workloads.CLIENT), stranger
    )
    we = ours(role)
    if role == "client":
        # TLS 1.3: a client is done before the server has judged it.
        shake(we, they)
        with pytest.raises(PeerAlert) as caught:
            we.read()
    else:
        with pytest.raises(PeerAlert) as caught:
            shake(we, they)
    assert caught.value.alert == 48
    assert they.error is not None


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("eku", "good_for"),
    [((pki.CLIENT_AUTH,), "server"), ((pki.SERVER_AUTH,), "client")],
)
def test_extended_key_usage_is_judged_by_the_peers_role(
    role: str, eku: Any, good_for: str
) -> None:
    """I6: clientAuth before our server, serverAuth before our client."""
    leaf = pki.leaf(workloads.authority(), workloads.CLIENT, eku=eku)
    we, they = ours(role), make_peer("pyopenssl", other(role), leaf, None)
    if role == good_for:
        shake(we, they)
        return
    with pytest.raises(VerificationError) as caught:
        shake(we, they)
    assert caught.value.reason is Reason.SVID_EXTENDED_KEY_USAGE
    assert "unsupported certificate" in they.alert()


def forged_peer(svid: X509Svid, role: str) -> PyOpenSslPeer | None:
    """Let OpenSSL present what was forged; None when it is too broken even for that."""
    try:
        certificate = x509.load_der_x509_certificate(svid.chain[0])
        key: Any = load_der_private_key(svid.key.der, None)
        peer = make_peer("pyopenssl", role, pki.Issued(certificate, key), None)
    except (ValueError, TypeError, UnsupportedAlgorithm, SSL.Error, Warning):
        return None
    assert isinstance(peer, PyOpenSslPeer)
    return peer


@pytest.fixture(scope="module")
def forging() -> Any:
    return Authority("a.example")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("leaf", [*REFUSED, *ACCEPTED], ids=str)
def test_the_catalogue_of_leaves_in_handshakes(
    forging: Any, leaf: Leaf, role: str
) -> None:
    """I1..I6, X509-02..33: what a hostile peer presents, by OpenSSL, in either role.

    The verdict is the same as that of a Verifier, and the peer gets an alert.
    """
    svid = leaf.forge(forging, workloads.CLIENT)
    they = forged_peer(svid, other(role))
    if they is None:
        assert leaf.reason is not None
        return
    verifier = Verifier(forging.bundle, purpose=other(role))  # type: ignore[arg-type]
    expected: set[Reason] = set()
    try:
        verifier.verify(svid.chain)
    except VerificationError as error:
        expected.add(error.reason)
    if leaf.reason is Reason.CERTIFICATE_KEY:
        # With such a key OpenSSL finds no signature algorithm that we offer, and sends
        # no certificate, or an alert, instead.
        expected |= {Reason.NO_CERTIFICATE, Reason.PEER_ALERT}
    identity = StaticSource(forging.issue(workloads.SERVER), forging.bundle)
    we = ours(role, identity=identity, who=authorize.anyone())
    if not expected:
        shake(we, they)
        assert they.error is None
        return
    with pytest.raises(PeerError) as caught:
        shake(we, they)
    assert caught.value.reason in expected
    assert they.error is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_that_we_do_not_speak_is_told(kind: str) -> None:
    """P7: protocol_version, by our server and by our client."""
    for role in ROLES:
        we, they = ours(role), theirs(kind, other(role), tls12=True)
        with pytest.raises(PeerError) as caught:
            shake(we, they)
        assert caught.value.reason in {Reason.VERSION_MISMATCH, Reason.PEER_ALERT}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_one_byte_at_a_time(role: str, kind: str) -> None:
    """D5: whatever the network does to the flights."""
    we, they = ours(role), theirs(kind, other(role))
    shake(we, they, size=1)
    assert we.peer.spiffe_id is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_goes_without_a_word(kind: str) -> None:
    """D4: truncation, in the middle of data."""
    we, they = ours("server"), theirs(kind, "client")
    shake(we, they)
    they.send(b"a record")
    data = they.out()
    we.receive(data[:-1])
    we.receive(b"")
    with pytest.raises(Truncated):
        we.read()


@pytest.mark.parametrize("kind", KINDS)
def test_a_web_client_verifies_by_name_only(kind: str) -> None:
    """One-way TLS: no certificate of ours is sent, the name decides."""
    ca = pki.root(uris=())
    site = pki.leaf(ca, uris=(), sans=[x509.DNSName("www.example")], subject="www")
    config = TlsConfig.web_client(roots=[ca.der], min_version="1.2")
    for name, tls12 in (("www.example", False), ("www.example", True)):
        we = Connection(config, server_hostname=name)
        they = make_peer(kind, "server", site, None, tls12=tls12)
        shake(we, they)
        assert we.peer.spiffe_id is None
        assert we.peer.chain == (site.der,)
    we = Connection(config, server_hostname="other.example")
    they = make_peer(kind, "server", site, None)
    with pytest.raises(VerificationError) as caught:
        shake(we, they)
    assert caught.value.reason is Reason.NAME_MISMATCH
    assert "bad certificate" in they.alert()
    other_roots = TlsConfig.web_client(roots=[pki.root(uris=()).der])
    we = Connection(other_roots, server_hostname="www.example")
    with pytest.raises(VerificationError) as caught:
        shake(we, make_peer(kind, "server", site, None))
    assert caught.value.reason is Reason.UNKNOWN_AUTHORITY
