# SPDX-License-Identifier: Apache-2.0
"""JWT bundles, whole documents and maps in every form, and damaged ones."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import pki
from tests.support.any_json import any_json

from handfast import (
    BundleDocument,
    BundleMap,
    InvalidBundle,
    JwtBundle,
    TrustBundle,
    TrustDomain,
)
from handfast.bundle_document import Ordering
from handfast.jwk import JwtKey, b64url_decode, b64url_encode
from handfast.testing import forge_root

TD = TrustDomain("a.example")
KINDS = ("p256", "p384", "p521", "rsa2048")
KEYS: list[JwtKey] = [pki.key(kind).public_key() for kind in KINDS]
ROOTS = [forge_root("a.example", subject=name).der for name in "ab"]


def spki(key: JwtKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


KNOWN = {spki(key) for key in KEYS}

keys = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.sampled_from(KEYS),
    max_size=4,
)
numbers = st.one_of(st.none(), st.integers(0, 2**64 - 1))
documents = st.builds(
    lambda jwt, x509, sequence, hint: BundleDocument.of(
        TrustBundle(TD, tuple(x509)), jwt, sequence=sequence, refresh_hint=hint
    ),
    keys.map(lambda found: JwtBundle(TD, found)),
    st.lists(st.sampled_from(ROOTS), unique=True),
    numbers,
    st.one_of(st.none(), st.integers(0, 2**31 - 1)),
)
json_values = any_json(
    ["jwt-svid", "EC", "RSA", "P-256", "AQAB", "AA", "", "kid"],
    "keys use kty crv x y n e kid alg trust_domains".split(),
    members=6,
    leaves=14,
)


@given(documents)
def test_documents_round_trip(document: BundleDocument) -> None:
    """BUN-01, BUN-06, JWT-22, JWT-23: and each reader finds its own kind."""
    text = document.to_json()
    again = BundleDocument.from_json(TD, text)
    assert again == document
    assert again.to_json() == text
    assert JwtBundle.from_json(TD, text) == document.jwt
    assert JwtBundle.from_jwks(TD, document.jwt.to_jwks()) == document.jwt


@given(documents, documents)
def test_digests_are_equal_when_the_contents_are(
    one: BundleDocument, two: BundleDocument
) -> None:
    """J2: what the cache of tokens goes by."""
    assert (one.jwt.digest == two.jwt.digest) is (one.jwt == two.jwt)


@given(documents, documents)
def test_one_of_two_is_newer_or_neither_is(
    one: BundleDocument, two: BundleDocument
) -> None:
    """F2, BUN-04, BUN-05: never both, and nothing is older than itself."""
    there, back = one.compared_to(two), two.compared_to(one)
    assert one.compared_to(one) is Ordering.SAME
    if one.sequence == two.sequence:
        assert there is back
        assert there in (Ordering.SAME, Ordering.CHANGED)
    else:
        assert {there, back} == {Ordering.NEWER, Ordering.OLDER}


@given(json_values)
def test_no_value_does_more_than_be_refused(value: object) -> None:
    """F2, BUN-12: whatever the shape, the answer is a bundle or InvalidBundle."""
    for shape in (value, {"keys": value}, {"keys": [value]}):
        text = json.dumps(shape)
        for reader in (BundleDocument.from_json, JwtBundle.from_jwks):
            try:
                bundle = reader(TD, text)
            except InvalidBundle as error:
                shown = str(error)
            else:
                shown = repr(bundle)
            assert shown.isprintable()
    for shape in (value, {"trust_domains": value}, {"trust_domains": {"a": value}}):
        try:
            shown = repr(BundleMap.from_json(json.dumps(shape)))
        except InvalidBundle as error:
            shown = str(error)
        assert shown.isprintable()


DOCUMENT = JwtBundle(TD, {"ec": KEYS[0], "other": KEYS[1]}).to_json()


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(0, 255))
@settings(max_examples=300)
def test_a_damaged_document_never_trusts_another_curve_key(
    place: int, byte: int
) -> None:
    """F2: a byte changed: the same keys, fewer of them, or nothing at all.

    A point that was changed is not on the curve any more.
    """
    damaged = DOCUMENT[:place] + bytes([byte]) + DOCUMENT[place + 1 :]
    try:
        bundle = JwtBundle.from_json(TD, damaged)
    except InvalidBundle:
        return
    assert {spki(key) for key in bundle.keys.values()} <= KNOWN


@given(st.binary(max_size=40))
def test_base64url_has_one_text_for_each_value(raw: bytes) -> None:
    """J2."""
    assert b64url_decode(b64url_encode(raw)) == raw


@given(st.text("ABYZabyz0189-_=+/ ", max_size=12))
def test_base64url_takes_nothing_that_it_would_not_write(text: str) -> None:
    """J2: the spare bits of the last character included."""
    try:
        raw = b64url_decode(text)
    except ValueError:
        return
    assert b64url_encode(raw) == text
