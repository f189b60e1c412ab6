# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: subjects, audiences, times and other claims."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, Policy
from tests.conformance.spiffe_limbo.cases_ids import CASE_TEXTS, TEXTS
from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.jwt_world import (
    AUDIENCE,
    DOCUMENT,
    SECONDS,
    compact,
    jwt_case,
    payload,
    signer,
    token,
)
from tests.conformance.spiffe_limbo.world import NOW

from handfast import Reason

__all__ = ["cases"]

_HOUR: Final = 3600


def _subjects() -> Iterator[Case]:
    for name, rules, text, reason in TEXTS:
        domain = text.split("/")[2] if reason is None else ""
        pathless = name == "without-path"
        loose = reason is Reason.ID_TOO_LONG or pathless
        yield jwt_case(
            f"jwt-sub::{name}",
            f"JWT-09 {rules}",
            token(sub=text),
            JwtReason.SUBJECT if reason or pathless else text,
            documents={domain: DOCUMENT} if domain else None,
            # No document says whether the subject of a token needs a path; in a
            # certificate it does.
            policy="handfast-strict" if loose else "must",
        )
    for name, text, _ in CASE_TEXTS:
        yield jwt_case(
            f"jwt-sub::{name}",
            "JWT-09 ID-07 ID-20",
            token(sub=text),
            JwtReason.SUBJECT,
            policy="handfast-strict",
        )
    odd: dict[str, Any] = {
        "absent": ...,
        "null": None,
        "number": 7,
        "true": True,
        "list": ["spiffe://a.example/web"],
        "object": {},
        "plain-name": "web",
        "nul": "spiffe://a.example/web\0/admin",
    }
    for name, value in odd.items():
        yield jwt_case(
            f"jwt-sub::odd-{name}", "JWT-09 I3", token(sub=value), JwtReason.SUBJECT
        )
    head = json.dumps({"alg": "ES256", "kid": signer().kid}).encode()
    escaped = json.dumps(payload()).replace("/web", "\\/\\u0077eb").encode()
    yield jwt_case(
        "jwt-sub::escaped-in-json", "JWT-09", compact(head, escaped, signer())
    )


def _audiences() -> Iterator[Case]:
    mine, other = AUDIENCE, "spiffe://b.example/other"
    good: dict[str, Any] = {
        "text": mine,
        "list-of-one": [mine],
        "list-first": [mine, other],
        "list-last": [other, mine],
        "list-twice": [mine, mine],
    }
    for name, aud in good.items():
        yield jwt_case(f"jwt-aud::{name}", "JWT-10 JWT-12 JWT-16", token(aud=aud))
    bad: dict[str, Any] = {
        "text-other": other,
        "list-other": [other, "b"],
        "list-empty": [],
        "text-empty": "",
        "longer": [mine + "x"],
        "shorter": [mine[:-1]],
        "upper-case": [mine.upper()],
        "trailing-slash": [mine + "/"],
        "space-behind": [mine + " "],
        "several-in-one-text": f"{other} {mine}",
        "comma-in-one-text": f"{other},{mine}",
        "nul-behind": [mine + "\0"],
        "star": ["*"],
        "list-in-list": [[mine]],
        "absent": ...,
        "null": None,
        "number": 1,
        "object": {mine: mine},
    }
    for name, aud in bad.items():
        yield jwt_case(
            f"jwt-aud::{name}",
            "JWT-10 JWT-11 JWT-12 JWT-16",
            token(aud=aud),
            JwtReason.AUDIENCE,
        )
    for name, rest in (("number", 1), ("null", None), ("list", [])):
        yield jwt_case(
            f"jwt-aud::list-with-{name}",
            "JWT-16",
            token(aud=[mine, rest]),
            JwtReason.AUDIENCE,
            # RFC 7519 has texts in it, and does not say what to do with others.
            policy="handfast-strict",
        )
    for name, audience, answer in (
        ("validator-has-two", (other, mine), None),
        ("validator-has-others", (other, "b"), JwtReason.AUDIENCE),
        ("validator-has-none", (), JwtReason.AUDIENCE),
    ):
        yield jwt_case(
            f"jwt-aud::{name}",
            "JWT-12",
            token(),
            answer or "spiffe://a.example/web",
            audience=audience,
        )


