# SPDX-License-Identifier: Apache-2.0
"""Bundle documents as a whole: both kinds, their numbers, and which one is newer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support import pki, tokens

from handfast import (
    BundleDocument,
    InvalidBundle,
    JwtBundle,
    Reason,
    TrustBundle,
    TrustDomain,
)
from handfast.authority import Authority
from handfast.bundle_document import REFRESH_DEFAULT, Ordering

A = "a.example"
TD = TrustDomain(A)
NOBODY = TrustBundle(TD)


def document(sequence: int | None = None, *kinds: str, **parts: Any) -> BundleDocument:
    keys = {kind: pki.key(kind).public_key() for kind in kinds}
    jwt = JwtBundle(TD, keys)
    x509 = parts.pop("x509", NOBODY)
    return BundleDocument(trust_domain=TD, x509=x509, jwt=jwt, sequence=sequence)


def test_both_kinds_are_read_and_written(authority: Authority) -> None:
    """BUN-01, BUN-03, BUN-04, BUN-07, BUN-08: a JWK Set with numbers that are there."""
    both = BundleDocument.of(
        authority.bundle, tokens.bundle(), sequence=2**53 + 1, refresh_hint=300
    )
    again = BundleDocument.from_json(A, both.to_json())
    assert again == both
    assert again.x509.x509_authorities == authority.bundle.x509_authorities
    assert again.x509.sequence == again.sequence == 2**53 + 1, "BUN-06"
    assert again.jwt == tokens.bundle()
    written = json.loads(both.to_json())
    assert list(written) == ["keys", "spiffe_sequence", "spiffe_refresh_hint"]
    assert [one["use"] for one in written["keys"]] == ["x509-svid"] + ["jwt-svid"] * 4
    assert repr(both) == (
        "<BundleDocument a.example sequence 9007199254740993: "
        "1 X.509, 4 JWT authorities>"
    )


def test_each_reader_takes_its_own_kind_out_of_a_document(authority: Authority) -> None:
    """JWT-24, X509-43: what is a damaged entry to one is none to the other."""
    whole = BundleDocument.of(authority.bundle, tokens.bundle())
    assert TrustBundle.from_json(A, whole.to_json()) == authority.bundle
    assert JwtBundle.from_json(A, whole.to_json()) == tokens.bundle()
    damaged = json.loads(whole.to_json())
    del damaged["keys"][1]["kid"]
    text = json.dumps(damaged)
    assert TrustBundle.from_json(A, text) == authority.bundle
    for reader in (JwtBundle, BundleDocument):
        with pytest.raises(InvalidBundle):
            reader.from_json(A, text)


@pytest.mark.parametrize("number", [0, 2**53 + 1, 2**63, 2**64 - 1])
def test_a_sequence_has_64_bits(number: int) -> None:
    """BUN-06: there and back, never by way of a float."""
    text = document(number).to_json()
    assert f'"spiffe_sequence": {number}'.encode() in text
    assert BundleDocument.from_json(A, text).sequence == number


@pytest.mark.parametrize("number", [-1, 2**64])
def test_a_sequence_out_of_range_is_refused(number: int) -> None:
    """BUN-04."""
    with pytest.raises(InvalidBundle, match="64 bits"):
        document(number)


@pytest.mark.parametrize("hint", [-1, 2**31])
def test_a_hint_out_of_range_is_not_published(hint: int) -> None:
    """BUN-08."""
    with pytest.raises(InvalidBundle, match="a hint"):
        BundleDocument.of(NOBODY, refresh_hint=hint)


def test_without_a_hint_it_is_five_minutes() -> None:
    """BUN-09, BUN-20."""
    assert document().refresh_after == REFRESH_DEFAULT == 300
    assert BundleDocument.of(NOBODY, refresh_hint=7).refresh_after == 7


def test_numbers_come_from_the_bundle_unless_given() -> None:
    bundle = TrustBundle(TD, (), 5, 60)
    assert BundleDocument.of(bundle).sequence == 5
    assert BundleDocument.of(bundle).refresh_hint == 60
    other = BundleDocument.of(bundle, sequence=0, refresh_hint=0)
    assert (other.x509.sequence, other.x509.refresh_hint) == (0, 0)


def test_a_document_is_about_one_trust_domain(other_authority: Authority) -> None:
    """F3, BUN-19: the caller's word; no part can be of another."""
    with pytest.raises(InvalidBundle, match=r"seen b\.example"):
        document(x509=other_authority.bundle)
    with pytest.raises(InvalidBundle, match=r"seen b\.example"):
        BundleDocument.of(NOBODY, tokens.bundle("b.example"))
    text = json.dumps({"keys": [], "trust_domain": "b.example", "id": "spiffe://b"})
    assert BundleDocument.from_json(A, text).trust_domain == TD


def test_an_empty_document_revokes_everything() -> None:
    """BUN-11, BUN-13."""
    assert BundleDocument.from_json(A, '{"keys": []}').is_empty
    assert not document(1, "p256").is_empty


@pytest.mark.parametrize(
    ("old", "new", "ordering"),
    [
        (None, document(1), Ordering.FIRST),
        (document(1), document(2, "p256"), Ordering.NEWER),
        (document(1), document(2), Ordering.NEWER),
        (document(), document(0), Ordering.NEWER),
        (document(), document(0, "p256"), Ordering.NEWER),
        (document(1, "p256"), document(1, "p256"), Ordering.SAME),
        (document(), document(), Ordering.SAME),
        (document(1), document(1, "p256"), Ordering.CHANGED),
        (document(), document(None, "p256"), Ordering.CHANGED),
        (document(2), document(1), Ordering.OLDER),
        (document(2**64 - 1), document(2**63), Ordering.OLDER),
        (document(2, "p256"), document(1, "p256"), Ordering.OLDER),
        (document(2), document(None, "p256"), Ordering.OLDER),
        (document(0), document(), Ordering.OLDER),
    ],
)
def test_the_sequence_says_which_is_newer(
    old: BundleDocument | None, new: BundleDocument, ordering: Ordering
) -> None:
    """F2, BUN-04, BUN-05: back only when somebody forgets the newer one on purpose."""
    assert new.compared_to(old) is ordering
    if ordering is not Ordering.OLDER:
        assert new.check_replaces(old) is ordering
        return
    with pytest.raises(InvalidBundle) as caught:
        new.check_replaces(old)
    assert caught.value.reason is Reason.BUNDLE_ROLLBACK


def test_documents_of_two_trust_domains_are_not_compared() -> None:
    """F3."""
    other = BundleDocument.of(TrustBundle(TrustDomain("b.example")), sequence=9)
    with pytest.raises(InvalidBundle, match=r"a document of a\.example"):
        other.check_replaces(document(1))


def test_the_order_of_authorities_is_no_difference(authority: Authority) -> None:
    other = Authority(A).bundle.x509_authorities
    both = authority.bundle.x509_authorities + other
    one = BundleDocument.of(TrustBundle.from_der(A, both), sequence=1)
    two = BundleDocument.of(TrustBundle.from_der(A, both[::-1]), sequence=1)
    assert two.compared_to(one) is Ordering.SAME
