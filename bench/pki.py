# SPDX-License-Identifier: Apache-2.0
"""The certificates of all benchmarks: one root, one intermediate, two SVIDs.

Every peer gets the same files, made by `cryptography` and not by handfast, so that no
side of a comparison chooses its own input. Leaf and intermediate are sent, the root
never is; what the profile says (key usages, SPIFFE IDs, one hour) is that of SPIRE.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

TRUST_DOMAIN = "bench.example"
CLIENT_ID = f"spiffe://{TRUST_DOMAIN}/client"
SERVER_ID = f"spiffe://{TRUST_DOMAIN}/server"

ENCODINGS = {
    "pem": serialization.Encoding.PEM,
    "der": serialization.Encoding.DER,
}

KEY_TYPES: dict[str, Callable[[], Key]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A certificate authority: its certificate and key."""

    certificate: x509.Certificate
    key: Key


def _begin(common_name: str, key: Key, lifetime: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + lifetime)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )


def _usage(*, signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signing,
        key_cert_sign=signing,
        crl_sign=signing,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def signing_hash(key: Key) -> hashes.SHA256 | hashes.SHA384 | None:
    """Return what a key signs: a digest of its own strength, or (Ed25519) all of it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    wide = isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size == 384
    return hashes.SHA384() if wide else hashes.SHA256()


def _authority_key_id(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def make_authority(name: str, key: Key, issuer: Issuer | None) -> Issuer:
    """Make a root (no issuer) or an intermediate."""
    builder = (
        _begin(name, key, timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signing=True), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}")]
            ),
            critical=False,
        )
    )
    if issuer is None:
        builder = builder.issuer_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        )
        return Issuer(certificate=builder.sign(key, signing_hash(key)), key=key)
    builder = builder.issuer_name(issuer.certificate.subject).add_extension(
        _authority_key_id(issuer), critical=False
    )
    signed = builder.sign(issuer.key, signing_hash(issuer.key))
    return Issuer(certificate=signed, key=key)


def make_leaf(spiffe_id: str, key: Key, issuer: Issuer) -> x509.Certificate:
    """Make an SVID good for both ends of a connection."""
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = (
        _begin(spiffe_id.rpartition("/")[2], key, timedelta(hours=12))
        .issuer_name(issuer.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signing=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(_authority_key_id(issuer), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id)]),
            critical=False,
        )
    )
    return builder.sign(issuer.key, signing_hash(issuer.key))


def identity(name: str, number: int) -> str:
    """Return the file name of an end's identity; most scenarios have but the first."""
    return name if number == 0 else f"{name}-{number:04}"


def write(directory: Path, key_type: str = "p256", *, identities: int = 1) -> Path:
    """Write root, and chains and keys of client and server, each as .pem and .der.

    Further identities have keys, serial numbers and certificates of their own and the
    same SPIFFE ID: replicas of one workload, each with an SVID that nobody saw before.
    """
    new_key = KEY_TYPES[key_type]
    root = make_authority("bench root", new_key(), None)
    intermediate = make_authority("bench intermediate", new_key(), root)
    directory.mkdir(parents=True, exist_ok=True)
    for suffix, encoding in ENCODINGS.items():
        path = directory / f"root.{suffix}"
        path.write_bytes(root.certificate.public_bytes(encoding))
    for name, spiffe_id in (("client", CLIENT_ID), ("server", SERVER_ID)):
        for number in range(identities):
            key = new_key()
            leaf = make_leaf(spiffe_id, key, intermediate)
            _write_identity(
                directory / identity(name, number),
                [leaf, intermediate.certificate],
                key,
            )
    return directory


def _write_identity(path: Path, chain: list[x509.Certificate], key: Key) -> None:
    for suffix, encoding in ENCODINGS.items():
        path.with_suffix(f".{suffix}").write_bytes(
            b"".join(certificate.public_bytes(encoding) for certificate in chain)
        )
        secret = path.with_suffix(f".key.{suffix}")
        secret.touch(mode=0o600)
        secret.write_bytes(
            key.private_bytes(
                encoding,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def chain_der(directory: Path, name: str) -> list[bytes]:
    """Read a chain written by `write` as a verifier wants it: leaf first."""
    certificates = x509.load_pem_x509_certificates(
        (directory / f"{name}.pem").read_bytes()
    )
    return [
        certificate.public_bytes(serialization.Encoding.DER)
        for certificate in certificates
    ]
