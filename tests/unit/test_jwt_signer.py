# SPDX-License-Identifier: Apache-2.0
"""What our own authority signs, and what remembers that it verified it."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest
from tests.support import tokens
from tests.support.tokens import NOW, WEB, claims, make

from handfast import (
    ConfigError,
    InvalidId,
    JwtBundle,
    JwtBundleSet,
    JwtSvid,
    Reason,
    VerificationError,
)
from handfast.jwk import key_id
from handfast.jwt_algorithms import ALGORITHMS
from handfast.jwt_cache import TokenCache
from handfast.jwt_signer import JwtSigner
from handfast.keys import PrivateKey

A = "a.example"
MINUTE = dt.timedelta(minutes=1)


def part(token: str, place: int) -> dict[str, Any]:
    text = token.split(".")[place]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


@pytest.fixture(scope="module")
def signer() -> JwtSigner:
    return JwtSigner.generate(A)


def test_a_token_keeps_the_issuers_rules(signer: JwtSigner) -> None:
    """JWT-03, JWT-04, JWT-08, JWT-09, JWT-10, JWT-13, JWT-14, WIT-02."""
    svid = signer.sign(WEB, "shop", now=NOW, claims={"groups": ["a"]}, hint="x")
    header = part(svid.token, 0)
    assert header == {"alg": "ES256", "kid": signer.key_id, "typ": "JWT"}
    assert signer.key_id == key_id(signer.public_key)
    begin = int(NOW.timestamp())
    assert part(svid.token, 1) == {
        "sub": WEB,
        "aud": ["shop"],
        "iat": begin,
        "exp": begin + 300,
        "groups": ["a"],
    }
    assert svid.hint == "x"
    known = JwtBundleSet([signer.bundle])
    assert JwtSvid.parse(svid.token, known, "shop", at=NOW, hint="x") == svid


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_algorithm_can_be_signed_with(algorithm: str) -> None:
    """JWT-04: and the tests' own reader of signatures agrees with ours."""
    kind = tokens.KINDS[algorithm]
    key = PrivateKey.generate(kind)  # type: ignore[arg-type]
    signer = JwtSigner(A, key, algorithm=algorithm)
    assert signer.algorithm == algorithm
    known = JwtBundleSet([signer.bundle])
    assert JwtSvid.parse(signer.sign(WEB, "shop").token, known, "shop").audience


def test_a_signer_is_of_one_trust_domain(signer: JwtSigner) -> None:
    """F3: and signs for workloads only."""
    with pytest.raises(ConfigError) as caught:
        signer.sign("spiffe://b.example/web", "shop")
    assert caught.value.reason is Reason.FOREIGN_TRUST_DOMAIN
    with pytest.raises(InvalidId):
        signer.sign("spiffe://a.example", "shop")
    with pytest.raises(InvalidId):
        signer.sign("web", "shop")


def deep(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    "options",
    [
        {"audience": ""},
        {"audience": []},
        {"ttl": dt.timedelta(milliseconds=999)},
        {"ttl": -MINUTE},
        {"claims": {"sub": "x"}},
        {"claims": {"exp": 1}},
        {"claims": {"nbf": 1}},
        {"claims": {"x": object()}},
        {"claims": {"x": float("nan")}},
        {"claims": {"x": deep(20_000)}},
    ],
)
def test_what_cannot_be_signed_is_refused(
    options: dict[str, Any], signer: JwtSigner
) -> None:
    """JWT-10, JWT-14."""
    with pytest.raises(ConfigError):
        signer.sign(WEB, **{"audience": "shop", **options})


def test_a_key_that_is_for_no_token_is_refused() -> None:
    """JWT-05, JWT-17: not Ed25519, and no algorithm of another key."""
    with pytest.raises(ConfigError, match="P-256"):
        JwtSigner.generate(A, "ed25519")
    with pytest.raises(ConfigError, match="ES256 with a p256 key"):
        JwtSigner(A, PrivateKey.generate("p256"), algorithm="RS256")
    assert JwtSigner.generate(A, "rsa2048").algorithm == "RS256"


def test_a_signer_does_not_show_its_key(signer: JwtSigner) -> None:
    assert repr(signer) == f"<JwtSigner a.example ES256 {signer.key_id}>"
    assert signer.trust_domain.name == A
    assert signer.key.kind == "p256"


# The cache of verified tokens.


def parse(token: str, cache: TokenCache, **options: Any) -> JwtSvid:
    named: dict[str, Any] = {"at": NOW, "bundles": tokens.bundles(), "audience": "shop"}
    named |= options
    return JwtSvid.parse(token, cache=cache, **named)


def hits(cache: TokenCache) -> int:
    return cache.statistics().hits


