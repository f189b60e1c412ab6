# SPDX-License-Identifier: Apache-2.0
"""A certificate that may sign others, with its key, and how it signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from handfast.keys import PrivateKey, SigningKey

__all__ = ["Signer", "hash_for", "sign"]

SigningHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """An authority at work: what it signs with, and what goes along with a leaf.

    Attributes:
        certificate: The signing certificate.
        key: Its private key.
        intermediates: DER certificates that follow a leaf it signed: itself and those
            above it, without the root. Empty when the root itself signs.
    """

    certificate: x509.Certificate
    key: PrivateKey
    intermediates: tuple[bytes, ...] = ()

    @property
    def der(self) -> bytes:
        """The signing certificate as DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def not_after(self) -> datetime:
        """When it ends, and with it all that it signed."""
        return self.certificate.not_valid_after_utc


def hash_for(key: PrivateKey) -> SigningHash:
    """The digest to sign with: as strong as the key. Ed25519 has its own inside."""
    if key.kind == "p384":
        return hashes.SHA384()
    return hashes.SHA512() if key.kind == "p521" else hashes.SHA256()


def sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    """Sign a certificate with the digest that fits the key."""
    signing: SigningKey = key.load()
    if isinstance(signing, ed25519.Ed25519PrivateKey):
        return builder.sign(signing, None)
    return builder.sign(signing, hash_for(key))
