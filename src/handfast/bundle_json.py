# SPDX-License-Identifier: Apache-2.0
"""SPIFFE bundle documents: a JWK Set whose ``x509-svid`` entries hold authorities.

What the standard tells a consumer to ignore is ignored: unknown members, entries of
other uses and key types, entries without a certificate, certificates after the
first. Everything else must be right, or nothing of the document is taken. A document
without any entry for us is a bundle that trusts nobody.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, NoReturn, TypeGuard

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast.bundle import TrustBundle
from handfast.certificates import read_certificate
from handfast.errors import HandfastError, InvalidBundle, Reason, detail_for
from handfast.keys import key_type_of
from handfast.text import escape

if TYPE_CHECKING:
    from typing import Final

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from handfast.ids import TrustDomain

__all__ = ["DOCUMENT_MAX", "KEYS_MAX", "read_document", "write_document"]

#: Bytes of a document.
DOCUMENT_MAX: Final = 1 << 20
#: Entries of a document, of all uses.
KEYS_MAX: Final = 1000
#: A refresh hint is cut to this: 68 years.
_HINT_MAX: Final = (1 << 31) - 1
_SEQUENCE_MAX: Final = (1 << 64) - 1

_USE: Final = "x509-svid"
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

Json = dict[str, object]


def _refuse(expected: str, seen: str) -> NoReturn:
    detail = detail_for(Reason.BUNDLE_INVALID, expected=expected, seen=seen)
    raise InvalidBundle(detail)


def _unique(pairs: list[tuple[str, object]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two parsers may take different ones of two equal names.
        _refuse("every name once in an object", "a name twice")
    return members


def _no_constant(name: str) -> NoReturn:
    _refuse("JSON", name)


def _is_object(value: object) -> TypeGuard[Json]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _parse(data: bytes | str) -> Json:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > DOCUMENT_MAX:
        detail = detail_for(
            Reason.LIMIT,
            expected=f"a document of at most {DOCUMENT_MAX} bytes",
            seen=f"{len(raw)} bytes",
        )
        raise InvalidBundle(detail)
    try:
        document: object = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
        )
    except InvalidBundle:
        raise
    except (ValueError, RecursionError) as error:
        _refuse("a JSON document in UTF-8", escape(str(error)))
    if not _is_object(document):
        _refuse("a JSON object", type(document).__name__)
    return document


def _integer(document: Json, name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(f"{name} as an integer", type(value).__name__)
    return value


def _b64url(number: int, size: int | None = None) -> str:
    """A number as JWK has it: big-endian, without padding."""
    length = size if size is not None else max(1, (number.bit_length() + 7) // 8)
    raw = number.to_bytes(length, "big")
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _key_members(key: PublicKeyTypes) -> dict[str, str]:
    """The members of a JWK that say its public key."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _b64url(numbers.n), "e": _b64url(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_numbers()
        size = (key.key_size + 7) // 8
        return {
            "kty": "EC",
            "crv": _CURVES[key.curve.name],
            "x": _b64url(point.x, size),
            "y": _b64url(point.y, size),
        }
    # Ed25519: the last of the kinds that an authority can have.
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def _certificate(entry: Json, place: int) -> x509.Certificate | None:
    """The entry's certificate; None when the standard says to pass it over."""
    # A tuple, as a document may hold what cannot be looked for in a set.
    if entry.get("use") != _USE or entry.get("kty") not in ("EC", "RSA", "OKP"):
        return None
    chain = entry.get("x5c")
    if chain is None:
        return None
    if not _is_list(chain):
        _refuse(f"x5c of entry {place} as an array", type(chain).__name__)
    if not chain:
        return None
    first = chain[0]
    try:
        # Standard alphabet, padded: RFC 7517, section 4.7.
        der = base64.b64decode(first if isinstance(first, str) else "-", validate=True)
    except (ValueError, binascii.Error):
        _refuse(f"base64 in x5c of entry {place}", "something else")
    return read_certificate(der, depth=place)


def _authority(entry: object, place: int) -> bytes | None:
    if not _is_object(entry):
        _refuse(f"entry {place} as an object", type(entry).__name__)
    certificate = _certificate(entry, place)
    if certificate is None:
        return None
    try:
        key = certificate.public_key()
    except Exception:  # noqa: BLE001 - whatever it is, no key that we know
        return None
    if key_type_of(key) is None:
        return None
    for name, value in _key_members(key).items():
        if name in entry and entry[name] != value:
            # RFC 7517, section 4.7: the certificate's key must be the entry's.
            seen = f"another {name} in entry {place}"
            _refuse("the key of the certificate in its JWK", seen)
    return certificate.public_bytes(Encoding.DER)


def read_document(trust_domain: TrustDomain, data: bytes | str) -> TrustBundle:
    """Read a bundle document for a trust domain that the caller knows.

    Raises:
        InvalidBundle: It is not one, or an authority in it cannot be used.
    """
    document = _parse(data)
    keys = document.get("keys")
    if not _is_list(keys):
        _refuse("an array 'keys'", type(keys).__name__ if keys is not None else "none")
    if len(keys) > KEYS_MAX:
        _refuse(f"at most {KEYS_MAX} entries", f"{len(keys)}")
    sequence = _integer(document, "spiffe_sequence")
    if sequence is not None and not 0 <= sequence <= _SEQUENCE_MAX:
        seen = "less than 0" if sequence < 0 else f"{sequence.bit_length()} bits"
        _refuse("spiffe_sequence as a number of at most 64 bits", seen)
    hint = _integer(document, "spiffe_refresh_hint")
    if hint is not None:
        # Only a hint: no value of it makes the authorities unusable.
        hint = min(max(hint, 0), _HINT_MAX)
    try:
        found = [_authority(entry, place) for place, entry in enumerate(keys)]
    except InvalidBundle:
        raise
    except HandfastError as error:
        raise InvalidBundle(error.detail) from error
    authorities = tuple(der for der in found if der is not None)
    return TrustBundle(trust_domain, authorities, sequence, hint)


def write_document(bundle: TrustBundle) -> bytes:
    """Write a bundle as its publisher must: one entry a certificate, no ``kid``."""
    keys: list[dict[str, object]] = []
    for der in bundle.x509_authorities:
        members = _key_members(read_certificate(der).public_key())
        x5c = [base64.b64encode(der).decode("ascii")]
        keys.append({"use": _USE, **members, "x5c": x5c})
    document: Json = {"keys": keys}
    if bundle.sequence is not None:
        document["spiffe_sequence"] = bundle.sequence
    if bundle.refresh_hint is not None:
        document["spiffe_refresh_hint"] = bundle.refresh_hint
    return json.dumps(document, indent=2).encode("ascii") + b"\n"
