# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: serialization and headers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, Policy
from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.jwt_world import (
    compact,
    jwk,
    jwt_case,
    payload,
    signer,
    token,
)
from tests.conformance.spiffe_limbo.world import WEB

__all__ = ["cases"]

_BAD: Final = JwtReason.FORMAT
_KEY: Final = signer()
_HEAD: Final = json.dumps({"alg": "ES256", "kid": _KEY.kid, "typ": "JWT"}).encode()
_BODY: Final = json.dumps(payload()).encode()


def _parts() -> Iterator[tuple[str, str, str, Policy]]:
    """Name, rules, token, policy; none of them is a compact JWS of two objects."""
    good = token()
    head, body, signed = good.split(".")
    flat = {"protected": head, "payload": body, "signature": signed}
    general = {
        "payload": body,
        "signatures": [{"protected": head, "signature": signed}],
    }
    for name, text in {
        "json-flattened": json.dumps(flat),
        "json-general": json.dumps(general),
        "jwe-of-five-parts": f"{good}.{head}.{body}",
        "empty": "",
        "dots-only": "..",
        "one-part": head,
        "two-parts": f"{head}.{body}",
        "four-parts": f"{good}.{signed}",
        "empty-header": f".{body}.{signed}",
        "bearer-in-front": f"Bearer {good}",
        "header-no-object": compact(b'["alg"]', _BODY, _KEY),
        "header-no-json": compact(b"alg: ES256", _BODY, _KEY),
        "payload-no-object": compact(_HEAD, b"[]", _KEY),
        "payload-text": compact(_HEAD, b'"sub"', _KEY),
        "payload-no-json": compact(_HEAD, b"sub", _KEY),
        "payload-empty": compact(_HEAD, b"", _KEY),
        "payload-trailing-text": compact(_HEAD, _BODY + b"{}", _KEY),
        "payload-no-utf-8": compact(_HEAD, _BODY.replace(b"web", b"w\xffb"), _KEY),
    }.items():
        rules = "JWT-01 JWT-02" if "j" in name[:2] else "JWT-01 JWT-16"
        yield name, rules, text, "must"
    spare = _with_spare_bits(signed)
    for name, text in {
        "padded": f"{head}.{body}.{signed}==",
        "space-in-front": f" {good}",
        "newline-behind": f"{good}\n",
        "newline-inside": f"{head}.\n{body}.{signed}",
        "spare-bits-in-signature": f"{head}.{body}.{spare}",
        "nan": compact(_HEAD, _BODY[:-1] + b', "x": NaN}', _KEY),
        "byte-order-mark": compact(_HEAD, b"\xef\xbb\xbf" + _BODY, _KEY),
        "lone-surrogate": compact(_HEAD, _BODY[:-1] + b', "x": "\\ud800"}', _KEY),
        "deep": compact(
            _HEAD, _BODY[:-1] + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", _KEY
        ),
        "standard-alphabet": _standard_alphabet(),
    }.items():
        # RFC 7515 leaves no room for these, but many a reader strips or skips.
        yield name, "JWT-01 J2", text, "handfast-strict"


def _with_spare_bits(part: str) -> str:
    """The same bytes, in base64 whose last character has bits that count nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + letters[letters.index(part[-1]) | 1]


def _standard_alphabet() -> str:
    """A token whose signature has a 62 or 63 in it, which is then written + or /."""
    for n in range(100):
        head, body, signed = token(jti=str(n)).split(".")
        if {"-", "_"} & set(signed):
            return f"{head}.{body}.{signed.replace('-', '+').replace('_', '/')}"
    raise ValueError("no signature has a letter that the alphabets write differently")


def _duplicates() -> Iterator[tuple[str, str, str, Policy]]:
    """A name twice: refused, or the last one counts (RFC 7515 4, RFC 7519 4)."""
    strict: dict[str, tuple[bytes, bytes]] = {
        "header-same": (_HEAD[:-1] + b', "typ": "JWT"}', _BODY),
        "header-first-is-bad": (b'{"alg": "none", ' + _HEAD[1:], _BODY),
        "claim-same": (_HEAD, _BODY[:-1] + b', "sub": "%s"}' % WEB.encode()),
        "claim-first-is-bad": (_HEAD, b'{"exp": 1, ' + _BODY[1:]),
        "inner-claim": (_HEAD, _BODY[:-1] + b', "x": {"a": 1, "a": 2}}'),
    }
    must: dict[str, tuple[bytes, bytes]] = {
        "header-last-is-bad": (_HEAD[:-1] + b', "alg": "none"}', _BODY),
        "claim-last-is-bad": (_HEAD, _BODY[:-1] + b', "exp": 1}'),
    }
    for name, (head, body) in (must | strict).items():
        policy: Policy = "must" if name in must else "handfast-strict"
        yield f"duplicate-{name}", "JWT-27 J2", compact(head, body, _KEY), policy


def _headers() -> Iterator[Case]:
    for name, value in {
        "JWT": "JWT",
        "JOSE": "JOSE",
        "absent": ...,
    }.items():
        yield jwt_case(f"jwt-typ::{name}", "JWT-08", token(head={"typ": value}))
    wrong: dict[str, Any] = {
        **{
            n: n
            for n in ("jwt", "jose", "Jwt", "wit+jwt", "at+jwt", "JWT ", "JOSE+JSON")
        },
        "empty": "",
        "null": None,
        "number": 1,
        "list": ["JWT"],
    }
    for name, value in wrong.items():
        yield jwt_case(
            f"jwt-typ::{name}", "JWT-08", token(head={"typ": value}), JwtReason.TYPE
        )
    own = jwk(_KEY, use=..., kid=...)
    others: dict[str, Any] = {
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/x",
        "jwk": own,
        "x5c": ["AAAA"],
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
        "cty": "JWT",
        "b64": True,
        "zip": "DEF",
        "enc": "A128GCM",
        "x": 1,
        "KID": "a",
    }
    for name, value in others.items():
        yield jwt_case(
            f"jwt-header::{name}",
            "JWT-03 J1",
            token(head={name: value}),
            JwtReason.HEADER,
            # Addressed to issuers; RFC 7515 has readers ignore what they do not know.
            policy="handfast-strict",
        )
    critical: dict[str, dict[str, Any]] = {
        "unknown": {"crit": ["x"], "x": 1},
        "b64": {"crit": ["b64"], "b64": False},
        "of-nothing": {"crit": ["x"]},
        "empty": {"crit": []},
        "text": {"crit": "exp"},
        "registered": {"crit": ["alg"]},
    }
    for name, crit in critical.items():
        yield jwt_case(
            f"jwt-header::crit-{name}",
            "JWT-27 JWT-03 J1",
            token(head=crit),
            JwtReason.HEADER,
        )


def cases() -> Iterator[Case]:
    """All of them."""
    for name, rules, text, policy in (*_parts(), *_duplicates()):
        yield jwt_case(f"jwt-form::{name}", rules, text, _BAD, policy=policy)
    large = token(x="x" * 70_000)
    yield jwt_case("jwt-form::8-kib", "JWT-18", token(x="x" * 6000))
    yield jwt_case(
        "jwt-form::90-kib",
        "JWT-01 J2",
        large,
        JwtReason.TOO_LARGE,
        policy="handfast-strict",
    )
    yield from _headers()
