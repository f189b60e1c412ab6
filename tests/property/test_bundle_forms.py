# SPDX-License-Identifier: Apache-2.0
"""Bundles in every form, and what becomes of damaged ones."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.any_json import any_json

from handfast import HandfastError, InvalidBundle, TrustBundle
from handfast.bundle_forms import form_of, read_any_bundle
from handfast.der import split_der
from handfast.errors import InvalidCertificate
from handfast.testing import der, forge_root

KINDS = ("p256", "p384", "ed25519", "p256", "p521")
POOL = [forge_root("a.example", key_type=kind, subject=kind).der for kind in KINDS]
DOCUMENT = TrustBundle.from_der("a.example", POOL[:2]).to_json()


def public_key(raw: bytes) -> bytes:
    key = x509.load_der_x509_certificate(raw).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


KNOWN_KEYS = {public_key(raw) for raw in POOL[:2]}

some = st.lists(st.sampled_from(POOL), max_size=6)
json_values = any_json(
    ["x509-svid", "EC", "keys", "MAA=", ""],
    ["keys", "use", "kty", "x5c", "spiffe_sequence", "x"],
    members=4,
    leaves=12,
)


def check_refusal(error: HandfastError) -> None:
    assert isinstance(error, InvalidBundle)
    assert str(error).isprintable()


@given(some)
def test_every_form_holds_the_same(parts: list[bytes]) -> None:
    """X509-43: PEM, DER and JSON carry the same authorities, each once."""
    bundle = TrustBundle.from_der("a.example", parts)
    assert list(bundle.x509_authorities) == list(dict.fromkeys(parts))
    assert TrustBundle.from_der("a.example", b"".join(parts)) == bundle
    assert TrustBundle.from_json("a.example", bundle.to_json()) == bundle
    if parts:
        assert TrustBundle.from_pem("a.example", bundle.to_pem()) == bundle


@given(some)
def test_a_file_of_any_form_is_read_without_saying_which(parts: list[bytes]) -> None:
    """X509-43."""
    bundle = TrustBundle.from_der("a.example", parts)
    forms = {"der": b"".join(parts), "document": bundle.to_json()}
    if parts:
        forms["pem"] = b"# of an administrator\n" + bundle.to_pem()
    for form, data in forms.items():
        assert form_of(data) == form
        assert read_any_bundle("a.example", data) == bundle


@given(st.sampled_from([b"{", b" {}", b"-----BEGIN", b"0", b""]), st.binary(min_size=1))
def test_a_file_of_no_form_is_refused(start: bytes, data: bytes) -> None:
    with pytest.raises(InvalidBundle) as caught:
        read_any_bundle("a.example", start + data)
    check_refusal(caught.value)


@given(some, some)
def test_digests_are_equal_when_the_sets_are(
    one: list[bytes], two: list[bytes]
) -> None:
    """C1, C3."""
    first = TrustBundle.from_der("a.example", one).digest
    second = TrustBundle.from_der("a.example", two).digest
    assert (first == second) is (set(one) == set(two))


@given(json_values)
def test_no_document_does_more_than_be_refused(value: object) -> None:
    """F2, BUN-12: whatever the shape, the answer is a bundle or InvalidBundle."""
    for document in (value, {"keys": value}, {"keys": [value]}):
        try:
            bundle = TrustBundle.from_json("a.example", json.dumps(document))
        except InvalidBundle as error:
            check_refusal(error)
        else:
            assert bundle.is_empty, "nothing in here is a certificate"


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(0, 255))
def test_a_damaged_document_never_trusts_another_key(place: int, byte: int) -> None:
    """F2: one byte changed: the same keys, fewer of them, or nothing at all.

    A JWK says its key twice, in x and y and in the certificate, so that a byte changed
    in one of them cannot pass.
    """
    damaged = DOCUMENT[:place] + bytes([byte]) + DOCUMENT[place + 1 :]
    try:
        bundle = TrustBundle.from_json("a.example", damaged)
    except InvalidBundle:
        return
    assert len(bundle) <= 2
    assert {public_key(raw) for raw in bundle.x509_authorities} <= KNOWN_KEYS


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_concatenated_der_is_cut_where_it_was_joined(contents: list[bytes]) -> None:
    parts = tuple(map(der.sequence, contents))
    assert split_der(b"".join(parts)) == parts


@given(st.binary(max_size=60))
def test_random_bytes_are_der_or_refused(data: bytes) -> None:
    try:
        parts = split_der(data)
    except InvalidCertificate:
        return
    assert b"".join(parts) == data


@pytest.mark.filterwarnings("ignore::UserWarning")  # of cryptography, about odd serials
@settings(max_examples=200)
@given(st.integers(0, len(POOL[0]) - 1), st.integers(1, 255))
@example(103, 1)  # the tag of a subject's text
def test_a_damaged_authority_is_read_or_refused(place: int, change: int) -> None:
    """Never another exception, whatever byte was hit."""
    raw = bytearray(POOL[0])
    raw[place] ^= change
    try:
        TrustBundle.from_der("a.example", bytes(raw))
    except HandfastError as error:
        check_refusal(error)
