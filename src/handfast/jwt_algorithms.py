# SPDX-License-Identifier: Apache-2.0
"""The nine algorithms of JWT-SVIDs, and which key is for which. The list is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from typing import Final

    from handfast.jwk import JwtKey

__all__ = ["ALGORITHMS", "algorithms_for", "default_algorithm", "fits"]

_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# RFC 7518, section 3.4: the digest goes with the curve.
_EC: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

#: What a JWT-SVID may be signed with.
ALGORITHMS: Final[frozenset[str]] = frozenset((*_RSA, *_EC.values()))


def algorithms_for(key: JwtKey) -> tuple[str, ...]:
    """The algorithms that a key can be used with, the usual one first."""
    return _RSA if isinstance(key, rsa.RSAPublicKey) else (_EC[key.curve.name],)


def default_algorithm(key: JwtKey) -> str:
    """What a key signs with unless somebody says otherwise."""
    return algorithms_for(key)[0]


def fits(algorithm: str, key: JwtKey) -> bool:
    """Whether type and curve of a key are those that the algorithm wants."""
    return algorithm in algorithms_for(key)
