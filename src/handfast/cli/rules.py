# SPDX-License-Identifier: Apache-2.0
"""The SVID rules one by one, to be ticked or crossed for a person.

This is a second opinion for display, written on ``cryptography``; what counts is the
engine's verdict (``handfast verify``), and a test holds both to the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast import HandfastError, SpiffeId
from handfast.certificates import is_ca, uri_names
from handfast.keys import key_type_of

_E = TypeVar("_E", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule and whether a certificate keeps it."""

    rule: str
    kept: bool
    text: str


def _extension(cert: x509.Certificate, kind: type[_E]) -> x509.Extension[_E] | None:
    """The whole extension: here it counts whether it is critical."""
    try:
        return cert.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def key_text(cert: x509.Certificate) -> tuple[bool, str]:
    """Say whether the key is on the allow-list, and what it is."""
    key = cert.public_key()
    allowed = key_type_of(key)
    return allowed is not None, allowed or type(key).__name__


def _identity(cert: x509.Certificate) -> SpiffeId | None:
    names = uri_names(cert)
    if len(names) != 1:
        return None
    try:
        return SpiffeId.parse(names[0])
    except HandfastError:
        return None


def _common(cert: x509.Certificate) -> Iterator[Finding]:
    allowed, text = key_text(cert)
    yield Finding(rule="key", kept=allowed, text=f"allowed key: {text}")
    serial = 0 < cert.serial_number < 1 << 159
    yield Finding(rule="serial", kept=serial, text="positive serial of ≤ 20 bytes")


def _leaf(cert: x509.Certificate) -> Iterator[Finding]:
    names = uri_names(cert)
    identity = _identity(cert)
    yield Finding(
        rule="X509-02",
        kept=len(names) == 1,
        text=f"exactly one URI SAN ({len(names)} there)",
    )
    yield Finding(
        rule="X509-31", kept=identity is not None, text="the URI SAN is a SPIFFE ID"
    )
    yield Finding(
        rule="X509-32",
        kept=identity is not None and identity.path != "",
        text="the SPIFFE ID has a path",
    )
    yield Finding(rule="X509-28", kept=not is_ca(cert), text="not a CA")
    usage = _extension(cert, x509.KeyUsage)
    yield Finding(
        rule="X509-18", kept=usage is not None, text="key usage extension present"
    )
    yield Finding(
        rule="X509-19", kept=usage is not None and usage.critical, text="… and critical"
    )
    yield Finding(
        rule="X509-21",
        kept=usage is not None and usage.value.digital_signature,
        text="digitalSignature",
    )
    signs = usage is not None and (usage.value.key_cert_sign or usage.value.crl_sign)
    yield Finding(rule="X509-23", kept=not signs, text="no keyCertSign, no cRLSign")
    extended = _extension(cert, x509.ExtendedKeyUsage)
    both = extended is None or {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    } <= set(extended.value)
    yield Finding(
        rule="X509-25",
        kept=both,
        text="extended key usage, when present, has serverAuth and clientAuth",
    )


def _signing(cert: x509.Certificate) -> Iterator[Finding]:
    usage = _extension(cert, x509.KeyUsage)
    yield Finding(rule="X509-15", kept=is_ca(cert), text="basicConstraints CA")
    yield Finding(
        rule="X509-20",
        kept=usage is not None and usage.value.key_cert_sign,
        text="keyCertSign",
    )
    identity = _identity(cert)
    yield Finding(
        rule="X509-10",
        kept=not uri_names(cert) or (identity is not None and identity.path == ""),
        text="its SPIFFE ID, when there is one, has no path",
    )


def findings(cert: x509.Certificate) -> list[Finding]:
    """Check one certificate: a CA as a signing certificate, any other as a leaf."""
    role = _signing(cert) if is_ca(cert) else _leaf(cert)
    return [*role, *_common(cert)]
