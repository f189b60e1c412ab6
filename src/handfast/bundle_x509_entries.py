# SPDX-License-Identifier: Apache-2.0
"""The ``x509-svid`` entries of bundle documents: a certificate each."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from handfast.bundle_json import Frame, refuse
from handfast.certificates import read_certificate
from handfast.errors import HandfastError, InvalidBundle
from handfast.jwk import jwk_members
from handfast.keys import key_type_of
from handfast.strict_json import Json, is_list

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from cryptography import x509

__all__ = ["read_x509_entries", "write_x509_entries"]

_USE: Final = "x509-svid"


def _certificate(entry: Json, place: int) -> x509.Certificate | None:
    """The entry's certificate; None when the standard says to pass it over."""
    # A tuple, as a document may hold what cannot be looked for in a set.
    if entry.get("use") != _USE or entry.get("kty") not in ("EC", "RSA", "OKP"):
        return None
    chain = entry.get("x5c")
    if chain is None:
        return None
    if not is_list(chain):
        refuse(f"x5c of entry {place} as an array", type(chain).__name__)
    if not chain:
        return None
    first = chain[0]
    try:
        # Standard alphabet, padded: RFC 7517, section 4.7.
        der = base64.b64decode(first if isinstance(first, str) else "-", validate=True)
    except (ValueError, binascii.Error):
        refuse(f"base64 in x5c of entry {place}", "something else")
    return read_certificate(der, depth=place)


def _authority(entry: Json, place: int) -> bytes | None:
    certificate = _certificate(entry, place)
    if certificate is None:
        return None
    try:
        key = certificate.public_key()
    except Exception:  # noqa: BLE001 - whatever it is, no key that we know
        return None
    if key_type_of(key) is None:
        return None
    for name, value in jwk_members(key).items():
        if name in entry and entry[name] != value:
            # RFC 7517, section 4.7: the certificate's key must be the entry's.
            seen = f"another {name} in entry {place}"
            refuse("the key of the certificate in its JWK", seen)
    return certificate.public_bytes(Encoding.DER)


def read_x509_entries(frame: Frame) -> tuple[bytes, ...]:
    """The authorities of a document, as DER.

    Raises:
        InvalidBundle: One of them cannot be used.
    """
    try:
        found = [_authority(entry, place) for place, entry in enumerate(frame.entries)]
    except InvalidBundle:
        raise
    except HandfastError as error:
        raise InvalidBundle(error.detail) from error
    return tuple(der for der in found if der is not None)


def write_x509_entries(authorities: Iterable[bytes]) -> list[Json]:
    """One entry a certificate, without ``kid``, as a publisher must."""
    entries: list[Json] = []
    for der in authorities:
        members = jwk_members(read_certificate(der).public_key())
        x5c = [base64.b64encode(der).decode("ascii")]
        entries.append({"use": _USE, **members, "x5c": x5c})
    return entries
