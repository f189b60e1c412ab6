# SPDX-License-Identifier: Apache-2.0
"""The rules of JWT-SVIDs written down a second time, as plainly as can be.

By `cryptography` and the standard library alone: neither handfast's reader nor PyJWT
has a part in it. It says yes or no, slowly, and nothing about why.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

HASHES: dict[str, Any] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
ID = re.compile(
    r"spiffe://([a-z0-9._-]{1,255})((?:/(?!\.{1,2}(?:/|$))[a-zA-Z0-9._-]+)+)"
)


class _TwiceError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _TwiceError
    return dict(pairs)


def _constant(_: str) -> Any:
    raise _TwiceError


def _raw(part: str) -> bytes:
    raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars="-_", validate=True)
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != part:
        raise ValueError(part)
    return raw


def _object(part: str) -> dict[str, Any]:
    found = json.loads(
        _raw(part).decode(), object_pairs_hook=_unique, parse_constant=_constant
    )
    if not isinstance(found, dict):
        raise TypeError
    return found


def _holds(algorithm: str, key: Any, data: bytes, signature: bytes) -> bool:
    digest = HASHES[algorithm[2:]]
    try:
        if algorithm.startswith("ES"):
            half = len(signature) // 2
            if (key.key_size + 7) // 8 * 2 != len(signature):
                return False
            r, s = (
                int.from_bytes(x, "big") for x in (signature[:half], signature[half:])
            )
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(digest))
        elif algorithm.startswith("RS"):
            key.verify(signature, data, padding.PKCS1v15(), digest)
        else:
            mask = padding.PSS(padding.MGF1(digest), digest.digest_size)
            key.verify(signature, data, mask, digest)
    except InvalidSignature:
        return False
    return True


def _fits(algorithm: str, key: Any) -> bool:
    if algorithm.startswith("ES"):
        is_ec = isinstance(key, ec.EllipticCurvePublicKey)
        return is_ec and key.curve.name == CURVES[algorithm]
    return isinstance(key, rsa.RSAPublicKey)


def _number(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value) and 0 <= value < 253402300800


def _key(algorithm: str, header: Mapping[str, Any], keys: Mapping[str, Any]) -> Any:
    if "kid" in header:
        return keys[header["kid"]]
    (only,) = [one for one in keys.values() if _fits(algorithm, one)]
    return only


def _rules(
    token: str,
    bundles: Mapping[str, Mapping[str, Any]],
    audience: str,
    at: float,
) -> Iterator[bool]:
    """Each rule's answer; the first that says no ends it, and so does an exception."""
    head, body, tail = token.split(".")
    header, claims = _object(head), _object(body)
    algorithm = header["alg"]
    identity = ID.fullmatch(claims["sub"])
    yield identity is not None and len(claims["sub"]) <= 2048
    yield algorithm in {f"{x}{y}" for x in ("RS", "ES", "PS") for y in HASHES}
    yield header.keys() <= {"alg", "kid", "typ"}
    yield header.get("typ", "JWT") in ("JWT", "JOSE")
    trust_domain = claims["sub"].split("/")[2]
    key = _key(algorithm, header, bundles[trust_domain])
    yield _fits(algorithm, key)
    yield _holds(algorithm, key, f"{head}.{body}".encode(), _raw(tail))
    aud = claims["aud"]
    values = aud if isinstance(aud, list) else [aud]
    yield all(isinstance(one, str) and one for one in values)
    yield audience in values
    yield all(_number(claims[one]) for one in ("exp", "nbf", "iat") if one in claims)
    yield claims.get("nbf", 0) <= at < claims["exp"]


def is_good(
    token: str,
    bundles: Mapping[str, Mapping[str, Any]],
    audience: str,
    at: dt.datetime,
) -> bool:
    """Whether a token is good for an audience at a time, without any leeway."""
    try:
        return all(_rules(token, bundles, audience, at.timestamp()))
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        return False
