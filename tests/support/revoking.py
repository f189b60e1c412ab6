# SPDX-License-Identifier: Apache-2.0
"""Revocation lists of the issuers in `tests.support.pki`, and who is on them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support import pki

from handfast import RevocationLists, TrustDomain

HOUR = dt.timedelta(hours=1)


def crl(
    issuer: pki.Issued,
    *revoked: pki.Issued,
    key: Any = None,
    number: bool = True,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    extra: tuple[x509.ExtensionType, bool] | None = None,
    reason: x509.ReasonFlags | None = None,
) -> bytes:
    """Sign a list of an issuer's, an hour old."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(since or pki.now() - HOUR)
        .next_update(until or pki.now() + HOUR)
    )
    if number:
        builder = builder.add_extension(x509.CRLNumber(7), critical=False)
    if extra is not None:
        builder = builder.add_extension(*extra)
    for one in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(one.certificate.serial_number)
            .revocation_date(dt.datetime(2025, 3, 4, tzinfo=dt.UTC))
        )
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    signed = builder.sign(key or issuer.key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def lists(*crls: bytes, domain: str = "a.example", **others: Any) -> RevocationLists:
    """Keep lists for one trust domain."""
    return RevocationLists({TrustDomain(domain): crls}, **others)


class Chain:
    """A root, an intermediate below it, a leaf below that."""

    def __init__(self, domain: str = "a.example", **root: Any) -> None:
        self.root = pki.root(domain, **root)
        self.middle = pki.intermediate(self.root)
        self.leaf = pki.leaf(self.middle, f"spiffe://{domain}/web")
        self.bundle = self.root.bundle(domain)
        self.good = (crl(self.root), crl(self.middle))
