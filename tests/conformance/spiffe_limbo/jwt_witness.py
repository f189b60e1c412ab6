# SPDX-License-Identifier: Apache-2.0
"""Somebody else looks at the tokens: PyJWT, and `cryptography` below it.

An expectation that handfast keeps to could still be a mistake of both. For each case
this says what is wrong with the expectation; nothing, as a rule. A refusal must have
its cause in the place that its reason names, and nowhere before it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import jwt
from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.jwt_world import KINDS, SECONDS

from handfast import HandfastError, SpiffeId

__all__ = ["contradiction"]

Json = dict[str, Any]

_HEADERS: Final = {"alg", "kid", "typ"}
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
#: What PyJWT is told to look at: the signature alone.
_ONLY_SIGNATURE: Final[Any] = {
    f"verify_{claim}": False
    for claim in ("exp", "nbf", "iat", "aud", "sub", "jti", "iss")
}


def _part(token: str, place: int) -> Any:
    part = token.split(".")[place]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _domain(token: str) -> str | None:
    try:
        return SpiffeId.parse(_part(token, 1)["sub"]).trust_domain.name
    except (HandfastError, TypeError, KeyError):
        return None


def _names_a_workload(token: str) -> bool:
    """Whether the subject is a SPIFFE ID with a path."""
    if _domain(token) is None:
        return False
    return bool(SpiffeId.parse(_part(token, 1)["sub"]).path)


def _keys(given: Json) -> list[Json]:
    """The entries that section 6.2 leaves for this token."""
    document = given["documents"].get(_domain(given["token"]))
    entries = json.loads(document)["keys"] if document else []
    header = _part(given["token"], 0)
    wanted = {"RS": "RSA", "PS": "RSA", "ES": "EC"}[str(header["alg"])[:2]]
    return [
        entry
        for entry in entries
        if entry.get("use") == "jwt-svid"
        and entry.get("kty") == wanted
        and header.get("kid", entry.get("kid")) == entry.get("kid")
        and entry.get("kid") is not None
    ]


def _holds(given: Json) -> bool:
    """Whether PyJWT verifies the signature with one of those keys."""
    for entry in _keys(given):
        algorithm = _part(given["token"], 0)["alg"]
        try:
            public = jwt.PyJWK(entry, algorithm).key
            jwt.decode(
                given["token"], public, algorithms=[algorithm], options=_ONLY_SIGNATURE
            )
        except (jwt.PyJWTError, ValueError):
            continue
        return True
    return False


def _usable(given: Json) -> bool:
    """Whether a key is there that PyJWT would use for the token's algorithm."""
    algorithm = _part(given["token"], 0)["alg"]
    for entry in _keys(given):
        try:
            public: Any = jwt.PyJWK(entry, algorithm).key
        except (jwt.PyJWTError, ValueError):
            continue
        least = 2048 if entry["kty"] == "RSA" else 256
        if public.key_size >= least and entry.get("crv") == _CURVES.get(algorithm):
            return bool(entry.get("alg", algorithm) == algorithm)
    return False


def _meant(given: Json) -> bool:
    """Whether the audience is one of the validator's own, asked of PyJWT."""
    claims = _part(given["token"], 1)
    aud = claims.get("aud")
    texts = [aud] if isinstance(aud, str) else aud
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
        return False
    try:
        plain = jwt.encode({"aud": texts}, "x" * 64)
        jwt.decode(plain, "x" * 64, algorithms=["HS256"], audience=given["audience"])
    except jwt.PyJWTError:
        return False
    return True


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_of_another_type(claims: Json) -> bool:
    texts = [claims[name] for name in ("iss", "jti") if name in claims]
    return not _number(claims.get("nbf", 0)) or not all(
        isinstance(value, str) for value in texts
    )


def _accepted(given: Json, expected: Json) -> bool:
    header, claims = _part(given["token"], 0), _part(given["token"], 1)
    return (
        set(header) <= _HEADERS
        and header.get("typ", "JWT") in ("JWT", "JOSE")
        and claims["sub"] == expected["spiffe_id"]
        and _holds(given)
        and _meant(given)
        and claims["exp"] > SECONDS >= claims.get("nbf", 0)
    )


