# SPDX-License-Identifier: Apache-2.0
"""JWT bundles: which keys are taken from documents and sets, and what is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support import pki, tokens

from handfast import InvalidBundle, JwtBundle, JwtBundleSet, Reason, TrustDomain
from handfast.authority import Authority
from handfast.bundle_json import KEYS_MAX
from handfast.jwk import jwk_members, key_id, public_key_of, read_jwt_key
from handfast.keys import PrivateKey

A = "a.example"
TD = TrustDomain(A)

Json = dict[str, Any]


def entry(kind: str = "p256", **changes: object) -> Json:
    members = jwk_members(pki.key(kind).public_key())
    found: Json = {"use": "jwt-svid", "kid": kind, **members} | changes
    return {name: value for name, value in found.items() if value is not ...}


def read(*entries: object, **members: object) -> JwtBundle:
    return JwtBundle.from_json(A, json.dumps({"keys": entries} | members))


def refusal_of(*entries: object) -> str:
    with pytest.raises(InvalidBundle) as caught:
        read(*entries)
    assert caught.value.reason is Reason.BUNDLE_INVALID
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "rsa3072"])
def test_keys_round_trip(kind: str) -> None:
    key = pki.key(kind).public_key()
    bundle = JwtBundle(TD, {"x": key, "y": pki.key("p256").public_key()})
    assert JwtBundle.from_json(A, bundle.to_json()) == bundle
    assert JwtBundle.from_jwks(A, bundle.to_jwks()) == bundle
    assert bundle.keys["x"] == key
    assert hash(JwtBundle.from_json(A, bundle.to_json())) == hash(bundle)


def test_what_is_published_keeps_the_publishers_rules() -> None:
    """JWT-22, JWT-23, BUN-14, BUN-15, BUN-17: entry by entry."""
    keys = {kind: pki.key(kind).public_key() for kind in ("rsa2048", "p256")}
    written = json.loads(JwtBundle(TD, keys).to_json())["keys"]
    assert [one["kid"] for one in written] == ["p256", "rsa2048"]
    assert {one["use"] for one in written} == {"jwt-svid"}
    assert set(written[0]) == {"use", "kid", "kty", "crv", "x", "y"}
    assert set(written[1]) == {"use", "kid", "kty", "n", "e"}


def test_a_plain_set_says_no_use_and_needs_none() -> None:
    """WAPI 6.2.2: what the Workload API sends, as SPIRE writes it."""
    bundle = tokens.bundle()
    for one in json.loads(bundle.to_jwks())["keys"]:
        assert "use" not in one
    entries = [
        entry("p256", use=...),
        entry("p384", use="sig"),
        entry("p521"),
        entry("rsa2048", use="x509-svid"),
        entry("rsa2048", use=None),
        entry("rsa2048", use=["sig"]),
        entry("rsa2048", use="enc"),
    ]
    found = JwtBundle.from_jwks(A, json.dumps({"keys": entries}))
    assert set(found.keys) == {"p256", "p384", "p521"}


def test_only_jwt_svid_entries_of_a_document_count() -> None:
    """JWT-24, BUN-12, BUN-18: case-sensitive; the rest of it is used."""
    x509 = json.loads(Authority(A).bundle.to_json())["keys"]
    wit = entry("rsa2048", use="wit-svid")
    others = [entry("p384", use=use) for use in ("JWT-SVID", "sig", ..., None, 7, "")]
    assert set(read(*x509, wit, *others, entry()).keys) == {"p256"}


def test_unknown_key_types_are_passed_over_alone() -> None:
    """BUN-16: curves and sizes as well; they need not even be sound."""
    strange = [
        entry(kty="OKP"),
        entry(kty="oct", k="x"),
        entry(kty="ec"),
        entry(kty=["EC"]),
        entry(kty=...),
        entry(crv="secp256k1", kid=7),
        entry(crv="P-257"),
        entry(crv=["P-256"]),
        entry(crv=...),
        entry("rsa1024"),
    ]
    assert set(read(*strange, entry("p384")).keys) == {"p384"}


def test_keys_that_say_they_are_for_something_else_are_passed_over() -> None:
    """J1: alg and key_ops mean what they say."""
    strange = [
        entry(alg="ES384"),
        entry("p384", alg="HS256"),
        entry("p521", alg=7),
        entry("rsa2048", key_ops=["encrypt"]),
        entry("rsa2048", kid="b", key_ops="verify"),
    ]
    assert read(*strange).is_empty
    fine = [entry(alg="ES256"), entry("rsa2048", key_ops=["verify"], alg="PS384")]
    found = read(*fine)
    assert found.algorithms == {"p256": "ES256", "rsa2048": "PS384"}
    assert JwtBundle.from_json(A, found.to_json()) == found
    assert found.digest != read(entry(), entry("rsa2048")).digest


@pytest.mark.parametrize("kid", [..., None, "", 7, ["x"]])
def test_a_key_without_kid_refuses_the_document(kid: object) -> None:
    """JWT-23: nobody could say which key it is."""
    assert "kid of entry 1" in refusal_of(entry("p384"), entry(kid=kid))


def test_a_kid_that_is_there_twice_refuses_the_document() -> None:
    """F2: also for the same key, and when one of the two would be passed over."""
    assert "twice" in refusal_of(entry(), entry("p384", kid="p256"))
    assert "twice" in refusal_of(entry(), entry())
    assert "twice" in refusal_of(entry(), entry(alg="ES384"))


@pytest.mark.parametrize("secret", ["d", "p", "oth", "k"])
def test_a_private_key_refuses_the_document(secret: str) -> None:
    """F2: everybody who read it could sign; somebody must hear of it."""
    said = refusal_of(entry(**{secret: "AAAA-not-shown"}))
    assert "private key" in said
    assert "not-shown" not in said


@pytest.mark.parametrize(
    "changes",
    [
        {"x": ...},
        {"x": ""},
        {"x": 7},
        {"x": "!"},
        {"x": "AA"},
        {"x": entry()["x"] + "="},
        {"x": entry()["y"]},
        {"y": "A" * 44},
        {"x": "AAAA" + entry()["x"]},
        {"crv": "P-384"},
    ],
)
def test_a_damaged_curve_key_refuses_the_document(changes: Json) -> None:
    """F2: nothing of it is taken: not on the curve, not of its size, in two forms."""
    assert "a public key in entry 0" in refusal_of(entry(**changes), entry("p384"))


@pytest.mark.parametrize(
    "changes",
    [
        {"n": ...},
        {"e": ...},
        {"n": "AA"},
        {"n": "wA" + "AA" * 170},  # even: no product of two primes
        {"e": "AAEAAQ"},
        {"e": "AQ"},
        {"e": "AA"},
        {"e": "Ag"},
    ],
)
def test_a_damaged_rsa_key_refuses_the_document(changes: Json) -> None:
    """F2: an exponent of 1 verifies everything."""
    assert "a public key in entry 0" in refusal_of(entry("rsa2048", **changes))


def test_an_rsa_key_that_takes_long_to_verify_with_is_passed_over() -> None:
    """F2: as in certificates, an exponent of 32 bits at most."""
    long = entry("rsa2048")["n"]
    for e, known in (("_____w", True), ("AQAAAAE", False), (long, False)):
        assert len(read(entry("rsa2048", e=e))) == known


def test_nothing_is_a_bundle_that_trusts_nobody() -> None:
    """BUN-11, BUN-13, JWT-25."""
    assert read().is_empty
    assert len(read()) == 0
    assert "p256" in read(entry())


def test_a_bundle_is_made_of_keys_that_can_sign_tokens() -> None:
    key = pki.key("p256").public_key()
    cases: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"": key}, {}),
        ({"k1": pki.key("k1").public_key()}, {}),
        ({"x": pki.key("rsa1024").public_key()}, {}),
        ({"ed": pki.key("ed25519").public_key()}, {}),
        ({"x": key}, {"x": "ES384"}),
        ({"x": key}, {"y": "ES256"}),
        ({f"{number}": key for number in range(KEYS_MAX + 1)}, {}),
    ]
    for keys, algorithms in cases:
        with pytest.raises(InvalidBundle):
            JwtBundle(TD, keys, algorithms)


def test_a_bundle_does_not_change_behind_its_owners_back() -> None:
    keys: dict[str, Any] = {"p256": pki.key("p256").public_key()}
    bundle = JwtBundle(TD, keys)
    keys["evil"] = pki.key("p384").public_key()
    assert set(bundle.keys) == {"p256"}
    with pytest.raises(TypeError):
        bundle.keys["evil"] = keys["evil"]  # type: ignore[index]


def test_digests_tell_contents_apart_and_nothing_else() -> None:
    """J2: trust domain, kid, key and algorithm; not the order."""
    one, two = pki.key("p256").public_key(), pki.key("p256", 1).public_key()
    bundle = JwtBundle(TD, {"a": one, "b": two})
    assert JwtBundle(TD, {"b": two, "a": one}).digest == bundle.digest
    others = [
        JwtBundle(TD, {"a": two, "b": one}),
        JwtBundle(TD, {"a": one}),
        JwtBundle(TD, {"a": one, "b": two}, {"a": "ES256"}),
        JwtBundle(TrustDomain("b.example"), {"a": one, "b": two}),
        JwtBundle(TD, {"ab": one, "b": two}),
    ]
    assert len({bundle.digest, *(other.digest for other in others)}) == 6


def test_sets_keep_trust_domains_apart() -> None:
    """JWT-26: one bundle a trust domain, and never another kind of bundle."""
    own, other = tokens.bundle(), tokens.bundle("b.example")
    bundles = JwtBundleSet([own, other])
    assert bundles["b.example"] is other
    assert bundles.get("c.example") is None
    assert len(bundles.without("b.example").with_bundle(other)) == 2
    with pytest.raises(InvalidBundle) as caught:
        JwtBundleSet([own, own])
    assert caught.value.reason is Reason.BUNDLE_DUPLICATE
    assert bundles != Authority(A).bundle
    assert repr(bundles) == "<JwtBundleSet a.example (4), b.example (4)>"
    assert repr(own) == "<JwtBundle a.example: 4 keys>"


def test_a_key_id_is_the_thumbprint_of_the_key() -> None:
    """RFC 7638, section 3.1: its example, with the key it is about."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6t"
        "Soc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
        "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qN"
        "Lyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa"
        "pJzKnqDKgw"
    )
    key = read_jwt_key({"kty": "RSA", "n": n, "e": "AQAB"})
    assert key is not None
    assert key_id(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_only_keys_that_can_sign_tokens_are_public_keys_of_tokens() -> None:
    assert public_key_of(b"x") is None
    assert public_key_of(PrivateKey.generate("ed25519").public_der) is None
    key = public_key_of(PrivateKey.generate("p384").public_der)
    assert isinstance(key, ec.EllipticCurvePublicKey)
