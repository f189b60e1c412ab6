# SPDX-License-Identifier: Apache-2.0
"""What other verifiers say of a chain: OpenSSL by pyOpenSSL, `cryptography`'s own.

They know nothing of SPIFFE, so they can only say that a path is wrong, or that nothing
speaks against it. The answer is their complaint in their words; empty: they accept.

Never give `cryptography` many certificates of one name: its search takes minutes on
some of x509-limbo's pathological chains.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification
from OpenSSL import crypto

__all__ = ["UNREADABLE", "cryptography_complaint", "openssl_complaint"]

#: The complaint about what is not even read.
UNREADABLE: Final = "unreadable"
# Which certificate it was, and how the search went: not a part of the kind.
_AROUND: Final = re.compile(
    r"^validation failed: |candidates exhausted: | \(encountered processing .*$"
)


def openssl_complaint(
    chain: Sequence[bytes], anchors: Sequence[bytes], at: datetime
) -> str:
    """Ask OpenSSL, strictly and for no purpose, with nothing but these anchors."""
    store = crypto.X509Store()
    store.set_flags(
        crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN
    )
    store.set_time(at.astimezone(UTC))
    try:
        for anchor in anchors:
            store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, anchor))
        leaf, *others = [
            crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in chain
        ]
    except (crypto.Error, ValueError):
        return UNREADABLE
    try:
        crypto.X509StoreContext(store, leaf, others).verify_certificate()
    except crypto.X509StoreContextError as error:
        return str(error) or "?"
    return ""


def cryptography_complaint(
    chain: Sequence[bytes], anchors: Sequence[bytes], at: datetime
) -> str:
    """Ask the verifier of `cryptography`, which was written in Rust by others."""
    try:
        leaf, *others = map(_read, chain)
        trusted = [_read(der) for der in anchors]
        builder = verification.PolicyBuilder().store(verification.Store(trusted))
        builder.time(at).build_client_verifier().verify(leaf, others)
    except verification.VerificationError as error:
        return _AROUND.sub("", str(error)) or "?"
    except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion):
        return UNREADABLE
    return ""


def _read(der: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        # What it will refuse one day it reads today, and says so.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_der_x509_certificate(der)
