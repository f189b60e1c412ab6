# SPDX-License-Identifier: Apache-2.0
"""X509-SVID, section 5.1: from a leaf to an authority, by the real Verifier."""

from __future__ import annotations

import datetime as dt
import random
import time
from typing import Any

import pytest
from cryptography import x509
from tests.support import pki
from tests.support.judges import cryptography_accepts, openssl_accepts
from tests.support.verdicts import accepted, refused

from handfast import Reason, TrustBundle, VerificationError, Verifier


@pytest.fixture(scope="module")
def ca() -> pki.Issued:
    return pki.root()


def test_a_path_of_standard_shape_is_taken_by_all_three_judges(ca: pki.Issued) -> None:
    """X509-27: handfast, OpenSSL and `cryptography` agree, on yes and on no."""
    good = pki.leaf(pki.intermediate(ca))
    assert accepted(good.chain, ca).path_length == 3
    assert cryptography_accepts(good.chain, [ca])
    stranger = pki.root()
    refused(good.chain, stranger, Reason.UNKNOWN_AUTHORITY)
    assert not openssl_accepts(good.chain, [stranger])
    assert not cryptography_accepts(good.chain, [stranger])


def test_intermediates_come_in_any_order_and_more_than_once(ca: pki.Issued) -> None:
    """X509-27: what a peer sends is a bag of certificates after the leaf."""
    middle: pki.Issued = ca
    for number in range(4):
        middle = pki.intermediate(middle, subject=f"level {number}")
    leaf, *others = pki.leaf(middle).chain
    shuffled = random.Random(7)  # noqa: S311 - any order will do
    for _ in range(5):
        shuffled.shuffle(others)
        accepted([leaf, *others], ca)
    accepted([leaf, *others, others[0], others[0]], ca)
    unrelated = pki.root("b.example").der
    accepted([leaf, *others, unrelated], ca)


def test_a_missing_intermediate_is_named(ca: pki.Issued) -> None:
    """X509-27: no certificate is fetched from anywhere."""
    leaf, _ = pki.leaf(pki.intermediate(ca, subject="the lost one")).chain
    error = refused([leaf], ca, Reason.UNKNOWN_AUTHORITY)
    assert "the lost one" in error.seen


@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [
        (-7200, -3600, Reason.CERTIFICATE_EXPIRED),
        (3600, 7200, Reason.CERTIFICATE_NOT_YET_VALID),
    ],
)
@pytest.mark.parametrize("place", ["leaf", "intermediate", "root"])
def test_each_certificate_of_the_path_is_valid_now(
    begin: int, end: int, reason: Reason, place: str
) -> None:
    """X509-27: leaf, intermediate and anchor alike, and by how much it is off."""
    window: dict[str, Any] = {
        "not_before": pki.now() + dt.timedelta(seconds=begin),
        "not_after": pki.now() + dt.timedelta(seconds=end),
    }
    ca = pki.root(**(window if place == "root" else {}))
    middle = pki.intermediate(ca, **(window if place == "intermediate" else {}))
    leaf = pki.leaf(middle, **(window if place == "leaf" else {}))
    error = refused(leaf.chain, ca, reason)
    assert not openssl_accepts(leaf.chain, [ca])
    assert error.depth == ["leaf", "intermediate", "root"].index(place)
    assert error.skew is not None
    assert 3590 < abs(error.skew.total_seconds()) < 3660
    blamed = {"leaf": leaf.der, "intermediate": middle.der, "root": None}
    assert error.certificate == blamed[place]


def test_a_chain_is_judged_at_the_time_that_is_asked_for(ca: pki.Issued) -> None:
    """X509-27: `at` moves the judgement, to the second; notAfter itself is too late."""
    begin = pki.now() - pki.HOUR
    end = begin + dt.timedelta(minutes=10)
    leaf = pki.leaf(ca, not_before=begin, not_after=end)
    second = dt.timedelta(seconds=1)
    refused(leaf.chain, ca, Reason.CERTIFICATE_NOT_YET_VALID, at=begin - second)
    assert accepted(leaf.chain, ca, at=begin).verified_at == begin
    peer = accepted(leaf.chain, ca, at=end - second)
    assert (peer.leaf_not_before, peer.leaf_not_after) == (begin, end)
    # RFC 5280 includes notAfter, OpenSSL does not: the stricter reading holds (P2).
    refused(leaf.chain, ca, Reason.CERTIFICATE_EXPIRED, at=end)
    refused(leaf.chain, ca, Reason.CERTIFICATE_EXPIRED, at=end + second)


