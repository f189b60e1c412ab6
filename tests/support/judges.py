# SPDX-License-Identifier: Apache-2.0
"""Second opinions on chains: OpenSSL by pyOpenSSL, and `cryptography`'s own verifier.

They know nothing of SPIFFE, so they can only say that a path is wrong, or that nothing
speaks against it. What handfast accepts, they must accept (P2).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from cryptography import x509
from cryptography.x509 import verification
from OpenSSL import crypto
from tests.support.pki import Issued, now


def openssl_accepts(
    chain: Sequence[bytes], roots: Sequence[Issued], at: dt.datetime | None = None
) -> bool:
    """Ask OpenSSL, strictly, with nothing but these roots."""
    store = crypto.X509Store()
    store.set_flags(
        crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN
    )
    store.set_time((at or now()).astimezone(dt.UTC))
    for root in roots:
        store.add_cert(crypto.X509.from_cryptography(root.certificate))
    leaf, *others = [
        crypto.X509.from_cryptography(x509.load_der_x509_certificate(der))
        for der in chain
    ]
    context = crypto.X509StoreContext(store, leaf, others)
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


def cryptography_accepts(
    chain: Sequence[bytes], roots: Sequence[Issued], at: dt.datetime | None = None
) -> bool:
    """Ask the verifier of `cryptography`, which was written in Rust by others."""
    leaf, *others = [x509.load_der_x509_certificate(der) for der in chain]
    store = verification.Store([root.certificate for root in roots])
    builder = verification.PolicyBuilder().store(store).time(at or now())
    try:
        builder.build_client_verifier().verify(leaf, others)
    except (verification.VerificationError, ValueError):
        return False
    return True
