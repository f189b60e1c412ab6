# SPDX-License-Identifier: Apache-2.0
"""Keys that come from a label, and ECDSA signatures that come out the same each time.

The nonce is a hash of the private key and the digest, so that the same file is made
with any OpenSSL (its own deterministic signing begins with 3.2). These keys are public
by construction: nothing but a test vector may ever be signed by them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.conformance.spiffe_limbo.steady_rsa import SteadyRsaKey

from handfast.testing.sign import AnyKey

__all__ = ["key"]

_CURVES: Final[dict[str, tuple[ec.EllipticCurve, int]]] = {
    "p256": (
        ec.SECP256R1(),
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    "p384": (
        ec.SECP384R1(),
        (1 << 384) - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D,
    ),
    "p521": (
        ec.SECP521R1(),
        (1 << 521)
        - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
    ),
    "p224": (
        ec.SECP224R1(),
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFF16A2E0B8F03E13DD29455C5C2A3D,
    ),
    "secp256k1": (
        ec.SECP256K1(),
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    ),
}
_SMALL_PRIMES: Final = tuple(
    n for n in range(3, 2000) if all(n % d for d in range(2, int(n**0.5) + 1))
)


def _stream(label: str, size: int) -> bytes:
    return hashlib.shake_256(f"spiffe-limbo {label}".encode()).digest(size)


class _SteadyKey(ec.EllipticCurvePrivateKey):
    """An elliptic curve key whose signatures are a function of key and data."""

    def __init__(self, inner: ec.EllipticCurvePrivateKey, order: int) -> None:
        self._inner = inner
        self._order = order

    def sign(
        self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        chosen = signature_algorithm.algorithm
        if not isinstance(chosen, hashes.HashAlgorithm):
            raise TypeError("a hash algorithm is expected, not a digest")
        secret = self._inner.private_numbers().private_value
        digest = hashlib.new(chosen.name, bytes(data)).digest()
        wide = _stream(f"nonce {secret:x} {digest.hex()}", 80)
        nonce = int.from_bytes(wide, "big") % (self._order - 1) + 1
        point = ec.derive_private_key(nonce, self.curve).public_key().public_numbers()
        r = point.x % self._order
        surplus = max(0, len(digest) * 8 - self._order.bit_length())
        value = int.from_bytes(digest, "big") >> surplus
        s = pow(nonce, -1, self._order) * (value + r * secret) % self._order
        return encode_dss_signature(r, s)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._inner.public_key()

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._inner.curve

    @property
    def key_size(self) -> int:
        return self._inner.key_size

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        return self._inner.private_numbers()

    def exchange(self, algorithm: ec.ECDH, peer_public_key: Any) -> bytes:
        return self._inner.exchange(algorithm, peer_public_key)

    def private_bytes(self, *how: Any) -> bytes:
        return self._inner.private_bytes(*how)

    def __copy__(self) -> _SteadyKey:
        return self

    def __deepcopy__(self, memo: Any) -> _SteadyKey:
        return self


def _is_prime(n: int) -> bool:
    """Miller-Rabin with fixed bases: these numbers come from us, not from an enemy."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in _SMALL_PRIMES[:12]:
        value = pow(base, odd, n)
        if value in {1, n - 1}:
            continue
        for _ in range(twos - 1):
            value = value * value % n
            if value == n - 1:
                break
        else:
            return False
    return True


def _prime(label: str, bits: int) -> int:
    start = int.from_bytes(_stream(label, bits // 8), "big")
    # The two highest bits are set, so that the product has twice as many bits.
    n = start | 3 << (bits - 2) | 1
    while any(n % p == 0 for p in (*_SMALL_PRIMES, 65537)) or not _is_prime(n):
        n += 2
    return n


def _rsa(label: str, bits: int) -> rsa.RSAPrivateKey:
    e = 65537
    found = [_prime(f"{label} prime {i}", bits // 2) for i in range(3)]
    # p - 1 must share nothing with e.
    p, q = [n for n in found if (n - 1) % e][:2]
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public
    ).private_key()


@cache
def key(label: str, kind: str = "p256") -> AnyKey:
    """The key of that label and kind, the same for ever."""
    label = f"{kind} {label}"
    if kind in _CURVES:
        curve, order = _CURVES[kind]
        secret = int.from_bytes(_stream(label, 80), "big") % (order - 1) + 1
        return _SteadyKey(ec.derive_private_key(secret, curve), order)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(_stream(label, 32))
    if kind == "ed448":
        return ed448.Ed448PrivateKey.from_private_bytes(_stream(label, 57))
    return SteadyRsaKey(_rsa(label, int(kind.removeprefix("rsa"))))
