# SPDX-License-Identifier: Apache-2.0
"""SPIFFE bundle documents: what is ignored, what is refused, what is published."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from handfast import InvalidBundle, Reason, TrustBundle, TrustDomain
from handfast.authority import Authority
from handfast.bundle_json import DOCUMENT_MAX, KEYS_MAX
from handfast.keys import KeyType
from handfast.testing import der, forge_intermediate, forge_root

A = "a.example"

Json = dict[str, Any]


def entry_of(raw: bytes, **changes: object) -> Json:
    x5c = [base64.b64encode(raw).decode()]
    entry = {"use": "x509-svid", "kty": "EC", "x5c": x5c} | changes
    return {name: value for name, value in entry.items() if value is not ...}


def read(*entries: object, **members: object) -> TrustBundle:
    return TrustBundle.from_json(A, json.dumps({"keys": entries} | members))


def reason_of(document: str | bytes | Json) -> Reason:
    text = json.dumps(document) if isinstance(document, dict) else document
    with pytest.raises(InvalidBundle) as caught:
        TrustBundle.from_json(A, text)
    return caught.value.reason


@pytest.fixture(scope="module")
def root(authority: Authority) -> bytes:
    return authority.root.der


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "ed25519"])
def test_documents_round_trip(kind: KeyType) -> None:
    bundle = Authority(A, key_type=kind).bundle
    assert TrustBundle.from_json(A, bundle.to_json()) == bundle
    with_numbers = TrustBundle(bundle.trust_domain, bundle.x509_authorities, 7, 300)
    again = TrustBundle.from_json(A, with_numbers.to_json())
    assert (again.sequence, again.refresh_hint) == (7, 300)


def test_what_is_published_keeps_the_publishers_rules(authority: Authority) -> None:
    """X509-35, X509-36, X509-37, X509-38, X509-39, X509-40: entry by entry."""
    second = forge_root(A)
    bundle = TrustBundle.from_der(A, [authority.root.der, second.der])
    document = json.loads(bundle.to_json())
    assert len(document["keys"]) == 2, "X509-40: one entry a certificate"
    for entry, raw in zip(document["keys"], bundle.x509_authorities, strict=True):
        assert entry["use"] == "x509-svid", "X509-35, BUN-17"
        assert "kid" not in entry, "X509-36"
        assert len(entry["x5c"]) == 1, "X509-38"
        assert base64.b64decode(entry["x5c"][0], validate=True) == raw, "X509-37"
        assert set(entry) == {"use", "kty", "crv", "x", "y", "x5c"}, "BUN-14, BUN-15"
    certificate = authority.root.certificate
    assert certificate.issuer == certificate.subject, "X509-39"
    certificate.verify_directly_issued_by(certificate)


def test_an_entry_without_a_certificate_is_passed_over(root: bytes) -> None:
    """X509-41: no x5c, an empty one, or null: not an error, and nothing is trusted."""
    absent: list[object] = [..., [], None]
    for nothing in absent:
        bundle = read(entry_of(root, x5c=nothing), entry_of(root))
        assert bundle.x509_authorities == (root,)


def test_only_the_first_certificate_of_an_entry_counts(root: bytes) -> None:
    """X509-42: the others are not even looked at."""
    first = base64.b64encode(root).decode()
    second = base64.b64encode(forge_root(A).der).decode()
    for rest in ([second], ["!"], [7, None]):
        assert read(entry_of(root, x5c=[first, *rest])).x509_authorities == (root,)


def test_the_anchors_are_the_union_over_the_entries(root: bytes) -> None:
    """X509-43: and none at all is a trust domain without X.509 support."""
    other = forge_root(A).der
    assert set(read(entry_of(root), entry_of(other)).x509_authorities) == {root, other}
    assert read().is_empty


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}])
def test_keys_must_be_there_and_an_array(document: Json) -> None:
    """BUN-10."""
    assert reason_of(document) is Reason.BUNDLE_INVALID


def test_no_keys_is_a_bundle_that_trusts_nobody(root: bytes) -> None:
    """BUN-11, BUN-13: also when nothing is left after what is passed over."""
    assert read().is_empty
    assert read(entry_of(root, use="jwt-svid")).is_empty


def test_unknown_uses_and_key_types_are_passed_over_alone(root: bytes) -> None:
    """BUN-12, BUN-15, BUN-16, BUN-17, BUN-18: case-sensitive; the rest is used.

    X509-43: anchors are those of the x509-svid entries and of no others.
    """
    strange = [
        entry_of(root, use="X509-SVID"),
        entry_of(root, use="wit-svid"),
        entry_of(root, use=...),
        entry_of(root, use=7),
        entry_of(root, kty="AKP"),
        entry_of(root, kty="ec"),
        entry_of(root, kty=["EC"]),
        entry_of(root, kty={"EC": 1}),
        entry_of(root, kty=...),
        {"use": "jwt-svid", "kty": "EC", "kid": "x"},
        {},
    ]
    other = forge_root(A).der
    bundle = read(*[entry | {"x5c": ["!"]} for entry in strange], entry_of(other))
    assert bundle.x509_authorities == (other,)


@pytest.mark.parametrize("kind", ["secp256k1", "p224", "rsa1024", "ed448"])
def test_an_authority_with_an_unknown_key_is_passed_over_alone(
    kind: str, root: bytes
) -> None:
    """BUN-16, C10: a key type that is none of ours, whatever kty calls it."""
    strange = forge_root(A, key_type=kind).der
    assert read(entry_of(strange), entry_of(root)).x509_authorities == (root,)


def test_an_authority_with_a_key_of_no_known_algorithm_is_passed_over(
    root: bytes,
) -> None:
    """BUN-16: not even `cryptography` can tell what it is."""
    public = der.sequence(der.sequence(der.oid("1.2.3.4")), der.bit_string(b"?"))
    strange = forge_root(A, public_key=public).der
    assert read(entry_of(strange), entry_of(root)).x509_authorities == (root,)


def test_unknown_members_change_nothing(root: bytes) -> None:
    """BUN-02, BUN-14, X509-36: a publisher's extras, a forbidden kid among them."""
    entry = entry_of(root, kid="x", alg="ES256", x_new={"a": [1]})
    bundle = read(entry, other=1, spiffe_future={"b": None})
    assert bundle.x509_authorities == (root,)


