# SPDX-License-Identifier: Apache-2.0
"""Trust bundles and sets of them."""

from __future__ import annotations

import hashlib

import pytest

from handfast import (
    HandfastError,
    InvalidBundle,
    InvalidId,
    Reason,
    TrustBundle,
    TrustBundleSet,
    TrustDomain,
)
from handfast.authority import Authority
from handfast.bundle import BUNDLE_MAX
from handfast.testing import forge, forge_intermediate, forge_root

A = "a.example"


def reason_of(der: bytes) -> Reason:
    with pytest.raises(InvalidBundle) as caught:
        TrustBundle.from_der(A, der)
    return caught.value.reason


def test_pem_and_der_round_trip(authority: Authority) -> None:
    both = TrustBundle.from_der(A, [authority.root.der, forge_root(A).der])
    assert TrustBundle.from_pem(A, both.to_pem()) == both
    assert TrustBundle.from_pem(A, both.to_pem().decode()) == both
    assert TrustBundle.from_der(A, b"".join(both.x509_authorities)) == both
    assert len(both) == 2
    assert authority.root.der in both
    assert hash(both) == hash(TrustBundle.from_pem(TrustDomain(A), both.to_pem()))


def test_an_empty_bundle_is_legal_and_trusts_nobody() -> None:
    """BUN-13: by intent; a PEM text without a block is more likely damaged."""
    for empty in (TrustBundle(TrustDomain(A)), TrustBundle.from_der(A, b"")):
        assert empty.is_empty
        assert len(empty) == 0
    with pytest.raises(InvalidBundle) as caught:
        TrustBundle.from_pem(A, "# nothing here\n")
    assert caught.value.reason is Reason.PEM_INVALID


def test_the_same_authority_twice_counts_once(authority: Authority) -> None:
    twice = TrustBundle.from_der(A, [authority.root.der] * 2)
    assert twice == authority.bundle
    assert twice.digest == authority.bundle.digest


def test_the_digest_is_of_the_content_in_any_order(authority: Authority) -> None:
    """C1, C3: whatever changes the bundle changes the digest, and nothing else."""
    one, two = authority.root.der, forge_root(A).der
    digest = TrustBundle.from_der(A, [one, two]).digest
    assert digest == TrustBundle(TrustDomain(A), (two, one), 7, 60).digest
    others = [
        TrustBundle.from_der("b.example", [one, two]),
        TrustBundle.from_der(A, [one]),
        TrustBundle.from_der(A, [two]),
        TrustBundle.from_der(A, b""),
    ]
    assert len({digest, *(bundle.digest for bundle in others)}) == 5


def test_the_digest_is_made_as_documented(authority: Authority) -> None:
    inner = hashlib.sha256(authority.root.der).digest()
    expected = hashlib.sha256(b"\x09a.example" + inner).digest()
    assert authority.bundle.digest == expected


def test_the_name_comes_from_configuration_not_from_the_content(
    other_authority: Authority,
) -> None:
    """BUN-19, F3: a root that says b.example is a.example's if it is configured so."""
    bundle = TrustBundle.from_der(A, [other_authority.root.der])
    assert bundle.trust_domain == TrustDomain(A)


def test_a_leaf_is_no_authority(authority: Authority) -> None:
    """X509-08: cA and keyCertSign, or it may not vouch for anybody."""
    leaf = authority.issue("spiffe://a.example/web")
    assert reason_of(leaf.chain[0]) is Reason.AUTHORITY_NOT_CA
    no_sign = forge_root(A, key_usage=("crl_sign",))
    assert reason_of(no_sign.der) is Reason.AUTHORITY_NOT_CA
    no_constraints = forge_root(A, ca=None)
    assert reason_of(no_constraints.der) is Reason.AUTHORITY_NOT_CA


def test_authorities_that_are_odd_but_lawful_are_taken(authority: Authority) -> None:
    """X509-09, X509-39: without an ID, not self-signed, expired, without key usage."""
    for odd in (
        forge_root(A, uris=()),
        forge_intermediate(authority),
        forge_root(A, not_before=-7200, not_after=-3600),
        forge_root(A, key_usage=None),
    ):
        assert len(odd.bundle) == 1


