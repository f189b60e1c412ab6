# SPDX-License-Identifier: Apache-2.0
"""Tokens of every kind, right and wrong, by `cryptography` alone.

No JWT library and nothing of handfast makes them: a mistake of ours, or of the library
that verifies for us, cannot hide on both sides of a test.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.support import pki

from handfast import JwtBundle, JwtBundleSet, TrustDomain

A = "a.example"
WEB = "spiffe://a.example/web"
NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
SECONDS = int(NOW.timestamp())

#: Which key is for which algorithm, by pki.key's names.
KINDS = {
    "RS256": "rsa2048",
    "RS384": "rsa2048",
    "RS512": "rsa2048",
    "PS256": "rsa2048",
    "PS384": "rsa2048",
    "PS512": "rsa2048",
    "ES256": "p256",
    "ES384": "p384",
    "ES512": "p521",
}
_HASHES: dict[str, Any] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


def b64(raw: bytes | str) -> str:
    raw = raw.encode() if isinstance(raw, str) else raw
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signature(algorithm: str, key: Any, data: bytes) -> bytes:
    """Sign as RFC 7518 says; an EC key with any digest, whatever fits."""
    digest = _HASHES[algorithm[2:]]()
    if algorithm.startswith("ES"):
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if algorithm.startswith("RS"):
        return bytes(key.sign(data, padding.PKCS1v15(), digest))
    mask = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return bytes(key.sign(data, mask, digest))


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token for "shop", with changes; `...` leaves one out."""
    good = {"sub": WEB, "aud": ["shop"], "exp": SECONDS + 300, "iat": SECONDS}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def make(
    content: Mapping[str, Any] | str | bytes | None = None,
    *,
    algorithm: str = "ES256",
    key: Any = None,
    signed_as: str | None = None,
    raw_header: str | bytes | None = None,
    **header: Any,
) -> str:
    """Sign anything: claims or raw bytes, under any header."""
    key = pki.key(KINDS[algorithm]) if key is None else key
    named = {"alg": algorithm, "kid": KINDS[algorithm], "typ": "JWT"} | header
    named = {name: value for name, value in named.items() if value is not ...}
    if content is None or isinstance(content, Mapping):
        content = json.dumps(claims() if content is None else dict(content))
    head = json.dumps(named) if raw_header is None else raw_header
    signed = f"{b64(head)}.{b64(content)}"
    value = signature(signed_as or algorithm, key, signed.encode())
    return f"{signed}.{b64(value)}"


def bundle(trust_domain: str = A, kinds: tuple[str, ...] = ()) -> JwtBundle:
    """The public keys of pki.key, each under its kind's name."""
    wanted = kinds or tuple(dict.fromkeys(KINDS.values()))
    keys = {kind: pki.key(kind).public_key() for kind in wanted}
    return JwtBundle(TrustDomain(trust_domain), keys)


def bundles(*kinds: str) -> JwtBundleSet:
    return JwtBundleSet([bundle(kinds=kinds)])
