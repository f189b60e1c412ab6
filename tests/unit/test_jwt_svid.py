# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: which tokens are taken, and why the others are not."""

from __future__ import annotations

import base64
import datetime as dt
import json
import subprocess
import sys

import pytest
from tests.support import pki, tokens
from tests.support.jwt_judging import is_taken, parse, reason_of, refused
from tests.support.tokens import NOW, WEB, b64, claims, make

from handfast import (
    InvalidCertificate,
    JwtBundle,
    JwtBundleSet,
    JwtSvid,
    Reason,
    TrustDomain,
    VerificationError,
)
from handfast.jws import TOKEN_MAX, NotAJws, check_signature, read_jws

SECOND = dt.timedelta(seconds=1)
NO_TYPES: list[object] = ["jwt", "wit+jwt", "at+jwt", "", "JWT ", None, 1, []]


@pytest.mark.parametrize("algorithm", list(tokens.KINDS))
def test_each_of_the_nine_algorithms_is_taken(algorithm: str) -> None:
    """JWT-04, JWT-17: RS, ES and PS with 256, 384 and 512."""
    svid = parse(make(algorithm=algorithm))
    assert str(svid.spiffe_id) == WEB
    assert svid.audience == ("shop",)
    assert svid.expires_at == NOW + dt.timedelta(minutes=5)
    assert svid.issued_at == NOW
    assert svid.not_before is None
    assert svid.expires_in(NOW) == dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    "algorithm",
    [
        *"none None HS256 HS384 EdDSA ES256K es256".split(),
        "",
        "ES256 ",
        7,
        None,
        ["ES256"],
        {"ES256": 1},
        ...,
    ],
)
def test_every_other_algorithm_is_refused(algorithm: object) -> None:
    """J1, JWT-05: whatever the signature is."""
    assert reason_of(make(alg=algorithm)) is Reason.JWT_ALGORITHM


def test_the_algorithm_is_looked_at_before_anything_else() -> None:
    """JWT-06: with nothing else right, it is alg that refuses the token."""
    header = json.dumps({"alg": "none", "crit": 1, "typ": 7, "kid": [], "jku": "x"})
    assert reason_of(f"{b64(header)}.!.!") is Reason.JWT_ALGORITHM


