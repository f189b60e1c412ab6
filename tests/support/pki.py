# SPDX-License-Identifier: Apache-2.0
"""Certificates of every kind, right and wrong, by `cryptography` alone.

Nothing of handfast makes them: a mistake of ours cannot hide on both sides of a test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from handfast import TrustBundle, X509Svid

CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
BOTH = (SERVER_AUTH, CLIENT_AUTH)
ANY_EKU = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION

HOUR = dt.timedelta(hours=1)
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_UNSET: Any = object()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


@cache
def key(kind: str = "p256", number: int = 0) -> Any:
    """Make a private key once: RSA keys take long, and a number tells them apart."""
    del number
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    if kind == "k1":
        return ec.generate_private_key(ec.SECP256K1())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


@dataclass(frozen=True, eq=False)
class Issued:
    """A certificate with its key, and those above it."""

    certificate: x509.Certificate
    key: Any
    above: tuple[Issued, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_der(self) -> bytes:
        return bytes(
            self.key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    @property
    def chain(self) -> list[bytes]:
        """What a peer would send: without the root."""
        return [self.der, *(issuer.der for issuer in self.above[:-1])]

    def svid(self) -> X509Svid:
        return X509Svid.from_der(self.chain, self.key_der)

    def bundle(self, trust_domain: str) -> TrustBundle:
        return TrustBundle.from_der(trust_domain, [self.der])


def name(common_name: str | None) -> x509.Name:
    if common_name is None:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_usage(*bits: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{bit: bit in bits for bit in KEY_USAGES})


def tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes([tag, size]) + value
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + value


def raw_extension(oid: x509.ObjectIdentifier, value: bytes) -> Any:
    return x509.UnrecognizedExtension(oid, value)


def raw_uris(*uris: bytes) -> Any:
    """A SAN extension with URI names of any bytes at all."""
    names = b"".join(tlv(0x86, uri) for uri in uris)
    return raw_extension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, tlv(0x30, names))


def _hash(issuer_key: Any, algorithm: Any) -> Any:
    if isinstance(issuer_key, ed25519.Ed25519PrivateKey):
        return None
    return hashes.SHA256() if algorithm is _UNSET else algorithm


def make(
    issuer: Issued | None,
    *,
    subject: str | None = None,
    uris: Iterable[str] = (),
    sans: Sequence[x509.GeneralName] = (),
    san: Any = None,
    san_critical: bool | None = None,
    ca: bool | None = None,
    path_length: int | None = None,
    usage: x509.KeyUsage | None = None,
    usage_critical: bool = True,
    eku: Sequence[x509.ObjectIdentifier] | None = None,
    eku_critical: bool = False,
    extra: Sequence[tuple[Any, bool]] = (),
    not_before: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
    private_key: Any = None,
    signing_key: Any = None,
    issuer_subject: str | None = None,
    serial: int | None = None,
    hash_algorithm: Any = _UNSET,
    rsa_padding: Any = None,
) -> Issued:
    """Make one certificate; each knob is one way to be right or wrong."""
    own = private_key or ec.generate_private_key(ec.SECP256R1())
    signer = signing_key or (issuer.key if issuer is not None else own)
    extensions: list[x509.Extension[Any]] = []

    def add(value: Any, critical: bool) -> None:
        extensions.append(x509.Extension(value.oid, critical, value))

    if ca is not None:
        add(x509.BasicConstraints(ca, path_length), True)
    if usage is not None:
        add(usage, usage_critical)
    if eku is not None:
        add(x509.ExtendedKeyUsage(eku), eku_critical)
    names = [*map(x509.UniformResourceIdentifier, uris), *sans]
    if names or san is not None:
        critical = subject is None if san_critical is None else san_critical
        add(san or x509.SubjectAlternativeName(names), critical)
    add(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False)
    if issuer is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key
        add(identifier(signer.public_key()), False)
    for value, critical in extra:
        add(value, critical)
    above = () if issuer is None else (issuer, *issuer.above)
    issued_by = name(subject) if issuer is None else issuer.certificate.subject
    builder = x509.CertificateBuilder(
        name(issuer_subject) if issuer_subject is not None else issued_by,
        name(subject),
        own.public_key(),
        serial or x509.random_serial_number(),
        not_before or now() - HOUR,
        not_after or now() + HOUR,
        extensions,
    )
    algorithm = _hash(signer, hash_algorithm)
    certificate = builder.sign(signer, algorithm, rsa_padding=rsa_padding)
    return Issued(certificate, own, above)


SIGNS = key_usage("key_cert_sign", "crl_sign")
LEAF = key_usage("digital_signature")
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


def root(domain: str = "a.example", **knobs: Any) -> Issued:
    """A root as the standard wants it, but for the knobs."""
    settings: dict[str, Any] = {
        "subject": f"{domain} root",
        "uris": [f"spiffe://{domain}"],
        "ca": True,
        "usage": SIGNS,
        "not_before": now() - 24 * HOUR,
        "not_after": now() + 24 * HOUR,
    }
    return make(None, **(settings | knobs))


def intermediate(issuer: Issued, **knobs: Any) -> Issued:
    """An intermediate as the standard wants it, but for the knobs."""
    settings: dict[str, Any] = {
        "subject": "an intermediate",
        "ca": True,
        "usage": SIGNS,
    }
    return make(issuer, **(settings | knobs))


def leaf(issuer: Issued, uri: str = "spiffe://a.example/web", **knobs: Any) -> Issued:
    """A leaf as the standard wants it, but for the knobs."""
    settings: dict[str, Any] = {
        "uris": [uri],
        "ca": False,
        "usage": LEAF,
        "eku": BOTH,
    }
    return make(issuer, **(settings | knobs))