@pytest.mark.parametrize("kind", ["rsa1024", "p224", "ed448"])
def test_keys_that_are_not_allowed_make_no_authority(kind: str) -> None:
    """C10."""
    assert reason_of(forge_root(A, key_type=kind).der) is Reason.CERTIFICATE_KEY


@pytest.mark.parametrize("serial", [0, -1])
def test_what_cryptography_warns_of_is_refused_where_warnings_are_errors(
    serial: int,
) -> None:
    """As here: nothing but InvalidBundle gets out. The engine refuses it anyway."""
    with pytest.raises(InvalidBundle, match=r"(?i)serial"):
        TrustBundle.from_der("a.example", forge_root("a.example", serial=serial).der)


def test_damage_is_refused_wholly(authority: Authority) -> None:
    good = authority.root.der
    assert reason_of(good + b"\x30\x05\x00") is Reason.DER_TRUNCATED
    assert reason_of(good + b"\x30\x00") is Reason.DER_VALUE
    assert reason_of(forge_root(A, subject="").der) is Reason.CERTIFICATE_EMPTY_NAME
    twice = forge_root(A, twice=("key_usage",))
    assert reason_of(twice.der) is Reason.CERTIFICATE_DUPLICATE_EXTENSION


def test_a_private_key_in_a_bundle_file_is_refused(authority: Authority) -> None:
    text = authority.bundle.to_pem() + authority.root.key.to_pem()
    with pytest.raises(InvalidBundle, match="PRIVATE KEY"):
        TrustBundle.from_pem(A, text)


def test_bundles_are_bounded(authority: Authority) -> None:
    """F2, P8: counted before anything is parsed."""
    many = [b"\x30\x00" + number.to_bytes(2, "big") for number in range(BUNDLE_MAX + 1)]
    with pytest.raises(InvalidBundle) as caught:
        TrustBundle.from_der(A, many)
    assert caught.value.reason is Reason.LIMIT


def test_a_trust_domain_must_be_one(authority: Authority) -> None:
    with pytest.raises(InvalidId):
        TrustBundle.from_der("A.example", [authority.root.der])


def test_a_set_keeps_bundles_apart(
    authority: Authority, other_authority: Authority
) -> None:
    """C5, P1: never pooled; each is found under its own name only."""
    bundles = TrustBundleSet([authority.bundle, other_authority.bundle])
    assert bundles["a.example"] is authority.bundle
    assert bundles.get(TrustDomain("b.example")) is other_authority.bundle
    assert bundles.get("c.example") is None
    assert bundles.get("example") is None
    assert "a.example" in bundles
    assert TrustDomain("c.example") not in bundles
    assert list(bundles) == [authority.bundle, other_authority.bundle]
    with pytest.raises(KeyError):
        bundles["c.example"]


def test_two_bundles_for_one_trust_domain_are_refused(authority: Authority) -> None:
    """C5, BUN-19: merging is a decision that nobody takes silently."""
    with pytest.raises(InvalidBundle) as caught:
        TrustBundleSet([authority.bundle, TrustBundle(TrustDomain(A))])
    assert caught.value.reason is Reason.BUNDLE_DUPLICATE


def test_sets_are_values(authority: Authority, other_authority: Authority) -> None:
    both = TrustBundleSet([authority.bundle, other_authority.bundle])
    assert both == TrustBundleSet([other_authority.bundle, authority.bundle])
    assert hash(both) == hash(TrustBundleSet(reversed(list(both))))
    assert both.without("b.example") == TrustBundleSet([authority.bundle])
    assert len(both) == 2, "a change makes a new set"
    replaced = both.with_bundle(TrustBundle(TrustDomain(A)))
    assert replaced["a.example"].is_empty
    assert not both["a.example"].is_empty
    assert repr(replaced) == "<TrustBundleSet a.example (0), b.example (1)>"
    assert both != object()


def test_names_that_are_none_are_not_found_but_refused(authority: Authority) -> None:
    with pytest.raises(HandfastError):
        TrustBundleSet([authority.bundle]).get("https://a.example")


def test_a_leaf_under_a_bundle_is_not_in_it(authority: Authority) -> None:
    svid = forge(authority, "spiffe://a.example/web")
    assert svid.chain[0] not in authority.bundle
