# SPDX-License-Identifier: Apache-2.0
"""Strict PEM (RFC 7468): blocks of a kind in, DER out, and back.

Text between blocks is a comment. What looks like a block and is not one is refused,
so that a file that was cut in the middle is never read as a shorter one.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NoReturn

from handfast.errors import InvalidCertificate, Reason, detail_for
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

__all__ = ["CERTIFICATE", "CRL", "is_pem", "read_pem", "write_pem"]

CERTIFICATE: Final = "CERTIFICATE"
CRL: Final = "X509 CRL"

_LINE: Final = 64
_EDGE = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]+)-----[ \t]*")
# Python's own idea of a blank has more: of a byte 0x85 or 0xA0, and of U+2003.
_NO_BLANKS: Final = str.maketrans("", "", " \t")


def _refuse(expected: str, seen: str) -> NoReturn:
    raise InvalidCertificate(
        detail_for(Reason.PEM_INVALID, expected=expected, seen=seen)
    )


def _decode(label: str, lines: list[str]) -> bytes:
    if any(":" in line for line in lines):
        # Proc-Type and DEK-Info: the old way to say that it is encrypted.
        _refuse("a block without headers", f"{label} with headers (encrypted?)")
    try:
        return base64.b64decode("".join(lines).translate(_NO_BLANKS), validate=True)
    except (ValueError, binascii.Error):
        _refuse(f"base64 in {label}", "something else")


def is_pem(data: bytes) -> bool:
    """Whether a file is meant to be PEM: DER has no reason to hold such an edge."""
    return b"-----BEGIN" in data


def read_pem(data: bytes | str, *labels: str) -> list[tuple[str, bytes]]:
    """Read every block.

    Args:
        data: The text.
        labels: Which kinds of block may be there, ``CERTIFICATE`` for example.

    Returns:
        Label and DER of each block, in order; at least one.

    Raises:
        InvalidCertificate: A block is damaged, of another kind, or there is none.
    """
    text = data if isinstance(data, str) else data.decode("latin-1")
    blocks: list[tuple[str, bytes]] = []
    label: str | None = None
    body: list[str] = []
    for line in re.split(r"\r\n|\r|\n", text):
        if "-----" not in line:
            if label is not None:
                body.append(line)
            continue
        edge = _EDGE.fullmatch(line)
        wanted = "BEGIN" if label is None else "END"
        if edge is None or edge[1] != wanted or label not in {None, edge[2]}:
            _refuse(f"a line -----{wanted} ...-----", f"'{escape(line, limit=40)}'")
        if label is not None:
            blocks.append((label, _decode(label, body)))
            label = None
            continue
        if edge[2] not in labels:
            _refuse(" or ".join(labels), edge[2])
        label, body = edge[2], []
    if label is not None:
        _refuse(f"-----END {label}-----", "the end of the text")
    if not blocks:
        _refuse(f"a block: {' or '.join(labels)}", "none")
    return blocks


def write_pem(label: str, elements: Iterable[bytes]) -> bytes:
    """Write a block for each element.

    Example:
        >>> print(write_pem("CERTIFICATE", [b"0"]).decode(), end="")
        -----BEGIN CERTIFICATE-----
        MA==
        -----END CERTIFICATE-----
    """
    text = ""
    for der in elements:
        body = base64.b64encode(der).decode("ascii")
        lines = [body[at : at + _LINE] for at in range(0, len(body), _LINE)]
        text += "\n".join(
            (f"-----BEGIN {label}-----", *lines, f"-----END {label}-----")
        )
        text += "\n"
    return text.encode("ascii")
