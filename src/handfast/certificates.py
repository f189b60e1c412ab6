# SPDX-License-Identifier: Apache-2.0
"""Read certificates with `cryptography`, and say what is wrong in handfast's words.

For certificates that we were given: our own SVID, the authorities of a bundle. What
a peer presents is read and judged by the C engine alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from cryptography import x509

from handfast.errors import InvalidCertificate, Reason, detail_for
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from handfast.errors import ErrorDetail

__all__ = ["extension_of", "is_ca", "may_sign", "read_certificate", "uri_names"]

T = TypeVar("T", bound=x509.ExtensionType)

# What cryptography raises for damage. TypeError: a name's attribute whose text is of a
# type that only another attribute may have. Warning: a program that makes errors of
# those is told of a serial number of zero, and of a country's name that is too long.
_DAMAGED = (
    ValueError,
    TypeError,
    Warning,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def _refuse(detail: ErrorDetail, cause: BaseException | None = None) -> NoReturn:
    raise InvalidCertificate(detail) from cause


def _reading(reason: Reason, read: Callable[[], object], at: tuple[int, bytes]) -> None:
    depth, der = at
    try:
        read()
    except x509.DuplicateExtension as error:
        detail = detail_for(
            Reason.CERTIFICATE_DUPLICATE_EXTENSION,
            seen=error.oid.dotted_string,
            depth=depth,
            certificate=der,
        )
        _refuse(detail, error)
    except _DAMAGED as error:
        detail = detail_for(
            reason, seen=escape(str(error)), depth=depth, certificate=der
        )
        _refuse(detail, error)


def read_certificate(der: bytes, *, depth: int = 0) -> x509.Certificate:
    """Read one certificate, its extensions included, so that nothing fails later.

    Args:
        der: The certificate, all of it.
        depth: Its place in the chain, for the message.

    Raises:
        InvalidCertificate: It is not a certificate, or one of its parts is damaged.
    """
    found: list[x509.Certificate] = []
    at = (depth, der)
    _reading(
        Reason.DER_VALUE, lambda: found.append(x509.load_der_x509_certificate(der)), at
    )
    certificate = found[0]
    # These are decoded at first use, which must not be somewhere else.
    _reading(
        Reason.DER_VALUE,
        lambda: (
            certificate.subject,
            certificate.issuer,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        ),
        at,
    )
    _reading(Reason.CERTIFICATE_EXTENSION, lambda: certificate.extensions, at)
    return certificate


def extension_of(certificate: x509.Certificate, kind: type[T]) -> T | None:
    """The extension of a kind, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def uri_names(certificate: x509.Certificate) -> list[str]:
    """Every URI SAN, whatever its scheme."""
    names = extension_of(certificate, x509.SubjectAlternativeName)
    if names is None:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether basic constraints say CA; their absence says no."""
    constraints = extension_of(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether key usage allows to sign certificates; its absence forbids nothing."""
    usage = extension_of(certificate, x509.KeyUsage)
    return usage is None or usage.key_cert_sign