def _is_no_token(given: Json) -> bool:
    """PyJWT cannot read it, or it is one of the loose spellings that PyJWT bears."""
    strict = "=" not in given["token"] and given["token"].isprintable()
    try:
        jwt.decode_complete(
            given["token"], options={"verify_signature": False} | _ONLY_SIGNATURE
        )
    except (jwt.PyJWTError, ValueError, RecursionError):
        return True
    return not strict or _has_loose_text(given["token"])


def _has_loose_text(token: str) -> bool:
    """Whether strict JSON or base64url would refuse a part."""
    parts = [
        base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in token.split(".")
    ]
    canonical = [base64.urlsafe_b64encode(raw).decode().rstrip("=") for raw in parts]
    if canonical != token.split("."):
        return True
    odd = (b"NaN", b"\\ud800", b"[[[[", b"\xef\xbb\xbf", b"1e400")
    return any(
        any(word in raw for word in odd) or _names_come_twice(raw) for raw in parts[:2]
    )


def _names_come_twice(raw: bytes) -> bool:
    found: list[int] = []
    json.loads(raw, object_pairs_hook=lambda p: found.append(len(p) - len(dict(p))))
    return any(found)


def _judged(given: Json) -> float:
    return datetime.fromisoformat(given["time"]).timestamp()


def _is_sound(given: Json) -> bool:
    """Whether the subject's document is a JWK Set in which no name comes twice."""
    try:
        document = json.loads(given["documents"][_domain(given["token"])])
        names = [entry.get("kid") for entry in document["keys"]]
    except (ValueError, KeyError, TypeError):
        return False
    return len(set(names)) == len(names)


_WITNESS: Final[dict[JwtReason, Callable[[Json], bool]]] = {
    JwtReason.FORMAT: _is_no_token,
    JwtReason.TOO_LARGE: lambda given: _holds(given) and len(given["token"]) > 65536,
    JwtReason.HEADER: lambda given: bool(set(_part(given["token"], 0)) - _HEADERS),
    JwtReason.ALGORITHM: lambda given: (
        str(_part(given["token"], 0).get("alg")) not in KINDS
    ),
    JwtReason.TYPE: lambda given: (
        _holds(given) and _part(given["token"], 0)["typ"] not in ("JWT", "JOSE")
    ),
    JwtReason.SUBJECT: lambda given: not _names_a_workload(given["token"]),
    JwtReason.TRUST_DOMAIN: lambda given: (
        _domain(given["token"]) not in given["documents"]
    ),
    JwtReason.KEY: lambda given: not _usable(given) or len(_keys(given)) > 1,
    JwtReason.SIGNATURE: lambda given: _usable(given) and not _holds(given),
    JwtReason.AUDIENCE: lambda given: _holds(given) and not _meant(given),
    JwtReason.EXPIRY: lambda given: (
        _holds(given)
        and not (_number(e := _part(given["token"], 1).get("exp")) and 0 <= e < 10**18)
    ),
    JwtReason.EXPIRED: lambda given: (
        _holds(given) and _part(given["token"], 1)["exp"] <= _judged(given)
    ),
    JwtReason.NOT_YET_VALID: lambda given: (
        _holds(given) and _part(given["token"], 1)["nbf"] > SECONDS
    ),
    JwtReason.CLAIM: lambda given: (
        _holds(given) and _is_of_another_type(_part(given["token"], 1))
    ),
    JwtReason.BUNDLE: lambda given: not (_is_sound(given) and _usable(given)),
}


def contradiction(case: Json) -> str:
    """What speaks against a case's expectation; empty when nothing does."""
    given, expected = case["input"], case["expected"]
    if expected["verdict"] == "accept":
        return "" if _accepted(given, expected) else "PyJWT would not accept it"
    reason = JwtReason(expected["reason"])
    return "" if _WITNESS[reason](given) else f"{reason} is not what is wrong with it"