def test_the_window_is_that_of_the_whole_path(ca: pki.Issued) -> None:
    """C2: an intermediate or anchor that ends earlier ends the verdict earlier."""
    soon = pki.now() + dt.timedelta(minutes=5)
    middle = pki.intermediate(ca, not_after=soon)
    peer = accepted(pki.leaf(middle).chain, ca)
    assert peer.not_after == soon
    assert peer.leaf_not_after > soon


def test_a_broken_signature_is_refused_wherever_it_is(ca: pki.Issued) -> None:
    """X509-27: one bit of a signature, of the leaf's or of an intermediate's."""
    leaf, middle = pki.leaf(pki.intermediate(ca)).chain
    for chain in (
        [leaf[:-1] + bytes([leaf[-1] ^ 1]), middle],
        [leaf, middle[:-1] + bytes([middle[-1] ^ 1])],
    ):
        refused(chain, ca, Reason.BAD_SIGNATURE)
        assert not openssl_accepts(chain, [ca])


def test_any_flipped_byte_of_a_chain_is_refused(ca: pki.Issued) -> None:
    """X509-27, P2: nothing of a certificate is outside of what is checked."""
    leaf, middle = pki.leaf(pki.intermediate(ca)).chain
    verifier = Verifier(ca.bundle("a.example"))
    verifier.verify([leaf, middle])
    for place in range(0, len(leaf), 3):
        bad = leaf[:place] + bytes([leaf[place] ^ 0x20]) + leaf[place + 1 :]
        with pytest.raises(VerificationError):
            verifier.verify([bad, middle])


@pytest.mark.parametrize("rules", ["strict", "compatible"])
def test_an_issuer_that_is_no_ca_is_refused(ca: pki.Issued, rules: str) -> None:
    """C11, X509-08: own CA checks everywhere, whatever OpenSSL's flags are."""
    verifier = Verifier(ca.bundle("a.example"), rules=rules)  # type: ignore[arg-type]
    for issuer in (
        pki.leaf(ca, subject="web"),
        pki.intermediate(ca, usage=pki.key_usage("digital_signature")),
        pki.intermediate(ca, ca=None),
        pki.intermediate(ca, ca=False),
    ):
        with pytest.raises(VerificationError) as caught:
            verifier.verify(pki.leaf(issuer).chain)
        # What cannot sign is not a step of any path, or a wrong one.
        reasons = {Reason.AUTHORITY_NOT_CA, Reason.UNKNOWN_AUTHORITY}
        assert caught.value.reason in reasons


def test_path_length_is_enforced(ca: pki.Issued) -> None:
    """X509-14: of intermediates and of anchors."""
    short = pki.intermediate(ca, subject="no more below", path_length=0)
    accepted(pki.leaf(short).chain, ca)
    below = pki.intermediate(short, subject="one too many")
    refused(pki.leaf(below).chain, ca, Reason.PATH_LENGTH)
    assert not openssl_accepts(pki.leaf(below).chain, [ca])
    tight = pki.root(path_length=0)
    accepted(pki.leaf(tight).chain, tight)
    refused(pki.leaf(pki.intermediate(tight)).chain, tight, Reason.PATH_LENGTH)


def permitted(*subtrees: str) -> x509.NameConstraints:
    return x509.NameConstraints(
        [x509.UniformResourceIdentifier(subtree) for subtree in subtrees], None
    )


def excluded(*subtrees: str) -> x509.NameConstraints:
    return x509.NameConstraints(
        None, [x509.UniformResourceIdentifier(subtree) for subtree in subtrees]
    )


@pytest.mark.parametrize(
    ("constraints", "good"),
    [
        (permitted("a.example"), True),
        (permitted("b.example"), False),
        (permitted("b.example", "a.example"), True),
        (permitted(".a.example"), False),
        (permitted("example"), False),
        (excluded("a.example"), False),
        (excluded("b.example"), True),
        (excluded(".example"), False),
        (excluded(".a.example"), True),
    ],
)
@pytest.mark.parametrize("place", ["intermediate", "root"])
def test_uri_name_constraints_are_processed(
    constraints: x509.NameConstraints, good: bool, place: str
) -> None:
    """X509-17, I4: our own reading and OpenSSL's must both say yes."""
    extra: Any = [(constraints, True)]
    ca = pki.root(uris=(), extra=extra if place == "root" else ())
    middle = pki.intermediate(ca, extra=extra if place != "root" else ())
    leaf = pki.leaf(middle)
    if good:
        accepted(leaf.chain, ca)
    else:
        refused(leaf.chain, ca, Reason.NAME_CONSTRAINT)


