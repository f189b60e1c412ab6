# SPDX-License-Identifier: Apache-2.0
"""Private keys as JSON Web Keys (RFC 7518), as the Workload API sends those of WITs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from handfast.jwk import (
    JwtKey,
    NotAJwk,
    b64url_decode,
    b64url_encode,
    jwk_members,
    read_jwt_key,
)
from handfast.keys import PrivateKey
from handfast.strict_json import read_object

if TYPE_CHECKING:
    from typing import Final

    from handfast.strict_json import Json

__all__ = ["private_jwk", "read_private_jwk"]

#: Of an RSA key: what the reader would have to compute is not left out.
_RSA: Final = ("d", "p", "q", "dp", "dq", "qi")
_TEXT_MAX: Final = 32 * 1024


def private_jwk(key: PrivateKey) -> str:
    """Write a key on P-256, P-384 or P-521, or RSA, with its secret.

    Raises:
        NotAJwk: It is of another kind.

    Example:
        >>> key = PrivateKey.generate("p256")
        >>> read_private_jwk(private_jwk(key)) == key
        True
    """
    loaded = key.load()
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        size = (loaded.key_size + 7) // 8
        secret = {"d": _number(loaded.private_numbers().private_value, size)}
    elif isinstance(loaded, rsa.RSAPrivateKey):
        of = loaded.private_numbers()
        numbers = (of.d, of.p, of.q, of.dmp1, of.dmq1, of.iqmp)
        secret = {
            name: _number(value, (value.bit_length() + 7) // 8)
            for name, value in zip(_RSA, numbers, strict=True)
        }
    else:
        raise NotAJwk(f"a key of kind {key.kind}")
    return json.dumps(jwk_members(loaded.public_key()) | secret, separators=(",", ":"))


def _number(value: int, size: int) -> str:
    return b64url_encode(value.to_bytes(size, "big"))


def _secret(entry: Json, name: str) -> int:
    text = entry.get(name)
    if not isinstance(text, str) or not text:
        raise NotAJwk(f"{name} is not a text")
    try:
        return int.from_bytes(b64url_decode(text), "big")
    except ValueError:
        # Nothing of what was read: it is a secret.
        raise NotAJwk(f"{name} is not base64url") from None


def read_private_jwk(text: str) -> PrivateKey:
    """Read a private key; its public half must be in it, and fit.

    Raises:
        NotAJwk: It is not one. The message says nothing of the secret.
    """
    if len(text) > _TEXT_MAX:
        raise NotAJwk(f"more than {_TEXT_MAX} characters")
    try:
        entry = read_object(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        raise NotAJwk("no JSON object") from None
    names = {"d"} if entry.get("kty") == "EC" else set(_RSA)
    public = read_jwt_key({n: it for n, it in entry.items() if n not in names})
    if public is None:
        raise NotAJwk("no key on P-256, P-384 or P-521, and no RSA key")
    secret = {name: _secret(entry, name) for name in sorted(names)}
    try:
        return PrivateKey(_joined(public, secret))
    except ValueError:
        raise NotAJwk("a secret that does not fit the public key") from None


def _joined(
    public: JwtKey, secret: dict[str, int]
) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        return ec.EllipticCurvePrivateNumbers(secret["d"], point).private_key()
    return rsa.RSAPrivateNumbers(
        p=secret["p"],
        q=secret["q"],
        d=secret["d"],
        dmp1=secret["dp"],
        dmq1=secret["dq"],
        iqmp=secret["qi"],
        public_numbers=public.public_numbers(),
    ).private_key()
