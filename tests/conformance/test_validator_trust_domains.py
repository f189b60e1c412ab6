# SPDX-License-Identifier: Apache-2.0
"""P1: a peer is accepted by an authority of its own trust domain, and by no other."""

from __future__ import annotations

import pytest
from cryptography import x509
from tests.support import pki
from tests.support.judges import openssl_accepts
from tests.support.verdicts import accepted, refused

from handfast import (
    InvalidBundle,
    NotAuthorized,
    Reason,
    SpiffeId,
    TrustBundle,
    TrustBundleSet,
    Verifier,
    authorize,
)

DOMAINS = ("a.example", "b.example", "a.example.b.example", "example")


@pytest.mark.parametrize("how", ["apart", "same subject", "same key"])
def test_only_the_diagonal_of_trust_domains_passes(how: str) -> None:
    """C5, P1, ID-22, X509-34: N authorities, N names, all trusted; one pair each fits.

    Also when the authorities share a subject, so that a name leads to all of them. When
    they share even the key, an attacker in one *is* the other: then the certificate of
    the own trust domain's bundle is what the path ends at.
    """
    shared = pki.key("p256", 3) if how == "same key" else None
    subject = "one name for all" if how != "apart" else None
    roots = {
        domain: pki.root(
            domain, private_key=shared, subject=subject or f"{domain} root"
        )
        for domain in DOMAINS
    }
    bundles = TrustBundleSet(roots[domain].bundle(domain) for domain in DOMAINS)
    verifier = Verifier(bundles)
    for signer in DOMAINS:
        for named in DOMAINS:
            leaf = pki.leaf(roots[signer], f"spiffe://{named}/web")
            if signer == named or how == "same key":
                peer = verifier.verify(leaf.chain)
                assert peer.spiffe_id is not None
                assert peer.spiffe_id.trust_domain.name == named
                assert peer.bundle_digest == roots[named].bundle(named).digest
                continue
            error = refused(leaf.chain, list(bundles), Reason.UNKNOWN_AUTHORITY)
            # The path exists: OpenSSL with the union of all roots would have taken it.
            assert openssl_accepts(leaf.chain, list(roots.values()))
            assert error.claimed_id == f"spiffe://{named}/web"


def test_the_authority_of_another_trust_domain_is_named_in_the_refusal() -> None:
    """C5, P1: the error says that B's authority signed for A."""
    a, b = pki.root("a.example"), pki.root("b.example")
    bundles = [a.bundle("a.example"), b.bundle("b.example")]
    evil = pki.leaf(b, "spiffe://a.example/web")
    error = refused(evil.chain, bundles, Reason.UNKNOWN_AUTHORITY)
    assert "a.example" in error.expected
    assert "b.example" in error.seen


def test_a_cross_signature_into_another_trust_domain_does_not_lead_out_of_it() -> None:
    """C5: A's root, signed by B's, is an authority of A and of nobody else."""
    a, b = pki.root("a.example"), pki.root("b.example")
    bridge = pki.make(
        b, subject="a.example root", ca=True, usage=pki.SIGNS, private_key=a.key
    )
    bundles = [a.bundle("a.example"), b.bundle("b.example")]
    # Signed by A's key, named in A: A's own anchor ends the path.
    Verifier(bundles).verify([pki.leaf(a).der, bridge.der])
    # Trusting B alone does not make anybody of A known.
    refused([pki.leaf(a).der, bridge.der], bundles[1:], Reason.UNKNOWN_TRUST_DOMAIN)


def test_a_trust_domain_without_a_bundle_is_unknown() -> None:
    """ID-22, X509-34: also when the chain itself ends at a known authority."""
    ca = pki.root()
    leaf = pki.leaf(ca, "spiffe://c.example/web")
    refused(leaf.chain, ca, Reason.UNKNOWN_TRUST_DOMAIN)


def test_an_empty_bundle_trusts_nobody() -> None:
    """X509-43: no authorities, no X509-SVIDs, and it says so."""
    ca = pki.root()
    empty = TrustBundle(trust_domain=ca.bundle("a.example").trust_domain)
    refused(pki.leaf(ca).chain, [empty], Reason.EMPTY_BUNDLE)


def test_two_bundles_of_one_trust_domain_are_not_pooled() -> None:
    """P1: merging is a decision, and not one of ours."""
    one, two = pki.root(), pki.root()
    with pytest.raises(InvalidBundle) as caught:
        Verifier([one.bundle("a.example"), two.bundle("a.example")])
    assert caught.value.reason is Reason.BUNDLE_DUPLICATE