def test_a_public_key_is_no_secret_of_hmac() -> None:
    """J1: HS256 keyed with the bytes of the RSA key that everybody knows."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    from cryptography.hazmat.primitives import serialization as ser  # noqa: PLC0415

    public = pki.key("rsa2048").public_key()
    for encoding in (ser.Encoding.PEM, ser.Encoding.DER):
        secret = public.public_bytes(encoding, ser.PublicFormat.SubjectPublicKeyInfo)
        signed = make(alg="HS256", kid="rsa2048").rpartition(".")[0]
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        assert reason_of(f"{signed}.{b64(mac)}") is Reason.JWT_ALGORITHM


@pytest.mark.parametrize("algorithm", list(tokens.KINDS))
@pytest.mark.parametrize("kid", ["rsa2048", "p256", "p384", "p521"])
def test_a_key_is_never_used_with_an_algorithm_of_another_type_or_curve(
    algorithm: str, kid: str
) -> None:
    """J1, JWT-17: the key that kid names must fit alg, curve included."""
    if tokens.KINDS[algorithm] == kid:
        assert parse(make(algorithm=algorithm, kid=kid)).audience == ("shop",)
        return
    error = refused(make(algorithm=algorithm, kid=kid))
    assert error.reason is Reason.JWT_KEY_MISMATCH
    assert error.claimed_id == WEB


def test_no_signature_is_verified_with_a_key_that_does_not_fit() -> None:
    """J1, JWT-17: asked directly, past the choice of the key, it is still refused."""
    jws = read_jws(make(), ("JWT",))
    for kind in ("p384", "rsa2048"):
        with pytest.raises(NotAJws) as caught:
            check_signature(jws, pki.key(kind).public_key())
        assert caught.value.detail.reason is Reason.JWT_KEY_MISMATCH


def test_a_p256_signature_under_another_curves_name_is_refused() -> None:
    """J1: ES384 says P-384; a P-256 key that signs with SHA-384 is not that."""
    token = make(algorithm="ES384", key=pki.key("p256"), kid="p256")
    assert reason_of(token) is Reason.JWT_KEY_MISMATCH


def test_a_key_with_an_algorithm_of_its_own_verifies_nothing_else() -> None:
    """J1: a bundle that says PS256 of a key means it."""
    key = pki.key("rsa2048").public_key()
    own = JwtBundle(TrustDomain("a.example"), {"rsa2048": key}, {"rsa2048": "PS256"})
    known = JwtBundleSet([own])
    assert is_taken(make(algorithm="PS256"), bundles=known)
    assert reason_of(make(algorithm="RS256"), bundles=known) is Reason.JWT_KEY_MISMATCH


@pytest.mark.parametrize(
    "extra", ["jwk", "jku", "x5u", "x5c", "x5t", "cty", "zip", "enc", "ALG", "b64"]
)
def test_other_header_parameters_are_refused(extra: str) -> None:
    """J1, JWT-03: nothing in a header can bring a key or change what is signed."""
    token = make(**{extra: "x"})
    assert reason_of(token) is Reason.JWT_HEADER
    if extra == "b64":
        assert reason_of(token, tolerate_headers=True) is Reason.JWT_HEADER
    else:
        assert parse(token, tolerate_headers=True).audience == ("shop",)


def test_a_key_in_the_header_is_never_used() -> None:
    """J1: the token brings the key that verifies it, and is believed by nobody."""
    from handfast.jwk import jwk_members  # noqa: PLC0415

    mine = pki.key("p256", 7)
    jwk = jwk_members(mine.public_key())
    token = make(key=mine, jwk=jwk)
    assert reason_of(token) is Reason.JWT_HEADER
    assert reason_of(token, tolerate_headers=True) is Reason.JWT_BAD_SIGNATURE
    no_kid = make(key=mine, jwk=jwk, kid=...)
    assert reason_of(no_kid, tolerate_headers=True) is Reason.JWT_BAD_SIGNATURE


@pytest.mark.parametrize("crit", [["exp"], [], ["b64"], "b64", None])
def test_crit_is_always_refused(crit: object) -> None:
    """JWT-27, J1: also by those who tolerate other parameters."""
    assert reason_of(make(crit=crit)) is Reason.JWT_HEADER
    assert reason_of(make(crit=crit), tolerate_headers=True) is Reason.JWT_HEADER


def test_a_header_name_that_is_there_twice_is_refused() -> None:
    """JWT-27: whichever of the two another reader takes."""
    for header in (
        '{"alg":"none","alg":"ES256","kid":"p256"}',
        '{"alg":"ES256","kid":"p256","kid":"p384"}',
        '{"alg":"ES256","kid":"p256","\\u006bid":"p256"}',
    ):
        assert reason_of(make(raw_header=header)) is Reason.JWT_MALFORMED


@pytest.mark.parametrize(
    ("typ", "taken"),
    [(..., True), ("JWT", True), ("JOSE", True)] + [(bad, False) for bad in NO_TYPES],
)
def test_typ_is_jwt_or_jose_or_not_there(typ: object, taken: bool) -> None:
    """JWT-08: a WIT-SVID must fail here."""
    token = make(typ=typ)
    if taken:
        assert is_taken(token)
    else:
        assert reason_of(token) is Reason.JWT_TYPE


@pytest.mark.parametrize("kid", ["", 7, None, ["p256"], "x" * 1025])
def test_a_kid_is_a_text(kid: object) -> None:
    assert reason_of(make(kid=kid)) is Reason.JWT_KEY_ID


def test_a_token_without_kid_is_taken_when_one_key_fits() -> None:
    """JWT-07: with two that fit, somebody would have to guess."""
    token = make(kid=...)
    assert is_taken(token)
    key = pki.key("p256").public_key()
    other = pki.key("p256", 1).public_key()
    known = JwtBundle(TrustDomain("a.example"), {"one": key, "two": other})
    error = refused(token, bundles=JwtBundleSet([known]))
    assert error.reason is Reason.JWT_KEY_ID
    assert "2 keys" in error.seen
    assert reason_of(token, bundles=tokens.bundles("p384")) is Reason.JWT_KEY_ID


def test_a_kid_that_the_bundle_does_not_know_is_refused() -> None:
    """J1, JWT-17: no other key is tried."""
    error = refused(make(kid="\x1b[2J"))
    assert error.reason is Reason.JWT_UNKNOWN_KEY
    assert "\\x1b" in error.seen


def test_a_signature_by_another_key_does_not_hold() -> None:
    """JWT-17."""
    error = refused(make(key=pki.key("p256", 1)))
    assert error.reason is Reason.JWT_BAD_SIGNATURE
    assert error.claimed_id == WEB, "said to be a claim"
    assert "not verified" in str(error)


def test_the_bundle_is_that_of_the_subjects_trust_domain() -> None:
    """JWT-26, J1: a key of b.example says nothing about a.example, and no key at all.

    The kid is one that both know, the signature is right under the other's.
    """
    other = tokens.bundle("b.example")
    error = refused(make(), bundles=JwtBundleSet([other]))
    assert error.reason is Reason.UNKNOWN_TRUST_DOMAIN
    own = JwtBundle(TrustDomain("a.example"), {"p256": pki.key("p256", 1).public_key()})
    both = JwtBundleSet([own, other])
    assert reason_of(make(), bundles=both) is Reason.JWT_BAD_SIGNATURE


def test_a_trust_domain_without_jwt_keys_has_no_tokens() -> None:
    """JWT-25, BUN-13."""
    empty = JwtBundleSet([JwtBundle(TrustDomain("a.example"))])
    assert reason_of(make(), bundles=empty) is Reason.EMPTY_BUNDLE
    assert reason_of(make(), bundles=JwtBundleSet()) is Reason.UNKNOWN_TRUST_DOMAIN


def malformed() -> list[str]:
    """Texts that are no token; the good one among them is cut, padded, bent."""
    head, body, tail = make().split(".")
    both = {"payload": body, "signatures": [{"protected": head, "signature": tail}]}
    flat = {"payload": body, "protected": head, "signature": tail}
    return [
        "",
        ".",
        "..",
        "....",
        head,
        f"{head}.{body}",
        f"{head}..{tail}",
        f".{body}.{tail}",
        f"{head}.{body}.{tail}.",
        f"{head}.{body}.{tail}.x",
        f"{head}.{body}.{tail}.{head}.{tail}",
        f"{head}.{body}.{tail}=",
        f"{head}==.{body}.{tail}",
        f" {head}.{body}.{tail}",
        f"{head}.{body}.{tail}\n",
        f"{head}.{body[:4]}\n{body[4:]}.{tail}",
        f"{head}.{body}.{tail[:-2]}+/",
        f"{head}.{body}.{tail[:-1]}é",
        f"{head}.{body}.{tail[:-1]}{chr(ord(tail[-1]) + 1)}",
        f"{head}.{body}.{tail}A"[: len(head) + len(body) + 2 + 85],
        json.dumps(both),
        json.dumps(flat),
        f"Bearer {head}.{body}.{tail}",
        make(raw_header="[]"),
        make(raw_header='"x"'),
        make(raw_header=b"\xff"),
        make(raw_header=b"\xef\xbb\xbf" + b'{"alg":"ES256"}'),
        make(raw_header="{" * 3000),
        make("[]"),
        make("x"),
        make(""),
        make(b"\xff\xfe"),
        make("[" * 8000),
        make(json.dumps(claims()) + "x"),
        make(json.dumps(claims(x="\ud800"))),
        make(json.dumps(claims()).replace('"sub"', '"n":' + "9" * 5000 + ',"sub"')),
    ]


@pytest.mark.parametrize("token", malformed())
def test_only_three_parts_of_base64url_in_one_form_are_a_token(token: str) -> None:
    """JWT-01, JWT-02, J2: no JSON serialization, no JWE, no second form of a token."""
    assert reason_of(token) is Reason.JWT_MALFORMED


def test_the_last_characters_spare_bits_are_looked_at() -> None:
    """J2: a signature of 64 bytes ends in four bits that many readers ignore."""
    head, body, tail = make().split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(tail[-1])
    assert place % 16 == 0
    for bent in alphabet[place + 1 : place + 16]:
        token = f"{head}.{body}.{tail[:-1]}{bent}"
        assert reason_of(token) is Reason.JWT_MALFORMED


def test_the_other_s_of_a_signature_is_another_token() -> None:
    """J2: ECDSA has two signatures for each; both hold, and no cache mixes them up."""
    from handfast.jwt_cache import TokenCache  # noqa: PLC0415

    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    head, body, tail = make().split(".")
    raw = base64.urlsafe_b64decode(tail + "==")
    twin = order - int.from_bytes(raw[32:], "big")
    other = f"{head}.{body}.{b64(raw[:32] + twin.to_bytes(32, 'big'))}"
    cache = TokenCache()
    assert is_taken(f"{head}.{body}.{tail}", cache=cache)
    assert is_taken(other, cache=cache)
    assert cache.statistics().hits == 0


def test_a_token_is_bounded() -> None:
    """JWT-01, P8: 16 KiB, as no HTTP server takes longer headers."""
    assert TOKEN_MAX == 16384
    assert reason_of("x" * (TOKEN_MAX + 1)) is Reason.JWT_TOO_LARGE
    assert reason_of("x" * TOKEN_MAX) is Reason.JWT_MALFORMED
    size = TOKEN_MAX - len(make(claims(x="")))
    assert is_taken(make(claims(x="x" * (size * 3 // 4 - 3))))


def test_a_token_is_read_from_text_alone() -> None:
    with pytest.raises(TypeError, match="not from bytes"):
        parse(make().encode())  # type: ignore[arg-type]


def test_a_token_never_shows_itself() -> None:
    """P7: whoever reads a log must not become the workload."""
    svid = parse(make(claims(aud=["shop", "a\x1b[2J"])), hint="internal")
    assert repr(svid) == (
        "<JwtSvid spiffe://a.example/web for shop, a\\x1b[2J"
        " until 2026-11-22T12:05:00Z>"
    )
    assert svid.token not in repr(svid)
    assert svid.hint == "internal"
    read = repr(read_jws(svid.token, ("JWT",)))
    assert svid.token not in read
    assert WEB not in read


def test_a_token_goes_as_a_bearers() -> None:
    """JWT-20, JWT-21: one value for HTTP and for gRPC's metadata."""
    svid = parse(make())
    assert svid.authorization == f"Bearer {svid.token}"