def test_name_constraints_in_a_leaf_are_refused(ca: pki.Issued) -> None:
    """I4, X509-17: RFC 5280 wants them in CAs only."""
    bad = pki.leaf(ca, extra=[(permitted("a.example"), True)])
    refused(bad.chain, ca, Reason.AUTHORITY_CONSTRAINTS)


def test_an_intermediate_may_carry_an_extended_key_usage(ca: pki.Issued) -> None:
    """X509-26: the leaf's purposes must be among it, as OpenSSL nests them."""
    both = pki.intermediate(ca, eku=pki.BOTH)
    accepted(pki.leaf(both).chain, ca)
    for narrow in ((pki.EMAIL,), (pki.SERVER_AUTH,)):
        leaf = pki.leaf(pki.intermediate(ca, eku=narrow))
        refused(leaf.chain, ca, Reason.SVID_EXTENDED_KEY_USAGE)
        accepted(leaf.chain, ca, rules="compatible")


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "ed25519"])
def test_authorities_sign_with_any_allowed_key(kind: str) -> None:
    """X509-27: ECDSA, RSA PKCS#1 and Ed25519."""
    ca = pki.root(private_key=pki.key(kind))
    accepted(pki.leaf(ca).chain, ca)


def test_authorities_may_sign_with_rsa_pss() -> None:
    """X509-27: PSS with its parameters."""
    ca = pki.root(private_key=pki.key("rsa2048"))
    accepted(pki.leaf(ca, rsa_padding=pki.PSS).chain, ca)


def test_an_anchor_need_not_be_self_signed() -> None:
    """X509-39 is a SHOULD: an intermediate in a bundle is an anchor, too."""
    ca = pki.root()
    middle = pki.intermediate(ca)
    peer = accepted([pki.leaf(middle).der], middle)
    assert peer.path_length == 2


def test_every_authority_of_the_same_name_is_tried() -> None:
    """X509-27: OpenSSL alone fails when two roots share a subject and no key ids."""
    roots = [pki.root() for _ in range(4)]
    bundle = TrustBundle.from_der("a.example", [root.der for root in roots])
    for root in roots:
        peer = Verifier(bundle).verify(pki.leaf(pki.intermediate(root)).chain)
        assert peer.spiffe_id is not None


def test_a_cross_signed_root_ends_at_either_anchor() -> None:
    """X509-27: the new root, signed by the old one, is sent along."""
    old, new = pki.root(subject="old"), pki.root(subject="new")
    bridge = pki.make(old, subject="new", ca=True, usage=pki.SIGNS, private_key=new.key)
    leaf = pki.leaf(new)
    accepted([leaf.der, bridge.der], old)
    accepted([leaf.der, bridge.der], new)
    accepted([leaf.der], new)


def test_limits_of_a_chain(ca: pki.Issued) -> None:
    """C10: at most 8 certificates and 32 KiB, before any of it is looked at."""
    leaf = pki.leaf(ca).der
    accepted([leaf] * 8, ca)
    refused([leaf] * 9, ca, Reason.CHAIN_TOO_LONG)
    refused([], ca, Reason.CHAIN_EMPTY)
    padding = pki.raw_extension(x509.ObjectIdentifier("1.2.3.4"), b"\x04\x00" * 9000)
    big = pki.leaf(ca, extra=[(padding, False)]).der
    refused([big, big], ca, Reason.CHAIN_TOO_LARGE)


def test_look_alike_intermediates_cost_bounded_work() -> None:
    """C10: same subject, same key, many times: refused within a moment."""
    ca = pki.root()
    middle_key = pki.key("p256", 1)
    middles = [
        pki.intermediate(ca, private_key=middle_key, signing_key=pki.key("p256", 2))
        for _ in range(7)
    ]
    leaf = pki.leaf(middles[0])
    authorities = [pki.root(subject="a.example root").der for _ in range(50)]
    bundle = TrustBundle.from_der("a.example", authorities)
    begin = time.process_time()
    with pytest.raises(VerificationError):
        Verifier(bundle).verify([leaf.der, *(m.der for m in middles)])
    assert time.process_time() - begin < 1.0


def test_bytes_after_a_certificate_are_refused(ca: pki.Issued) -> None:
    """X509-27: what follows the DER is not part of what was signed."""
    refused([pki.leaf(ca).der + b"\0"], ca, Reason.DER_TRAILING)
    refused([b"not a certificate"], ca, Reason.DER_TAG)
    refused([pki.leaf(ca).der[:-5]], ca, Reason.DER_TRUNCATED)
