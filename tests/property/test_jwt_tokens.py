# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: changed ones, remembered ones, and what others say about them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import jwt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support import pki, plain_jwt, tokens
from tests.support.tokens import NOW, SECONDS, WEB, claims, make

from handfast import (
    JwtBundle,
    JwtBundleSet,
    JwtSvid,
    TokenCache,
    TrustDomain,
    VerificationError,
)

ALGORITHMS = list(tokens.KINDS)
GOOD = [make(algorithm=algorithm) for algorithm in ("ES256", "ES512", "RS256", "PS384")]
BUNDLES = tokens.bundles()
TEXT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\x00é"


def parse(token: str, **options: Any) -> JwtSvid:
    named: dict[str, Any] = {"bundles": BUNDLES, "audience": "shop", "at": NOW}
    return JwtSvid.parse(token, **named | options)


def outcome(token: str, **options: Any) -> object:
    try:
        return parse(token, **options)
    except VerificationError as error:
        return error.reason if str(error).isprintable() else "unprintable"


@pytest.fixture(scope="module")
def warm() -> TokenCache:
    cache = TokenCache()
    for token in GOOD:
        parse(token, cache=cache)
    return cache


@given(st.data())
@settings(max_examples=500)
def test_a_changed_token_never_verifies_and_is_never_remembered(
    warm: TokenCache, data: st.DataObject
) -> None:
    """J2, JWT-17: characters changed, put in or left out, or parts of two mixed."""
    token = data.draw(st.sampled_from(GOOD))
    place = data.draw(st.integers(0, len(token) - 1))
    size = data.draw(st.integers(0, 3))
    put = data.draw(st.text(TEXT, max_size=3))
    changed = token[:place] + put + token[place + size :]
    if data.draw(st.booleans()):
        other = data.draw(st.sampled_from(GOOD)).split(".")
        parts = changed.split(".")
        which = data.draw(st.integers(0, 2))
        parts[which : which + 1] = [other[which]]
        changed = ".".join(parts)
    if changed in GOOD:
        return
    before = warm.statistics()
    with pytest.raises(VerificationError):
        parse(changed, cache=warm)
    after = warm.statistics()
    assert (after.hits, after.tokens) == (before.hits, before.tokens)


# The cache: a question with it has the answer that it has without.

KEY = pki.key("p256").public_key()
OTHER = pki.key("p256", 1).public_key()
TD = TrustDomain("a.example")
WORLDS = [
    BUNDLES,
    tokens.bundles("p256"),
    JwtBundleSet([JwtBundle(TD, {"p256": OTHER})]),
    JwtBundleSet([JwtBundle(TD, {"p256": KEY, "other": OTHER})]),
    JwtBundleSet([JwtBundle(TD)]),
    JwtBundleSet([tokens.bundle("b.example")]),
    JwtBundleSet(),
]
ASKED = [
    make(),
    make(kid=...),
    make(jku="x"),
    make(claims(aud=["till", "shop"])),
    make(claims(exp=SECONDS + 30, nbf=SECONDS - 30)),
    make(claims(sub="spiffe://b.example/web")),
    make(key=pki.key("p256", 1)),
    make(claims(exp=SECONDS - 1)),
]
questions = st.fixed_dictionaries(
    {
        "token": st.sampled_from(ASKED),
        "bundles": st.sampled_from(WORLDS),
        "audience": st.sampled_from(["shop", "till", ["till", "shop"], "other"]),
        "tolerate_headers": st.booleans(),
        "leeway": st.sampled_from([dt.timedelta(0), dt.timedelta(seconds=120)]),
        "at": st.integers(-200, 500).map(lambda s: NOW + dt.timedelta(seconds=s)),
    }
)


@given(st.lists(questions, max_size=12), st.integers(1, 4))
def test_the_answer_with_the_cache_is_the_answer_without(
    asked: list[dict[str, Any]], size: int
) -> None:
    """J2, P3: whatever was asked before, and whatever gave way."""
    cache = TokenCache(size)
    for question in asked:
        assert outcome(**question, cache=cache) == outcome(**question)
        assert cache.statistics().tokens <= size


# Tokens of any shape, before two others.

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.floats(allow_nan=False),
    st.sampled_from(["", "x", "shop", WEB, "ES256", "JWT", "p256", [], ["shop"], {}]),
)
times = st.one_of(
    st.integers(SECONDS - 3, SECONDS + 3),
    st.floats(SECONDS - 2, SECONDS + 2),
    st.sampled_from([0, SECONDS + 300, 253402300799, 253402300800, 10**20]),
    odd,
)
LEFT_OUT = object()