def test_our_own_token_is_read_as_it_is() -> None:
    """WAPI 6.2.1: others judge it; what none of them could use is refused."""
    token = make(claims(exp=1), jku="x", kid=...)
    svid = JwtSvid.read_unverified(token, hint="x")
    assert (str(svid.spiffe_id), svid.hint) == (WEB, "x")
    for bad in (make(alg="none"), make(claims(aud=...)), make(claims(exp=...)), "x"):
        with pytest.raises(InvalidCertificate):
            JwtSvid.read_unverified(bad)


def test_the_clock_is_the_systems_when_no_time_is_given() -> None:
    now = int(dt.datetime.now(dt.UTC).timestamp())
    good = make(claims(exp=now + 300, iat=now))
    assert JwtSvid.parse(good, tokens.bundles(), "shop").expires_in() > SECOND
    with pytest.raises(VerificationError, match="has expired"):
        JwtSvid.parse(make(claims(exp=now - 60)), tokens.bundles(), "shop")


def test_the_package_loads_no_jwt_library() -> None:
    """The names are there, and cost nothing until they are used."""
    script = (
        "import sys, handfast\n"
        "assert not {'jwt', 'trio', 'h2', 'google.protobuf'} & set(sys.modules)\n"
        "from handfast import BundleDocument, JwtBundle, JwtBundleSet, JwtSvid\n"
        "assert 'jwt' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