def test_the_name_is_the_callers(root: bytes) -> None:
    """BUN-19: nothing in the document can choose the trust domain."""
    bundle = read(entry_of(root), trust_domain="evil.example", id="spiffe://evil")
    assert bundle.trust_domain == TrustDomain(A)


def test_an_entry_must_agree_with_its_certificate(authority: Authority) -> None:
    """RFC 7517, 4.7: whoever reads the JWK and who reads x5c must trust one key."""
    (good,) = json.loads(authority.bundle.to_json())["keys"]
    assert read(good).x509_authorities == (authority.root.der,)
    for name, wrong in (("x", good["y"]), ("crv", "P-384"), ("kty", "RSA"), ("y", 7)):
        assert reason_of({"keys": [good | {name: wrong}]}) is Reason.BUNDLE_INVALID


@pytest.mark.parametrize("x5c", ["text", {"0": "x"}, [7], ["!!"], ["MAA"], ["MA A="]])
def test_a_damaged_certificate_refuses_the_document(x5c: object, root: bytes) -> None:
    """X509-37: standard base64 of DER, and nothing of a damaged document is taken."""
    document = {"keys": [entry_of(root), entry_of(root, x5c=x5c)]}
    assert reason_of(document) is Reason.BUNDLE_INVALID


def test_what_is_no_authority_refuses_the_document(authority: Authority) -> None:
    """X509-08, X509-37."""
    leaf = authority.issue("spiffe://a.example/web").chain[0]
    assert reason_of({"keys": [entry_of(leaf)]}) is Reason.AUTHORITY_NOT_CA
    url_safe = [base64.urlsafe_b64encode(b"\xff\xfe\xfd" * 3).decode()]
    assert reason_of({"keys": [entry_of(leaf, x5c=url_safe)]}) is Reason.BUNDLE_INVALID
    not_one = entry_of(b"\x30\x00")
    assert reason_of({"keys": [not_one]}) is Reason.DER_VALUE


def test_an_authority_need_not_be_self_signed(authority: Authority) -> None:
    """X509-39 is a SHOULD for publishers only."""
    middle = forge_intermediate(authority).der
    assert read(entry_of(middle)).x509_authorities == (middle,)


@pytest.mark.parametrize("number", [0, 1, 2**53 + 1, 2**63, 2**64 - 1])
def test_the_sequence_keeps_64_bits(number: int) -> None:
    """BUN-06: never by way of a float."""
    assert read(spiffe_sequence=number).sequence == number


@pytest.mark.parametrize("value", [-1, 2**64, 10**400, 1.0, 1e3, "1", True, [], {}])
def test_a_sequence_that_is_none_is_refused(value: object) -> None:
    """BUN-04: an integer."""
    assert reason_of({"keys": [], "spiffe_sequence": value}) is Reason.BUNDLE_INVALID


@pytest.mark.parametrize(
    ("value", "hint"), [(0, 0), (-5, 0), (300, 300), (10**30, 2**31 - 1), (None, None)]
)
def test_a_refresh_hint_is_only_a_hint(value: int | None, hint: int | None) -> None:
    """BUN-08, BUN-09: cut to something sane, never a reason to lose authorities."""
    assert read(spiffe_refresh_hint=value).refresh_hint == hint


@pytest.mark.parametrize("value", [1.5, "300", True, []])
def test_a_refresh_hint_is_an_integer(value: object) -> None:
    """BUN-08."""
    document = {"keys": [], "spiffe_refresh_hint": value}
    assert reason_of(document) is Reason.BUNDLE_INVALID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "null",
        '"keys"',
        '{"keys": []} x',
        '{"keys": [], "a": NaN}',
        '{"keys": [], "a": Infinity}',
        '{"keys": ["x"]}',
        '{"keys": [[]]}',
        '{"keys": [null]}',
        '{"keys": [], "keys": []}',
        '{"keys": [{"use": "x509-svid", "use": "jwt-svid"}]}',
        '{"keys": [], "a": {"b": 1, "b": 2}}',
        '{"keys": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"keys": [], "spiffe_sequence": ' + "9" * 5000 + "}",
        b'\xef\xbb\xbf{"keys": []}',
        '{"keys": []}'.encode("utf-16"),
        b'{"keys": [], "a": "\xff"}',
        '{"keys": [], "a": "\ud800"}',
    ],
)
def test_what_is_no_document_is_refused(text: str | bytes) -> None:
    """F2: duplicate names, depth, other encodings, constants that JSON has not."""
    assert reason_of(text) is Reason.BUNDLE_INVALID


def test_documents_are_bounded(root: bytes) -> None:
    """F2, P8."""
    assert reason_of('{"keys": []' + " " * DOCUMENT_MAX + "}") is Reason.LIMIT
    many = [{"use": "x"}] * (KEYS_MAX + 1)
    assert reason_of({"keys": many}) is Reason.BUNDLE_INVALID
    assert read(*many[1:]).is_empty


def test_errors_of_a_document_are_printable() -> None:
    with pytest.raises(InvalidBundle) as caught:
        TrustBundle.from_json(A, b'{"\x1b[2J')
    assert str(caught.value).isprintable()
