# SPDX-License-Identifier: Apache-2.0
"""WIT-SVIDs (incubating): bound to a key, and never taken without a proof of it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import subprocess
import sys
from typing import Any

import pytest
from tests.support import pki, tokens
from tests.support.tokens import NOW, SECONDS, WEB, make

from handfast import (
    BundleDocument,
    ConfigError,
    InvalidBundle,
    InvalidCertificate,
    InvalidId,
    JwtBundle,
    JwtSvid,
    PrivateKey,
    Reason,
    TrustBundle,
    TrustDomain,
    VerificationError,
)
from handfast.jwk import jwk_members
from handfast.wit_proof import token_hash
from handfast.wit_signer import WitSigner, present
from handfast.wit_svid import (
    ProofMemory,
    WitBundle,
    WitBundleSet,
    WitSvid,
    document_with_wit_keys,
)

TD = TrustDomain("a.example")
KEYS: dict[str, Any] = dict(tokens.bundle().keys)
BUNDLES = WitBundleSet([WitBundle(TD, KEYS)])
MINE = pki.key("p256", 3)
MINUTE = dt.timedelta(minutes=1)
#: WIT-SVID.md, appendix A: a whole token, without the key that signed it.
EXAMPLE = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImxRU2kzaFpGbmRhMkQtWEprajF6bDdmb0pvdWl3STRuckF5aHk0"
    "alppSmciLCJ0eXAiOiJ3aXQrand0In0."
    "eyJjbmYiOnsiandrIjp7ImFsZyI6IkVTMjU2IiwiY3J2IjoiUC0yNTYiLCJrdHkiOiJFQyIsIngiOiJy"
    "elA3bUxDS0FIV21zTTZYMEV3VklTQ19oSTN1amN1OTVmZlVreWVER0dvIiwieSI6InVPcmZEbGp0WDlt"
    "M2pZLWhzeWhMSllheHRHa3pEdjVlNWttQ2U1OFo5N2cifX0sImV4cCI6MTc2NTQ1NjUwMywiaWF0Ijox"
    "NzY1NDUyOTAzLCJqdGkiOiIxeWoxOVY0TWNPQXpNY0ZpN3F2c2dfQWdDeGxyWTVFX3g1MDl3bEtLUXRj"
    "Iiwic3ViIjoic3BpZmZlOi8vZXhhbXBsZS5jb20vbXktd29ya2xvYWQifQ."
    "sfhEvZNdY_kWrICF08lX0u__rn39YnTavnW-VPBS20zgowDh6-X43v5eOUKZbjZf06yLBQM-Mry5w1g1"
    "QFsCkg"
)


def cnf(key: Any = MINE, **changes: Any) -> dict[str, Any]:
    members: dict[str, Any] = {**jwk_members(key.public_key()), "alg": "ES256"}
    members = {name: x for name, x in (members | changes).items() if x is not ...}
    return {"jwk": members}


def wit(claims: dict[str, Any] | None = None, **header: Any) -> str:
    good = {"sub": WEB, "exp": SECONDS + 300, "iat": SECONDS, "cnf": cnf()}
    said = {n: x for n, x in (good | (claims or {})).items() if x is not ...}
    return make(said, **({"typ": "wit+jwt"} | header))


def wpt(token: str, claims: dict[str, Any] | None = None, **header: Any) -> str:
    good = {"aud": "shop", "exp": SECONDS + 30, "jti": "1", "wth": token_hash(token)}
    said = {n: x for n, x in (good | (claims or {})).items() if x is not ...}
    named = {"typ": "wpt+jwt", "kid": ..., "key": MINE} | header
    return make(said, **named)


def verify(token: str, proof: str | None = None, **options: Any) -> WitSvid:
    named: dict[str, Any] = {"bundles": BUNDLES, "audience": "shop", "at": NOW}
    return WitSvid.verify(
        token, wpt(token) if proof is None else proof, **named | options
    )


def reason_of(token: str, proof: str | None = None, **options: Any) -> Reason:
    with pytest.raises(VerificationError) as caught:
        verify(token, proof, **options)
    shown = f"{caught.value} {caught.value!r}"
    assert shown.isprintable()
    assert token.rpartition(".")[2] not in shown
    return caught.value.reason


def test_a_token_with_its_proof_is_taken() -> None:
    """WIT-01, WIT-03, WIT-04, WIT-07, WIT-08, WIT-09, WIT-12."""
    svid = verify(wit())
    assert str(svid.spiffe_id) == WEB
    assert svid.confirmation.key == MINE.public_key()
    assert svid.confirmation.algorithm == "ES256"
    assert svid.expires_at == NOW + 5 * MINUTE
    assert (
        repr(svid) == "<WitSvid spiffe://a.example/web until 2026-11-22T12:05:00Z>"
    ), "P7: no token in it"


def test_the_standards_example_is_read() -> None:
    """WIT-01: appendix A; its time is long over, and its key is not told."""
    svid = WitSvid.read_unverified(EXAMPLE)
    assert str(svid.spiffe_id) == "spiffe://example.com/my-workload"
    assert svid.claims["jti"] == "1yj19V4McOAzMcFi7qvsg_AgCxlrY5E_x509wlKKQtc"


@pytest.mark.parametrize("kid", [..., None, "", 7])
def test_a_kid_is_there(kid: object) -> None:
    """WIT-01: which a JWT-SVID need not have."""
    assert reason_of(wit(kid=kid)) is Reason.JWT_KEY_ID
    assert reason_of(wit(kid="P256")) is Reason.JWT_UNKNOWN_KEY, "case-sensitive"


@pytest.mark.parametrize("typ", [..., None, "JWT", "JOSE", "WIT+JWT", "wit"])
def test_the_type_is_wit_jwt(typ: object) -> None:
    """WIT-03: and no JWT-SVID is one, nor the other way round (JWT-08)."""
    assert reason_of(wit(typ=typ)) is Reason.JWT_TYPE
    with pytest.raises(VerificationError) as caught:
        JwtSvid.parse(wit({"aud": "shop"}), tokens.bundles(), "shop", at=NOW)
    assert caught.value.reason is Reason.JWT_TYPE


@pytest.mark.parametrize("alg", ["none", "HS256", "EdDSA", "es256", None])
def test_only_the_nine_algorithms_sign(alg: object) -> None:
    """WIT-04."""
    assert reason_of(wit(alg=alg)) is Reason.JWT_ALGORITHM


def test_unknown_headers_are_passed_over_unless_they_are_critical() -> None:
    """WIT-06: unlike those of JWT-SVIDs."""
    assert verify(wit(x5t="x", jku="x")).spiffe_id.path == "/web"
    assert reason_of(wit(crit=["x5t"], x5t="x")) is Reason.JWT_HEADER


@pytest.mark.parametrize(
    "bad",
    [
        ...,
        None,
        [],
        {},
        {"jwk": None},
        {"kid": "x"},
        cnf() | {"kid": "x"},
        cnf() | {"jku": "x"},
        cnf(d="AA"),
        cnf(alg=...),
        cnf(alg="ES384"),
        cnf(alg="HS256"),
        cnf(alg=7),
        cnf(kty="OKP"),
        cnf(y=...),
        cnf(x="AA"),
    ],
)
def test_a_token_that_is_bound_to_no_key_is_refused(bad: object) -> None:
    """WIT-08, WIT-09: one public key in jwk alone, with an alg that fits it."""
    assert reason_of(wit({"cnf": bad})) is Reason.JWT_CONFIRMATION


def test_other_claims_are_passed_over_and_aud_is_not() -> None:
    """WIT-16, WIT-17."""
    assert verify(wit({"groups": ["a"], "iss": "x"})).claims["groups"] == ("a",)
    assert reason_of(wit({"aud": "shop"})) is Reason.JWT_CLAIM


def test_times_are_judged() -> None:
    """WIT-12, WIT-13, WIT-14: exp and nbf hold, iat limits nothing."""
    assert reason_of(wit({"exp": ...})) is Reason.JWT_NO_EXPIRY
    old = wit({"exp": SECONDS - 31})
    assert reason_of(old) is Reason.JWT_EXPIRED
    assert reason_of(wit({"nbf": SECONDS + 60})) is Reason.JWT_NOT_YET_VALID
    assert verify(wit({"iat": SECONDS + 3600})).issued_at == NOW + 60 * MINUTE
    with pytest.raises(ConfigError):
        verify(wit(), leeway=3 * MINUTE)


def test_the_subject_is_a_workload_of_a_trusted_domain() -> None:
    """WIT-07, JWT-26: with the keys of its own trust domain."""
    assert reason_of(wit({"sub": "web"})) is Reason.JWT_SUBJECT
    other = wit({"sub": "spiffe://b.example/web"})
    assert reason_of(other) is Reason.UNKNOWN_TRUST_DOMAIN
    assert reason_of(wit(key=pki.key("p256", 9))) is Reason.JWT_BAD_SIGNATURE


FIXED = wit()


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "x",
        wpt(FIXED, key=pki.key("p256", 4)),
        wpt(FIXED, {"wth": token_hash("x")}),
        wpt(FIXED, {"wth": ...}),
        wpt(FIXED, {"aud": ...}),
        wpt(FIXED, {"aud": "till"}),
        wpt(FIXED, {"aud": [7]}),
        wpt(FIXED, {"exp": ...}),
        wpt(FIXED, {"exp": "x"}),
        wpt(FIXED, {"exp": SECONDS - 31}),
        wpt(FIXED, {"exp": SECONDS + 331}),
        wpt(FIXED, {"exp": 253_402_300_799}),  # nothing can be added to that
        wpt(FIXED, {"nbf": SECONDS + 31}),
        wpt(FIXED, {"jti": ...}),
        wpt(FIXED, {"jti": ""}),
        wpt(FIXED, {"jti": "x" * 257}),
        wpt(FIXED, {"ath": token_hash("x")}),
        wpt(FIXED, {"tth": token_hash("x")}),
        wpt(FIXED, {"oth": {}}),
        wpt(FIXED, typ=...),
        wpt(FIXED, typ="JWT"),
        wpt(FIXED, typ="wit+jwt"),
        wpt(FIXED, alg="none"),
        wpt(FIXED, algorithm="ES384", key=pki.key("p384")),
        wit(),
    ],
)
def test_nothing_is_taken_without_a_proof(proof: str) -> None:
    """WIT-18, WIT-21: of this key, this token, this request, and of now."""
    with pytest.raises(VerificationError) as caught:
        verify(FIXED, proof)
    assert caught.value.reason is Reason.JWT_PROOF
    assert caught.value.claimed_id == WEB


def test_a_proof_names_the_tokens_that_come_along() -> None:
    """WIT-18: and none that do not."""
    token = wit()
    both = {"ath": token_hash("access"), "tth": token_hash("transaction")}
    proof = wpt(token, both)
    options = {"access_token": "access", "transaction_token": "transaction"}
    assert verify(token, proof, **options).spiffe_id.path == "/web"
    assert reason_of(token, proof, access_token="access") is Reason.JWT_PROOF
    assert reason_of(token, access_token="access") is Reason.JWT_PROOF
    # As some servers read a header's bytes that are no text.
    assert reason_of(token, proof, access_token="access\udcff") is Reason.JWT_PROOF


def test_a_proof_is_taken_once() -> None:
    """WIT-11, WIT-21: it is the proof's jti that is remembered, not the token's."""
    memory, token = ProofMemory(), wit({"jti": "the same"})
    first, second = wpt(token), wpt(token, {"jti": "2"})
    verify(token, first, memory=memory)
    assert reason_of(token, first, memory=memory) is Reason.JWT_REPLAYED
    verify(token, second, memory=memory)
    assert len(memory) == 2


def test_the_memory_of_proofs_is_bounded_and_forgets_what_is_over() -> None:
    """P8: room for no more is a refusal, never a proof that is forgotten too early."""
    memory, token = ProofMemory(1), wit()
    verify(token, wpt(token), memory=memory)
    second = wpt(token, {"jti": "2", "exp": SECONDS + 200})
    for _ in range(2):
        assert reason_of(token, second, memory=memory) is Reason.JWT_PROOF
    verify(token, second, memory=memory, at=NOW + MINUTE)
    assert len(memory) == 1


def test_only_wit_svid_entries_of_a_document_count() -> None:
    """WIT-23, WIT-24: and no kid is among the keys of JWT-SVIDs as well."""
    bundle = WitBundle(TD, {"w": KEYS["p256"]})
    document = BundleDocument.of(TrustBundle(TD), JwtBundle(TD, {"j": KEYS["p384"]}))
    text = document_with_wit_keys(document, bundle)
    assert WitBundle.from_json(TD, text) == bundle
    assert BundleDocument.from_json(TD, text).jwt == document.jwt
    entries = json.loads(text)["keys"]
    assert [(one["use"], one["kid"]) for one in entries] == [
        ("jwt-svid", "j"),
        ("wit-svid", "w"),
    ]
    assert WitBundle.from_json(TD, document.to_json()).is_empty
    assert (
        reason_of(wit(), bundles=WitBundleSet([WitBundle(TD)])) is Reason.EMPTY_BUNDLE
    )
    entries[0]["kid"] = "w"
    with pytest.raises(InvalidBundle, match="twice"):
        WitBundle.from_json(TD, json.dumps({"keys": entries}))
    with pytest.raises(InvalidBundle, match="every kid once"):
        document_with_wit_keys(document, WitBundle(TD, {"j": KEYS["p256"]}))
    with pytest.raises(InvalidBundle, match=r"b\.example"):
        document_with_wit_keys(document, WitBundle(TrustDomain("b.example")))
    plain = WitBundle.from_jwks(TD, bundle.to_jwks())
    assert plain == bundle
    same_key: object = JwtBundle(TD, {"w": KEYS["p256"]})
    assert same_key != bundle, "two kinds"


def part(token: str, place: int) -> dict[str, Any]:
    text = token.split(".")[place]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


def test_what_is_issued_keeps_the_issuers_rules() -> None:
    """WIT-02, WIT-05, WIT-10, WIT-15, WIT-16: no aud, no iss, a jti that is random."""
    signer, key = WitSigner.generate("a.example"), PrivateKey.generate("p384")
    one, two = (signer.sign(WEB, key, now=NOW) for _ in range(2))
    assert part(one.token, 0) == {
        "alg": "ES256",
        "kid": signer.key_id,
        "typ": "wit+jwt",
    }
    said = part(one.token, 1)
    assert set(said) == {"sub", "cnf", "jti", "iat", "nbf", "exp"}
    assert said["cnf"]["jwk"]["alg"] == "ES384"
    assert said["jti"] != part(two.token, 1)["jti"]
    with pytest.raises(ConfigError):
        signer.sign("spiffe://b.example/x", key)
    with pytest.raises(InvalidId):
        signer.sign("spiffe://a.example", key)
    with pytest.raises(ConfigError):
        signer.sign(WEB, PrivateKey.generate("ed25519"))
    with pytest.raises(ConfigError):
        signer.sign(WEB, key, ttl=dt.timedelta(days=2))


def test_a_token_is_presented_in_headers_of_its_own() -> None:
    """WIT-19, WIT-20, WIT-21: never as a bearer's, with a proof of 30 seconds."""
    signer, key = WitSigner.generate("a.example"), PrivateKey.generate()
    svid = signer.sign(WEB, key, now=NOW)
    headers = present(svid, key, "shop", now=NOW, access_token="access")
    assert set(headers) == {"Workload-Identity-Token", "Workload-Proof-Token"}
    assert not hasattr(svid, "authorization")
    proof = headers["Workload-Proof-Token"]
    assert part(proof, 1)["exp"] == SECONDS + 30
    known = WitBundleSet([signer.bundle])
    again = WitSvid.verify(
        svid.token, proof, known, "shop", at=NOW, access_token="access"
    )
    assert again == svid
    with pytest.raises(ConfigError, match="bound to"):
        present(svid, PrivateKey.generate(), "shop")
    for ttl in (6 * MINUTE, -MINUTE):
        with pytest.raises(ConfigError):
            present(svid, key, "shop", ttl=ttl)


def test_our_own_token_is_read_as_it_is() -> None:
    """WIT-08: what nobody could accept is refused here already."""
    assert WitSvid.read_unverified(wit({"exp": 1}), hint="x").hint == "x"
    for bad in (wit({"cnf": ...}), wit(kid=...), make(), "x"):
        with pytest.raises(InvalidCertificate):
            WitSvid.read_unverified(bad)


def test_nobody_gets_it_without_asking() -> None:
    """Incubating: the package and its JWT-SVIDs leave it alone."""
    script = (
        "import sys, handfast\n"
        "handfast.JwtSvid, handfast.BundleDocument, handfast.JwtSigner\n"
        "assert not [one for one in sys.modules if 'handfast.wit' in one]\n"
        "assert not hasattr(handfast, 'WitSvid')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
