# SPDX-License-Identifier: Apache-2.0
"""RSA keys whose PSS signatures come out the same each time: the salt is a hash.

PKCS#1 v1.5 has no chance in it; PSS has, and no library lets the salt be chosen. So
the encoding of RFC 8017, section 9.1.1, is written out here.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PSS

__all__ = ["SteadyRsaKey"]


def _mask(seed: bytes, size: int, digest: str) -> bytes:
    """MGF1."""
    blocks = range(size // hashlib.new(digest).digest_size + 1)
    counted = (seed + counter.to_bytes(4, "big") for counter in blocks)
    return b"".join(hashlib.new(digest, one).digest() for one in counted)[:size]


def _encoded(data: bytes, digest: str, salt_length: int, bits: int) -> bytes:
    """EMSA-PSS, in as many bits as the modulus has less one."""
    hashed = hashlib.new(digest, data).digest()
    salt = hashlib.shake_256(b"spiffe-limbo salt " + hashed).digest(salt_length)
    inner = hashlib.new(digest, bytes(8) + hashed + salt).digest()
    size = (bits + 7) // 8
    block = bytes(size - salt_length - len(inner) - 2) + b"\x01" + salt
    masked = bytearray(
        a ^ b for a, b in zip(block, _mask(inner, len(block), digest), strict=True)
    )
    masked[0] &= 0xFF >> (8 * size - bits)
    return bytes(masked) + inner + b"\xbc"


class SteadyRsaKey(rsa.RSAPrivateKey):
    """An RSA key whose signatures are a function of key and data."""

    def __init__(self, inner: rsa.RSAPrivateKey) -> None:
        self._inner = inner

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        if not isinstance(padding, PSS):
            return self._inner.sign(data, padding, algorithm)
        if not isinstance(algorithm, hashes.HashAlgorithm):
            raise TypeError("a hash algorithm is expected, not a digest")
        length: Any = padding._salt_length
        numbers = self._inner.private_numbers()
        modulus = numbers.public_numbers.n
        text = _encoded(bytes(data), algorithm.name, int(length), self.key_size - 1)
        value = pow(int.from_bytes(text, "big"), numbers.d, modulus)
        return value.to_bytes(self.key_size // 8, "big")

    def decrypt(self, ciphertext: Any, padding: Any) -> bytes:
        return self._inner.decrypt(ciphertext, padding)

    def public_key(self) -> rsa.RSAPublicKey:
        return self._inner.public_key()

    @property
    def key_size(self) -> int:
        return self._inner.key_size

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        return self._inner.private_numbers()

    def private_bytes(self, *how: Any) -> bytes:
        return self._inner.private_bytes(*how)

    def __copy__(self) -> SteadyRsaKey:
        return self

    def __deepcopy__(self, memo: Any) -> SteadyRsaKey:
        return self