def test_a_leaf_is_never_its_own_authority() -> None:
    """P1, X509-34: anchors come from the bundle, never from what the peer sends."""
    ca = pki.root()
    impostor = pki.root()
    refused([*pki.leaf(impostor).chain, impostor.der], ca, Reason.UNKNOWN_AUTHORITY)
    alone = pki.root(
        uris=["spiffe://a.example/web"], usage=pki.LEAF, eku=pki.BOTH, ca=False
    )
    refused([alone.der], ca, Reason.UNKNOWN_AUTHORITY)


@pytest.mark.parametrize(
    ("uri", "strict"),
    [
        ("spiffe://a.example", True),
        ("", True),
        ("spiffe://b.example", False),
        ("spiffe://a.example/ca", False),
    ],
)
def test_the_id_of_an_intermediate(uri: str, *, strict: bool) -> None:
    """C6, X509-10, X509-11, X509-12: strict wants its own trust domain without a path.

    X509-09: it should be an SVID, and need not be: one without an ID is taken.

    The standard lets an authority issue CAs for other trust domains, so compatible
    rules take them; the leaf's own trust domain decides about anchors in any case.
    """
    ca = pki.root()
    leaf = pki.leaf(pki.intermediate(ca, uris=[uri] if uri else []))
    if strict:
        accepted(leaf.chain, ca)
    else:
        refused(leaf.chain, ca, Reason.AUTHORITY_ID)
    if "/ca" not in uri:
        accepted(leaf.chain, ca, rules="compatible")


def test_an_intermediate_of_b_signs_nothing_for_a() -> None:
    """C6, C5: an intermediate below B's root with A's ID in it stays below B's root."""
    a, b = pki.root("a.example"), pki.root("b.example")
    middle = pki.intermediate(b, uris=["spiffe://a.example"])
    leaf = pki.leaf(middle, "spiffe://a.example/web")
    bundles = [a.bundle("a.example"), b.bundle("b.example")]
    for rules in ("strict", "compatible"):
        refused(leaf.chain, bundles, Reason.UNKNOWN_AUTHORITY, rules=rules)


LOOK_ALIKES = [
    "spiffe://a.example.evil/ns/prod/web",
    "spiffe://evil.a.example/ns/prod/web",
    "spiffe://a.example/ns/prod-evil/web",
    "spiffe://a.example/ns/prod.evil",
    "spiffe://a.example/ns/Prod/web",
    "spiffe://a.example/ns",
    "spiffe://a.example/x/ns/prod/web",
    "spiffe://a.example/ns/prodx",
    "spiffe://b.example/ns/prod/web",
]


@pytest.mark.parametrize("uri", LOOK_ALIKES)
def test_authorizers_are_not_fooled_by_look_alikes(uri: str) -> None:
    """I7: matching is on the parsed trust domain and whole segments."""
    domain = SpiffeId.parse(uri).trust_domain.name
    ca = pki.root(domain)
    chain = pki.leaf(ca, uri).chain
    rules = {
        "prefix": authorize.prefix("spiffe://a.example/ns/prod"),
        "exactly": authorize.exactly("spiffe://a.example/ns/prod/web"),
        "both": authorize.prefix("spiffe://a.example/ns/prod")
        & authorize.any_in("a.example"),
        "not": ~authorize.anyone(),
    }
    for rule in rules.values():
        with pytest.raises(NotAuthorized) as caught:
            Verifier(ca.bundle(domain), authorize=rule).verify(chain)
        assert caught.value.reason is Reason.NOT_AUTHORIZED
        assert not rule.allows(SpiffeId.parse(uri))
    accepted(chain, ca, domain=domain)


def test_authorization_comes_after_authentication() -> None:
    """I7, P7: somebody unknown is unknown, not unauthorized, whoever is let in."""
    ca, stranger = pki.root(), pki.root()
    rule = authorize.exactly("spiffe://a.example/web")
    chain = pki.leaf(stranger).chain
    refused(chain, ca, Reason.UNKNOWN_AUTHORITY, authorize=rule)
    refused(chain, ca, Reason.UNKNOWN_AUTHORITY, authorize=authorize.nobody())


def test_a_root_constrained_to_its_own_trust_domain_stays_there() -> None:
    """X509-17, I4, P1: constraints narrow a bundle; they never widen one."""
    here = x509.NameConstraints([x509.UniformResourceIdentifier("a.example")], None)
    ca = pki.root(uris=(), extra=[(here, True)])
    accepted(pki.leaf(ca).chain, ca)
    leaf = pki.leaf(ca, "spiffe://b.example/web")
    bundle = [ca.bundle("a.example"), ca.bundle("b.example")]
    refused(leaf.chain, bundle, Reason.NAME_CONSTRAINT)
