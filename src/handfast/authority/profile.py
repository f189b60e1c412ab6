# SPDX-License-Identifier: Apache-2.0
"""What the certificates of an authority say: the issuer's rules of X.509-SVID.

Signing certificates carry the ID of their trust domain, basic constraints with a path
length, and keyCertSign with cRLSign. Leaves carry one workload's ID, say that they
are no CA, and may sign handshakes and nothing else: keyEncipherment belongs to RSA
key exchange, which no TLS of ours does, so RSA leaves go without it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
    )

    from handfast.authority.signer import Signer
    from handfast.ids import SpiffeId, TrustDomain
    from handfast.keys import PrivateKey
    from handfast.names import DnsName

__all__ = ["HasPublicKey", "key_usage", "leaf_builder", "signing_builder"]

# X.520 allows 64 characters in a common name; trust domains have up to 255.
_NAME_SHOWN = 40


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Key usage of a signing certificate, or of a leaf."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


class HasPublicKey(Protocol):
    """A key pair, or the half of it that a certificate says."""

    @property
    def public_der(self) -> bytes:
        """The public key, as SubjectPublicKeyInfo."""
        ...


def _public(key: HasPublicKey) -> CertificatePublicKeyTypes:
    # Of a kind that certificates can hold: a PrivateKey is, and others are checked.
    return load_der_public_key(key.public_der)  # type: ignore[return-value]


def _base(
    key: HasPublicKey, window: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    public = _public(key)
    return (
        x509.CertificateBuilder()
        .public_key(public)
        # 159 random bits: unique without a counter to keep, and not to be guessed.
        .serial_number(x509.random_serial_number())
        .not_valid_before(window[0])
        .not_valid_after(window[1])
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )
    )


def _issued_by(
    builder: x509.CertificateBuilder, issuer: Signer
) -> x509.CertificateBuilder:
    ski = issuer.certificate.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    )
    aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski.value)
    return builder.issuer_name(issuer.certificate.subject).add_extension(
        aki, critical=False
    )


def _uri(spiffe_id: SpiffeId) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(str(spiffe_id))


def signing_builder(
    trust_domain: TrustDomain,
    key: PrivateKey,
    window: tuple[datetime, datetime],
    *,
    path_length: int,
    issuer: Signer | None = None,
) -> x509.CertificateBuilder:
    """A root (without an issuer) or an intermediate of a trust domain."""
    role = "root" if issuer is None else "intermediate"
    # Of its own key: two authorities of one trust domain never share a subject, which
    # keeps path building short for everybody.
    mark = x509.SubjectKeyIdentifier.from_public_key(_public(key)).digest[:6].hex()
    common_name = f"{trust_domain.name[:_NAME_SHOWN]} {role} {mark}"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _base(key, window).subject_name(subject)
    if issuer is None:
        builder = builder.issuer_name(subject)
    else:
        builder = _issued_by(builder, issuer)
    return (
        builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=path_length), critical=True
        )
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([_uri(trust_domain.id)]), critical=False
        )
    )


def leaf_builder(
    spiffe_id: SpiffeId,
    key: HasPublicKey,
    window: tuple[datetime, datetime],
    *,
    issuer: Signer,
    dns_names: Iterable[DnsName] = (),
) -> x509.CertificateBuilder:
    """A workload's certificate.

    The subject is empty, so that there is no second name to be mistaken for the
    identity, and the SAN therefore critical (RFC 5280, section 4.1.2.6).
    """
    names = [_uri(spiffe_id), *(x509.DNSName(dns.name) for dns in dns_names)]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        _issued_by(_base(key, window).subject_name(x509.Name([])), issuer)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
    )
