# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: what they say, and when and for whom they are good."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from tests.support import tokens
from tests.support.jwt_judging import is_taken, parse, reason_of, refused
from tests.support.tokens import NOW, SECONDS, WEB, claims, make

from handfast import ConfigError, Reason
from handfast.jwt_claims import LEEWAY, LEEWAY_MAX

SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    "sub",
    [
        ...,
        None,
        "",
        7,
        ["x"],
        "web",
        "https://a.example/web",
        "spiffe://A.example/web",
        WEB + "/",
        WEB + "?x",
        WEB + "\x00",
        "spiffe://a.example",
        " " + WEB,
    ],
)
def test_the_subject_is_a_workloads_spiffe_id(sub: object) -> None:
    """JWT-09: one with a path, as in a certificate."""
    assert reason_of(make(claims(sub=sub))) is Reason.JWT_SUBJECT


@pytest.mark.parametrize(
    ("aud", "reason"),
    [
        (..., Reason.JWT_NO_AUDIENCE),
        ([], Reason.JWT_NO_AUDIENCE),
        (None, Reason.JWT_NO_AUDIENCE),
        ("", Reason.JWT_NO_AUDIENCE),
        (["shop", ""], Reason.JWT_NO_AUDIENCE),
        (["shop", 7], Reason.JWT_NO_AUDIENCE),
        ({"shop": 1}, Reason.JWT_NO_AUDIENCE),
        (7, Reason.JWT_NO_AUDIENCE),
        ("other", Reason.JWT_OTHER_AUDIENCE),
        (["other", "Shop", "shop ", "sho"], Reason.JWT_OTHER_AUDIENCE),
        ([["shop"]], Reason.JWT_NO_AUDIENCE),
    ],
)
def test_a_token_for_nobody_or_for_others_is_refused(
    aud: object, reason: Reason
) -> None:
    """J2, JWT-10, JWT-11, JWT-12: names match to the byte."""
    assert reason_of(make(claims(aud=aud))) is reason


def test_the_audience_is_a_text_or_a_list() -> None:
    """J2, JWT-10, JWT-12, JWT-16: and one of ours in it is enough."""
    assert parse(make(claims(aud="shop"))).audience == ("shop",)
    svid = parse(make(claims(aud=["x", "shop"])), ["till", "shop"])
    assert svid.audience == ("x", "shop")


@pytest.mark.parametrize("audience", ["", [], (), ["shop", ""]])
def test_a_validator_has_a_name(audience: Any) -> None:
    """JWT-12: an empty list must not mean anybody's."""
    with pytest.raises(ConfigError, match="an audience") as caught:
        parse(make(), audience)
    assert caught.value.reason is Reason.BAD_ARGUMENT


@pytest.mark.parametrize(
    ("exp", "reason"),
    [
        (..., Reason.JWT_NO_EXPIRY),
        (None, Reason.JWT_NO_EXPIRY),
        (True, Reason.JWT_NO_EXPIRY),
        (str(SECONDS + 300), Reason.JWT_NO_EXPIRY),
        ([SECONDS + 300], Reason.JWT_NO_EXPIRY),
        (-1, Reason.JWT_NO_EXPIRY),
        (-0.5, Reason.JWT_NO_EXPIRY),
        (1e300, Reason.JWT_NO_EXPIRY),
        (253_402_300_800, Reason.JWT_NO_EXPIRY),
        (10**400, Reason.JWT_MALFORMED),
        (0, Reason.JWT_EXPIRED),
        (SECONDS - 31, Reason.JWT_EXPIRED),
    ],
)
def test_a_token_without_a_sound_end_in_the_future_is_refused(
    exp: object, reason: Reason
) -> None:
    """J2, JWT-14, JWT-15, JWT-16."""
    assert reason_of(make(claims(exp=exp))) is reason


@pytest.mark.parametrize("exp", ["1e999", "-1e999", "NaN", "Infinity"])
def test_numbers_that_are_none_are_no_end(exp: str) -> None:
    """J2: an infinite exp would never come."""
    text = json.dumps(claims()).replace(str(SECONDS + 300), exp)
    assert reason_of(make(text)) is Reason.JWT_MALFORMED


def test_a_fraction_of_a_second_counts() -> None:
    """JWT-16: NumericDate may have one."""
    svid = parse(make(claims(exp=SECONDS + 0.25)), leeway=dt.timedelta(0))
    assert svid.expires_at == NOW + dt.timedelta(milliseconds=250)
    later = NOW + dt.timedelta(milliseconds=250)
    token = svid.token
    assert reason_of(token, at=later, leeway=dt.timedelta(0)) is Reason.JWT_EXPIRED


