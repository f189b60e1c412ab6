# SPDX-License-Identifier: Apache-2.0
"""Write DER by hand, also such as no library would write.

Example:
    >>> sequence(integer(1), oid("2.5.4.3")).hex()
    '30080201010603550403'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "bit_string",
    "boolean",
    "common_name",
    "context",
    "integer",
    "octet_string",
    "oid",
    "sequence",
    "time",
    "tlv",
]

_SHORT: Final = 0x80
# UTCTime has two digits for the year: 1950 to 2049 (RFC 5280, section 4.1.2.5).
_UTC_YEARS: Final = range(1950, 2050)


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: tag, minimal length, content."""
    content = b"".join(parts)
    if len(content) < _SHORT:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, _SHORT | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE."""
    return tlv(0x30, *parts)


def context(number: int, *parts: bytes, constructed: bool = True) -> bytes:
    """A context-specific element: ``[number]``."""
    return tlv((0xA0 if constructed else 0x80) | number, *parts)


def integer(value: int) -> bytes:
    """An INTEGER of the least bytes, negative ones too."""
    size = (value.bit_length() if value >= 0 else (value + 1).bit_length()) // 8 + 1
    return tlv(0x02, value.to_bytes(size, "big", signed=True))


def boolean(value: bool) -> bytes:  # noqa: FBT001 - what else would it take
    """A BOOLEAN as DER has it."""
    return tlv(0x01, b"\xff" if value else b"\x00")


def octet_string(*parts: bytes) -> bytes:
    """An OCTET STRING."""
    return tlv(0x04, *parts)


def bit_string(content: bytes, *, unused: int = 0) -> bytes:
    """A BIT STRING."""
    return tlv(0x03, bytes([unused]), content)


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.insert(0, 0x80 | (arc & 0x7F))
        content += bytes(digits)
    return tlv(0x06, content)


def time(moment: datetime) -> bytes:
    """A UTCTime or GeneralizedTime, as RFC 5280 chooses between them."""
    if moment.year in _UTC_YEARS:
        return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode("ascii"))
    # strftime does not pad years before 1000 on every platform.
    text = f"{moment.year:04d}{moment.strftime('%m%d%H%M%SZ')}"
    return tlv(0x18, text.encode("ascii"))


def common_name(text: str) -> bytes:
    """A Name of one common name; the empty Name for an empty text."""
    if not text:
        return sequence()
    attribute = sequence(oid("2.5.4.3"), tlv(0x0C, text.encode("utf-8")))
    return sequence(tlv(0x31, attribute))
