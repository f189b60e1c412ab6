# SPDX-License-Identifier: Apache-2.0
"""SPIFFE bundle documents: a JWK Set with a sequence number and a hint.

What the standard tells a consumer to ignore is ignored: unknown members, entries of
other uses and key types, entries without a certificate, certificates after the
first. Everything else must be right, or nothing of the document is taken. A document
without any entry for us is a bundle that trusts nobody.

The frame is here; what the entries hold is in :mod:`handfast.bundle_x509_entries` and
:mod:`handfast.bundle_jwt_entries`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from handfast.errors import InvalidBundle, Reason, detail_for
from handfast.strict_json import Json, NotStrictJson, is_list, is_object, read_object

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

__all__ = [
    "DOCUMENT_MAX",
    "HINT_MAX",
    "KEYS_MAX",
    "SEQUENCE_MAX",
    "Frame",
    "check_sequence",
    "frame_of",
    "hint_of",
    "read_frame",
    "read_json",
    "refuse",
    "write_frame",
    "write_json",
]

#: Bytes of a document.
DOCUMENT_MAX: Final = 1 << 20
#: Entries of a document, of all uses.
KEYS_MAX: Final = 1000
#: A refresh hint is cut to this: 68 years.
HINT_MAX: Final = (1 << 31) - 1
#: The standard asks for 64 bits of precision, and nobody else has more.
SEQUENCE_MAX: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Frame:
    """A document as it was read: its entries, none of them understood yet."""

    entries: tuple[Json, ...]
    sequence: int | None
    refresh_hint: int | None


def refuse(expected: str, seen: str) -> NoReturn:
    """Refuse a document, all of it."""
    detail = detail_for(Reason.BUNDLE_INVALID, expected=expected, seen=seen)
    raise InvalidBundle(detail)


def read_json(data: bytes | str, *, limit: int = DOCUMENT_MAX) -> Json:
    """Read the JSON object of a document, or of a map of them.

    Raises:
        InvalidBundle: It is none, or too large.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > limit:
        detail = detail_for(
            Reason.LIMIT,
            expected=f"a document of at most {limit} bytes",
            seen=f"{len(raw)} bytes",
        )
        raise InvalidBundle(detail)
    try:
        return read_object(raw)
    except NotStrictJson as error:
        refuse(error.expected, error.seen)


def _integer(document: Json, name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(f"{name} as an integer", type(value).__name__)
    return value


def check_sequence(sequence: int | None) -> None:
    """Refuse a sequence number that is negative, or of more than 64 bits.

    Raises:
        InvalidBundle: It is.
    """
    if sequence is not None and not 0 <= sequence <= SEQUENCE_MAX:
        seen = "less than 0" if sequence < 0 else f"{sequence.bit_length()} bits"
        refuse("spiffe_sequence as a number of at most 64 bits", seen)


def hint_of(document: Json) -> int | None:
    """The refresh hint of a document, cut to something sane; None without one.

    Raises:
        InvalidBundle: It is not an integer.
    """
    hint = _integer(document, "spiffe_refresh_hint")
    # Only a hint: no value of it makes the authorities unusable.
    return None if hint is None else min(max(hint, 0), HINT_MAX)


def frame_of(document: Json) -> Frame:
    """Check the frame of a document.

    Raises:
        InvalidBundle: It is not one.
    """
    keys = document.get("keys")
    if not is_list(keys):
        refuse("an array 'keys'", type(keys).__name__ if keys is not None else "none")
    if len(keys) > KEYS_MAX:
        refuse(f"at most {KEYS_MAX} entries", f"{len(keys)}")
    sequence = _integer(document, "spiffe_sequence")
    check_sequence(sequence)
    hint = hint_of(document)
    entries: list[Json] = []
    for place, entry in enumerate(keys):
        if not is_object(entry):
            refuse(f"entry {place} as an object", type(entry).__name__)
        entries.append(entry)
    return Frame(tuple(entries), sequence, hint)


def read_frame(data: bytes | str) -> Frame:
    """Read a document up to its entries.

    Raises:
        InvalidBundle: It is none, or too large.
    """
    return frame_of(read_json(data))


def write_frame(
    entries: Sequence[Json], sequence: int | None, refresh_hint: int | None
) -> Json:
    """Put a document together, ready to be written."""
    document: Json = {"keys": list(entries)}
    if sequence is not None:
        document["spiffe_sequence"] = sequence
    if refresh_hint is not None:
        document["spiffe_refresh_hint"] = refresh_hint
    return document


def write_json(document: Json) -> bytes:
    """Write a document: ASCII, two spaces, the same bytes for the same content."""
    return json.dumps(document, indent=2).encode("ascii") + b"\n"