def test_the_end_is_the_first_moment_that_is_too_late() -> None:
    """JWT-16, J2: at exp it is over; the leeway moves that, and not without bounds."""
    token = make(claims(exp=SECONDS, iat=...))
    for leeway in (dt.timedelta(0), LEEWAY, LEEWAY_MAX):
        assert is_taken(token, at=NOW + leeway - SECOND / 1000, leeway=leeway)
        error = refused(token, at=NOW + leeway, leeway=leeway)
        assert error.reason is Reason.JWT_EXPIRED
        assert error.skew == leeway
    for leeway in (LEEWAY_MAX + SECOND, -SECOND, dt.timedelta(days=365)):
        with pytest.raises(ConfigError, match="leeway from 0 to 120 s") as refusal:
            parse(token, leeway=leeway)
        assert refusal.value.reason is Reason.BAD_ARGUMENT


def test_a_token_may_end_with_the_last_second_that_there_is() -> None:
    """J2: an answer for every exp, and for whatever leeway is added to it."""
    for exp in (253_402_300_799, 253_402_300_799.0):
        token = make(claims(exp=exp, nbf=0))
        for leeway in (dt.timedelta(0), LEEWAY, LEEWAY_MAX):
            assert parse(token, leeway=leeway).expires_at.year == 9999
    late = make(claims(nbf=253_402_300_799))
    assert reason_of(late, leeway=LEEWAY) is Reason.JWT_NOT_YET_VALID
    end = dt.datetime.max.replace(tzinfo=dt.UTC)
    assert is_taken(make(claims(exp=253_402_300_799)), at=end, leeway=LEEWAY)


def test_a_token_from_the_future_is_refused() -> None:
    """JWT-18, J2: nbf holds; iat says nothing about when a token may be used."""
    token = make(claims(nbf=SECONDS + 60))
    assert is_taken(token, at=NOW + dt.timedelta(seconds=30))
    error = refused(token, at=NOW + dt.timedelta(seconds=29))
    assert error.reason is Reason.JWT_NOT_YET_VALID
    assert error.skew == dt.timedelta(seconds=31)
    assert parse(make(claims(nbf=SECONDS))).not_before == NOW
    assert is_taken(make(claims(iat=SECONDS + 3600)))


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("value", ["x", None, True, -1, [], {}])
def test_times_are_numbers(name: str, value: object) -> None:
    """JWT-18: RFC 7519 says NumericDate."""
    assert reason_of(make(claims(**{name: value}))) is Reason.JWT_CLAIM


def test_a_token_without_signature_is_signed_by_nobody() -> None:
    """J1: and none of the nine algorithms has an empty one."""
    for algorithm in tokens.KINDS:
        token = make(algorithm=algorithm).rpartition(".")[0] + "."
        assert reason_of(token) is Reason.JWT_BAD_SIGNATURE


def test_other_claims_are_no_reason_to_refuse() -> None:
    """JWT-18, JWT-19: iss, jti and whatever an application says, read-only."""
    more = {"iss": "7", "jti": "1", "https://x/groups": ["a", {"b": [1]}], "n": None}
    token = make(claims(**more))
    svid = parse(token)
    assert svid.claims["https://x/groups"] == ("a", {"b": (1,)})
    assert svid.claims["jti"] == "1"
    with pytest.raises(TypeError):
        svid.claims["jti"] = "2"  # type: ignore[index]
    inner: Any = svid.claims["https://x/groups"]
    with pytest.raises(TypeError):
        inner[1]["b"] = 2
    assert parse(token) == svid, "JWT-19: a second time as well, nothing is tracked"


@pytest.mark.parametrize("name", ["iss", "jti"])
@pytest.mark.parametrize("value", [None, 7, True, ["x"], {}])
def test_names_of_issuer_and_token_are_texts(name: str, value: object) -> None:
    """JWT-18, JWT-19: RFC 7519, 4.1.1 and 4.1.7, though nothing here goes by them."""
    assert reason_of(make(claims(**{name: value}))) is Reason.JWT_CLAIM


@pytest.mark.parametrize("depth", [33, 495, 600, 980, 2000])
def test_a_bottomless_claim_is_a_refusal(depth: int) -> None:
    """J2: and no RecursionError, which no caller expects; whoever signed it."""
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        deep = f"{opening * depth}1{closing * depth}" if depth < 900 else "[" * depth
        text = json.dumps(claims(x=...))[:-1] + f', "x": {deep}}}'
        assert reason_of(make(text)) is Reason.JWT_MALFORMED
    # Nobody has to have a key for it: claims are read before the signature is judged.
    assert reason_of(make(text).rpartition(".")[0] + ".AAAA") is Reason.JWT_MALFORMED


def test_claims_that_are_there_twice_are_refused() -> None:
    """J2: also below the first level."""
    for text in (
        f'{{"sub":"{WEB}","aud":"shop","aud":"other","exp":{SECONDS + 300}}}',
        f'{{"sub":"{WEB}","aud":"shop","exp":1,"exp":{SECONDS + 300}}}',
        f'{{"sub":"{WEB}","aud":"shop","exp":{SECONDS + 300},"a":{{"b":1,"b":2}}}}',
    ):
        assert reason_of(make(text)) is Reason.JWT_MALFORMED
