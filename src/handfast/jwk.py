# SPDX-License-Identifier: Apache-2.0
"""Public keys as JSON Web Keys (RFC 7517, 7518, 7638), without any JWT library."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from handfast.keys import key_type_of

if TYPE_CHECKING:
    from typing import Final

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from handfast.strict_json import Json

__all__ = [
    "JwtKey",
    "NotAJwk",
    "b64url_decode",
    "b64url_encode",
    "jwk_members",
    "key_id",
    "public_key_of",
    "read_jwt_key",
]

#: The keys that a JWT-SVID can be signed with, as `cryptography` has them.
JwtKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_CURVE_NAMES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
#: Members that only a private or a symmetric key has.
_SECRET: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
#: As in certificates: a signature takes hundreds of times as long with an exponent as
#: long as the modulus, and whoever publishes the key decides that.
_EXPONENT_BITS: Final = 32
_B64URL = re.compile(r"[A-Za-z0-9_-]*")


class NotAJwk(ValueError):  # noqa: N818 - says what happened
    """An entry is of a known kind and yet no key: the message says what is wrong."""


def b64url_encode(raw: bytes) -> str:
    r"""Write base64url without padding.

    Example:
        >>> b64url_encode(b"\xff\xfe")
        '__4'
    """
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def b64url_decode(text: str) -> bytes:
    r"""Read base64url: no padding, no other characters, and one text for each value.

    The last character often has bits to spare. A reader that ignores them takes
    several texts for the same bytes, so that a changed token stays valid and is still
    another token to whoever compares it.

    Raises:
        ValueError: It is not that.

    Example:
        >>> b64url_decode("__4")
        b'\xff\xfe'
        >>> b64url_decode("__5")
        Traceback (most recent call last):
        ValueError: bits are set after the end
    """
    if _B64URL.fullmatch(text) is None:
        raise ValueError("a character that is not of base64url")
    if len(text) % 4 == 1:
        raise ValueError("a length that base64url cannot have")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url_encode(raw) != text:
        raise ValueError("bits are set after the end")
    return raw


def _number(number: int, size: int | None = None) -> str:
    """A number as JWK has it: big-endian; of the curve's size for a coordinate."""
    length = size if size is not None else max(1, (number.bit_length() + 7) // 8)
    return b64url_encode(number.to_bytes(length, "big"))


def jwk_members(key: PublicKeyTypes) -> dict[str, str]:
    """The members of a JWK that say its public key, ``kty`` first."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_numbers()
        size = (key.key_size + 7) // 8
        return {
            "kty": "EC",
            "crv": _CURVE_NAMES[key.curve.name],
            "x": _number(point.x, size),
            "y": _number(point.y, size),
        }
    # Ed25519: the last of the kinds that an authority can have.
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64url_encode(raw)}


def key_id(key: JwtKey) -> str:
    """A ``kid`` that says which key it is: its RFC 7638 thumbprint."""
    text = json.dumps(jwk_members(key), separators=(",", ":"), sort_keys=True)
    return b64url_encode(hashlib.sha256(text.encode("ascii")).digest())


def public_key_of(spki: bytes) -> JwtKey | None:
    """Read a SubjectPublicKeyInfo; None for a key that no JWT-SVID can have."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, JwtKey) and key_type_of(key) else None


def _bytes(entry: Json, name: str) -> bytes:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise NotAJwk(f"{name} is not a text")
    try:
        return b64url_decode(value)
    except ValueError as error:
        raise NotAJwk(f"{name}: {error}") from None


def _unsigned(entry: Json, name: str) -> int:
    raw = _bytes(entry, name)
    if raw[0] == 0:
        raise NotAJwk(f"{name} begins with a zero byte")
    return int.from_bytes(raw, "big")


def _ec_key(entry: Json) -> JwtKey | None:
    curve_name = entry.get("crv")
    curve = _CURVES.get(curve_name) if isinstance(curve_name, str) else None
    if curve is None:
        return None
    x, y = _bytes(entry, "x"), _bytes(entry, "y")
    size = (curve.key_size + 7) // 8
    if len(x) != size or len(y) != size:
        raise NotAJwk(f"a coordinate that is not of {size} bytes")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)
    except ValueError:
        raise NotAJwk("a point that is not on the curve") from None


def _rsa_key(entry: Json) -> JwtKey | None:
    e, n = _unsigned(entry, "e"), _unsigned(entry, "n")
    if n % 2 == 0:
        raise NotAJwk("n and e are no RSA key")
    if e.bit_length() > _EXPONENT_BITS:
        return None
    try:
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise NotAJwk("n and e are no RSA key") from None
    # Too small or too large is a kind of key that nobody here knows.
    return key if key_type_of(key) is not None else None


def read_jwt_key(entry: Json) -> JwtKey | None:
    """Read the public key of an entry.

    Returns:
        The key; None when its type, curve or size is not one that a JWT-SVID can
        have: the standard wants such an entry to be passed over.

    Raises:
        NotAJwk: It is of a known type and damaged, or has a secret in it.
    """
    kind = entry.get("kty")
    if kind not in ("EC", "RSA"):  # a tuple: what is no text may not be hashable
        return None
    if any(name in entry for name in _SECRET):
        raise NotAJwk("a private key: whoever reads this document could sign with it")
    return _ec_key(entry) if kind == "EC" else _rsa_key(entry)