def test_a_verified_token_is_remembered() -> None:
    """J2: the same token, bundle and audience; and the answer is the same."""
    cache, token = TokenCache(), make()
    first = parse(token, cache)
    assert parse(token, cache) == first
    statistics = cache.statistics()
    assert (statistics.hits, statistics.misses, statistics.tokens) == (1, 1, 1)
    cache.clear()
    assert cache.statistics().tokens == 0


def test_a_hit_verifies_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """J2: that is all that it saves."""
    cache, token = TokenCache(), make()
    first = parse(token, cache)

    def fail(*_: object) -> None:
        raise AssertionError("verified again")

    monkeypatch.setattr("handfast.jwt_svid.check_signature", fail)
    assert parse(token, cache) == first
    with pytest.raises(AssertionError, match="verified again"):
        parse(token, TokenCache())


def test_another_bundle_content_is_another_question() -> None:
    """J2: also when only another key than the token's went."""
    cache, token = TokenCache(), make()
    parse(token, cache)
    same = JwtBundleSet([tokens.bundle()])
    parse(token, cache, bundles=same)
    assert hits(cache) == 1, "the same content again ends nothing"
    parse(token, cache, bundles=tokens.bundles("p256", "p384"))
    assert hits(cache) == 1
    for gone in (tokens.bundles("p384"), JwtBundleSet()):
        with pytest.raises(VerificationError):
            parse(token, cache, bundles=gone)
    assert hits(cache) == 1


def test_a_key_that_changes_under_its_kid_is_another_bundle() -> None:
    """J2: kid is a name and no key."""
    from tests.support import pki  # noqa: PLC0415

    cache, token = TokenCache(), make()
    parse(token, cache)
    swapped = {"p256": pki.key("p256", 1).public_key()}
    own = JwtBundle(tokens.bundle().trust_domain, swapped)
    with pytest.raises(VerificationError, match="signature"):
        parse(token, cache, bundles=JwtBundleSet([own]))


def test_another_audience_is_another_question() -> None:
    """J2: a token for two is not the second's because the first showed it."""
    cache, token = TokenCache(), make(claims(aud=["shop", "till"]))
    parse(token, cache)
    parse(token, cache, audience="till")
    assert hits(cache) == 0
    with pytest.raises(VerificationError, match="for somebody else"):
        parse(token, cache, audience="other")
    with pytest.raises(VerificationError, match="for somebody else"):
        parse(token, cache, audience="other")
    assert hits(cache) == 1, "the signature holds, and the audience is judged again"


def test_a_tolerant_answer_is_none_for_the_strict() -> None:
    """J2."""
    cache, token = TokenCache(), make(jku="x")
    parse(token, cache, tolerate_headers=True)
    with pytest.raises(VerificationError):
        parse(token, cache)


def test_an_entry_ends_with_the_token() -> None:
    """J2: the leeway is for verifying anew, not for remembering."""
    cache, token = TokenCache(), make(claims(exp=int(NOW.timestamp()) + 60))
    parse(token, cache)
    almost = NOW + MINUTE - dt.timedelta(microseconds=1)
    parse(token, cache, at=almost)
    assert hits(cache) == 1
    parse(token, cache, at=NOW + MINUTE)
    assert hits(cache) == 1
    assert cache.statistics().tokens == 0, "and is not remembered again"
    with pytest.raises(VerificationError, match="expired"):
        parse(token, cache, at=NOW + 2 * MINUTE)


def test_times_are_judged_at_every_hit() -> None:
    """J2: a clock that went back makes no token valid before its time."""
    cache, token = TokenCache(), make(claims(nbf=int(NOW.timestamp())))
    parse(token, cache)
    with pytest.raises(VerificationError, match="time has not come"):
        parse(token, cache, at=NOW - MINUTE)


def test_refusals_are_not_remembered() -> None:
    """J2."""
    from tests.support import pki  # noqa: PLC0415

    cache = TokenCache()
    for _ in range(2):
        with pytest.raises(VerificationError):
            parse(make(key=pki.key("p256", 1)), cache)
    assert cache.statistics().tokens == hits(cache) == 0


def test_the_cache_is_bounded() -> None:
    """J2, P8: the least recently used gives way."""
    cache = TokenCache(2)
    one, two, three = (make(claims(jti=f"{number}")) for number in range(3))
    for token in (one, two, one, three, one):
        parse(token, cache)
    statistics = cache.statistics()
    assert (statistics.tokens, statistics.evicted, statistics.hits) == (2, 1, 2)
    parse(two, cache)
    assert hits(cache) == 2
    with pytest.raises(ConfigError, match="one token or more"):
        TokenCache(0)