def _moments() -> Iterator[tuple[str, str, Any, JwtReason | None, Policy]]:
    """Name, claim, its value, and what comes of it."""
    late, early = JwtReason.EXPIRED, JwtReason.NOT_YET_VALID
    for name, value, reason in (
        ("in-an-hour", SECONDS + _HOUR, None),
        ("in-a-second", SECONDS + 1, None),
        ("fraction-to-come", SECONDS + 0.5, None),
        ("far-away", 253402300799, None),
        ("an-hour-ago", SECONDS - _HOUR, late),
        ("an-hour-and-a-half-second-ago", SECONDS - _HOUR - 0.5, late),
        ("zero", 0, late),
        ("negative", -1, JwtReason.EXPIRY),
    ):
        yield name, "exp", value, reason, "must"
    for name, seconds in (("now", 0), ("a-second-ago", 1), ("a-minute-ago", 60)):
        # "A few minutes" of leeway are allowed (RFC 7519 4.1.4); handfast is asked for
        # none.
        yield name, "exp", SECONDS - seconds, late, "handfast-strict"
    malformed: dict[str, Any] = {
        "absent": ...,
        "null": None,
        "text": str(SECONDS + 300),
        "true": True,
        "list": [SECONDS + 300],
        "object": {},
        "date": "2027-01-01T01:00:00Z",
    }
    for name, odd in malformed.items():
        yield name, "exp", odd, JwtReason.EXPIRY, "must"
    yield "of-31-digits", "exp", 10**30, JwtReason.EXPIRY, "handfast-strict"
    for name, value, reason in (
        ("now", SECONDS, None),
        ("an-hour-ago", SECONDS - _HOUR, None),
        ("zero", 0, None),
        ("in-an-hour", SECONDS + _HOUR, early),
        ("in-an-hour-and-a-bit", SECONDS + _HOUR + 0.5, early),
    ):
        yield name, "nbf", value, reason, "must"
    yield "in-a-second", "nbf", SECONDS + 1, early, "handfast-strict"
    for name, odd in {"text": str(SECONDS), "null": None, "true": True}.items():
        yield name, "nbf", odd, JwtReason.CLAIM, "handfast-strict"
    yield "in-an-hour", "iat", SECONDS + _HOUR, None, "must"
    yield "absent", "iat", ..., None, "must"


def _times() -> Iterator[Case]:
    rules = {"exp": "JWT-14 JWT-15 JWT-16 J2", "nbf": "JWT-18 J2", "iat": "JWT-18"}
    for name, claim, value, reason, policy in _moments():
        yield jwt_case(
            f"jwt-{claim}::{name}",
            rules[claim],
            token(**{claim: value}),
            reason or "spiffe://a.example/web",
            policy=policy,
        )
    head = json.dumps({"alg": "ES256", "kid": signer().kid}).encode()
    for name, text, good in (
        ("exponent", f"{SECONDS // 100000 + 1}e5", True),
        ("exponent-past", "1e9", False),
        ("infinite", "1e400", False),
    ):
        body = json.dumps(payload(exp=7)).replace('"exp": 7', f'"exp": {text}')
        reason = JwtReason.FORMAT if name == "infinite" else JwtReason.EXPIRED
        yield jwt_case(
            f"jwt-exp::{name}",
            "JWT-16 J2",
            compact(head, body.encode(), signer()),
            "spiffe://a.example/web" if good else reason,
            policy="handfast-strict" if name == "infinite" else "must",
        )
    for days in (1, 365):
        yield jwt_case(
            f"jwt-exp::judged-{days}-days-later",
            "JWT-16",
            token(),
            JwtReason.EXPIRED,
            at=NOW + timedelta(days=days),
        )


def _others() -> Iterator[Case]:
    claims: dict[str, dict[str, Any]] = {
        "jti": {"jti": "b1f0"},
        "iss": {"iss": "https://a.example"},
        "scope": {"scope": "read write", "https://a.example/x": {"y": [1, None, True]}},
        "cnf": {"cnf": {"jkt": "x"}},
        "empty-name": {"": 1},
        "non-ascii": {"x": "\u4f60\u597d \U0001f511"},
    }
    for name, more in claims.items():
        yield jwt_case(f"jwt-claim::{name}", "JWT-18 JWT-19", token(**more))
    odd: dict[str, Any] = {"number": 7, "null": None, "list": ["x"]}
    for claim in ("iss", "jti"):
        for name, value in odd.items():
            yield jwt_case(
                f"jwt-claim::{claim}-{name}",
                "JWT-18 JWT-19",
                token(**{claim: value}),
                JwtReason.CLAIM,
                policy="handfast-strict",
            )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _subjects()
    yield from _audiences()
    yield from _times()
    yield from _others()