def perhaps(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The usual nine times out of ten; else nothing at all, or anything."""
    rare = st.one_of(st.just(LEFT_OUT), odd)
    return st.integers(0, 9).flatmap(lambda number: rare if number == 7 else usual)


audience = st.one_of(
    st.just("shop"), st.lists(st.sampled_from(["shop", "till", ""]), max_size=3)
)
subject = st.sampled_from([WEB, WEB, WEB + "/x", WEB, "spiffe://b.example/x"])
claim_sets = st.fixed_dictionaries(
    {
        "sub": perhaps(subject),
        "aud": perhaps(audience),
        "exp": st.one_of(st.just(SECONDS + 300), perhaps(times)),
        "nbf": perhaps(st.one_of(st.just(SECONDS), st.just(LEFT_OUT))),
        "iat": perhaps(st.just(SECONDS)),
        "more": odd,
    }
)
header_sets = st.fixed_dictionaries(
    {
        "alg": perhaps(st.just(None)),
        "kid": perhaps(st.just(None)),
        "typ": perhaps(st.sampled_from(["JWT", "JOSE"])),
        "cty": perhaps(st.just(LEFT_OUT)),
    }
)
KEYS: dict[str, dict[str, Any]] = {
    "a.example": dict(BUNDLES["a.example"].keys),
}


def shaped(algorithm: str, content: dict[str, Any], head: dict[str, Any]) -> str:
    said = {name: value for name, value in content.items() if value is not LEFT_OUT}
    header: dict[str, Any] = {
        name: ... if value is LEFT_OUT else value
        for name, value in head.items()
        if name not in ("alg", "kid") or value is not None
    }
    return make(json.dumps(said), algorithm=algorithm, **header)


def pyjwt_takes(token: str, algorithm: str) -> bool:
    """PyJWT alone, asked the way its manual says; it knows no leeway either."""
    kid = jwt.get_unverified_header(token).get("kid", tokens.KINDS[algorithm])
    try:
        payload = jwt.decode(
            token,
            KEYS["a.example"][kid],
            algorithms=[algorithm],
            audience="shop",
            # Times are judged by the clock there, which stands elsewhere.
            options={
                "require": ["sub", "exp", "aud"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
            },
        )
    except jwt.PyJWTError:
        return False
    return float(payload["exp"]) > SECONDS >= float(payload.get("nbf", 0))


@given(st.sampled_from(ALGORITHMS), claim_sets, header_sets)
@settings(max_examples=400)
@example("ES256", claims(exp=True), {})
@example("ES256", claims(aud=["shop", ""]), {})
@example("ES512", claims(), {"typ": "JOSE"})
def test_another_reading_of_the_rules_has_the_same_answer(
    algorithm: str, content: dict[str, Any], head: dict[str, Any]
) -> None:
    """J2, JWT-16, JWT-17: by hand, and PyJWT alone takes what we take."""
    token = shaped(algorithm, content, head)
    seen = outcome(token, leeway=dt.timedelta(0))
    good = plain_jwt.is_good(token, KEYS, "shop", NOW)
    assert isinstance(seen, JwtSvid) is good, seen
    if good:
        assert pyjwt_takes(token, algorithm)


@given(st.sampled_from(GOOD), st.integers(0, 1000), st.text(TEXT, max_size=2))
def test_two_readers_agree_about_changed_tokens(
    token: str, place: int, put: str
) -> None:
    """J2."""
    changed = token[:place] + put + token[place + 1 :]
    seen = isinstance(outcome(changed, leeway=dt.timedelta(0)), JwtSvid)
    assert seen is plain_jwt.is_good(changed, KEYS, "shop", NOW)


def test_the_other_reader_takes_and_refuses() -> None:
    """An oracle that always says no would agree with a verifier that does."""
    assert all(plain_jwt.is_good(token, KEYS, "shop", NOW) for token in GOOD)
    assert not plain_jwt.is_good(GOOD[0], KEYS, "till", NOW)
    assert not plain_jwt.is_good(make(key=pki.key("p256", 1)), KEYS, "shop", NOW)
    assert pyjwt_takes(GOOD[0], "ES256")
    assert not pyjwt_takes(make(key=pki.key("p256", 1)), "ES256")
