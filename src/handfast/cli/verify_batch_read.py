# SPDX-License-Identifier: Apache-2.0
"""Certificates out of streams of any length, PEM or DER, a piece at a time.

A stream of a million certificates has a broken one somewhere. What is broken is given
back as its reason, in its place, and reading goes on behind it where that is possible:
in PEM at the next block, in DER not at all, as nothing says where the next one begins.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final, Protocol, TypeAlias

from handfast import Reason

#: A certificate, or why there is none in this place.
Found: TypeAlias = bytes | Reason


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Give at most so many; none at the end."""
        ...


_PIECE: Final = 1 << 20
#: No certificate is as large: the engine takes chains of 64 KiB.
BLOCK_MAX: Final = 1 << 20
_BEGIN, _END, _EDGE = b"-----BEGIN ", b"-----END ", b"-----"
_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----[ \t]*[\r\n](.*)-----END CERTIFICATE-----", re.DOTALL
)
_LONG_FORM: Final = 0x80


def read_certificates(stream: Readable, first: bytes = b"") -> Iterator[Found]:
    """Read every certificate of a stream.

    Args:
        stream: Where it comes from.
        first: What was read of it before.
    """
    first = first or stream.read(_PIECE)
    pieces = chain([first], iter(lambda: stream.read(_PIECE), b""))
    return _der(pieces) if is_der(first) else _pem(pieces)


def is_der(data: bytes) -> bool:
    """Whether it begins as a certificate does in DER; no text can."""
    # A SEQUENCE of more than 127 bytes: the second byte is none of ASCII.
    return data[:1] == b"\x30" and data[1:2] >= b"\x80"


def _pem(pieces: Iterator[bytes]) -> Iterator[Found]:
    rest, any_block = b"", False
    for piece in pieces:
        rest += piece
        found, used = _blocks(rest)
        any_block = any_block or bool(found)
        yield from found
        # The last byte stays: a block begins on a line of its own.
        rest = rest[max(used - 1, 0) :]
        if len(rest) > BLOCK_MAX:  # no end in sight
            if _EDGE in rest:
                any_block = True
                yield Reason.PEM_INVALID
            rest = rest[-len(_BEGIN) :]
    if _EDGE in rest or not any_block:
        yield Reason.PEM_INVALID


def _blocks(text: bytes) -> tuple[list[Found], int]:
    """Find the blocks that are there to their ends, and say how much that was."""
    found: list[Found] = []
    # Each end is looked for once, however many beginnings stand before it.
    used = end = close = 0
    while (start := text.find(_BEGIN, used)) >= 0:
        inside = start + len(_BEGIN)
        if 0 <= end < inside:
            end = text.find(_END, inside)
            close = text.find(_EDGE, end + len(_END)) if end >= 0 else -1
        again = text.find(_BEGIN, inside, end if end >= 0 else len(text))
        if again < 0 and close < 0:
            break
        if _EDGE in text[used:start]:  # an end without a beginning, or a torn one
            found.append(Reason.PEM_INVALID)
        if again >= 0:
            found.append(Reason.PEM_INVALID)
            used = again
            continue
        used = close + len(_EDGE)
        at_line = start == 0 or text[start - 1 : start] in b"\r\n"
        found.append(_decode(text[start:used]) if at_line else Reason.PEM_INVALID)
    return found, used


def _decode(block: bytes) -> Found:
    """The same strictness as handfast.pem, at a million blocks a few seconds."""
    match = _CERTIFICATE.fullmatch(block)
    if match is None:
        return Reason.PEM_INVALID
    try:
        text = match[1].translate(None, b" \t\r\n")
        return base64.b64decode(text, validate=True) or Reason.PEM_INVALID
    except (ValueError, binascii.Error):
        return Reason.PEM_INVALID


def _der(pieces: Iterator[bytes]) -> Iterator[Found]:
    rest = b""
    for piece in pieces:
        rest += piece
        at = 0
        while at < len(rest):
            end = _end_of(rest, at)
            if end is None:  # its length is not all there yet
                break
            if isinstance(end, Reason):
                yield end
                return
            if end > len(rest):
                break
            yield rest[at:end]
            at = end
        rest = rest[at:]
    if rest:
        yield Reason.DER_TRUNCATED


def _end_of(data: bytes, at: int) -> int | Reason | None:
    """Where the element ends; None when its header is not all there."""
    header = data[at : at + 6]
    if header[0] != 0x30:  # noqa: PLR2004 - a SEQUENCE
        return Reason.DER_TAG
    if len(header) < 2:  # noqa: PLR2004 - tag and length
        return None
    length, digits = header[1], max(header[1] - _LONG_FORM, 0)
    if length == _LONG_FORM or digits > 4:  # noqa: PLR2004 - up to 4 GiB
        return Reason.DER_LENGTH
    if len(header) < 2 + digits:
        return None
    if digits:
        length = int.from_bytes(header[2 : 2 + digits], "big")
    return at + 2 + digits + length if length <= BLOCK_MAX else Reason.CHAIN_TOO_LARGE
