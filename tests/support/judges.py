# SPDX-License-Identifier: Apache-2.0
"""Second opinions on chains that handfast accepts (P2), as yes or no."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.opinions import cryptography_complaint, openssl_complaint
from tests.support.pki import Issued, now


def _anchors(roots: Sequence[Issued]) -> list[bytes]:
    return [root.certificate.public_bytes(Encoding.DER) for root in roots]


def openssl_accepts(
    chain: Sequence[bytes], roots: Sequence[Issued], at: dt.datetime | None = None
) -> bool:
    """Ask OpenSSL, strictly, with nothing but these roots."""
    return not openssl_complaint(chain, _anchors(roots), at or now())


def cryptography_accepts(
    chain: Sequence[bytes], roots: Sequence[Issued], at: dt.datetime | None = None
) -> bool:
    """Ask the verifier of `cryptography`, which was written in Rust by others."""
    return not cryptography_complaint(chain, _anchors(roots), at or now())
