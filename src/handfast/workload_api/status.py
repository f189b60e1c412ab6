# SPDX-License-Identifier: Apache-2.0
"""gRPC status: its codes, how it travels, and the error that it is here."""

from __future__ import annotations

import enum
import re
from typing import Any, Final

from handfast.errors import Reason, SourceError, detail_for
from handfast.text import escape

__all__ = [
    "PermissionDenied",
    "RpcError",
    "StatusCode",
    "read_message",
    "read_status",
    "status_of_http",
    "status_of_reset",
    "write_message",
]

# Characters of a status message that are kept: it is for a person, and a stranger's.
_MESSAGE_MAX: Final = 1024
_ESCAPED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_PRINTABLE: Final = range(0x20, 0x7F)
_DIGITS: Final = re.compile(r"[0-9]{1,4}")


class StatusCode(enum.IntEnum):
    """How a call ended (gRPC's numbers)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_REASONS: Final = {
    StatusCode.UNAVAILABLE: Reason.SOURCE_UNAVAILABLE,
    StatusCode.DEADLINE_EXCEEDED: Reason.SOURCE_UNAVAILABLE,
    StatusCode.PERMISSION_DENIED: Reason.SOURCE_REFUSED,
}


class RpcError(SourceError):
    """A call of the Workload API that did not end well.

    A server's handler raises it to answer with a status; a client gets it.

    Args:
        code: How it ended.
        message: What the other side says about it, or why it was ended here.
        reason: What handfast says; the code's own when left out.
    """

    def __init__(
        self, code: StatusCode, message: str = "", *, reason: Reason | None = None
    ) -> None:
        said = escape(message, limit=_MESSAGE_MAX)
        seen = f"{code.name}: {said}" if said else code.name
        told = reason or _REASONS.get(code, Reason.SOURCE_FAILED)
        super().__init__(detail_for(told, seen=seen))
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.code, self.message, self.reason)


class PermissionDenied(RpcError):  # noqa: N818 - as the standard calls it
    """There is no identity for this caller (WAPI-19), or none any more (WAPI-51)."""

    def __init__(self, message: str = "no identity issued") -> None:
        super().__init__(StatusCode.PERMISSION_DENIED, message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,)


def _again(code: StatusCode, message: str, reason: Reason) -> RpcError:
    return RpcError(code, message, reason=reason)


def read_status(text: str) -> StatusCode:
    """Read ``grpc-status``; a number that nobody has defined is UNKNOWN.

    Raises:
        ValueError: it is no number.
    """
    if not _DIGITS.fullmatch(text):
        raise ValueError(f"grpc-status is no number: {escape(text)}")
    try:
        return StatusCode(int(text))
    except ValueError:
        return StatusCode.UNKNOWN


def read_message(text: str) -> str:
    """Read ``grpc-message``: percent-encoded UTF-8; broken encoding stays as it is.

    Example:
        >>> read_message("no%20such%20entry %zz")
        'no such entry %zz'
    """
    raw = text.encode("utf-8", "surrogateescape")[: 3 * _MESSAGE_MAX]
    plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), raw)
    return plain.decode("utf-8", "replace")[:_MESSAGE_MAX]


def write_message(text: str) -> str:
    """Write ``grpc-message``.

    Example:
        >>> write_message("50 % more")
        '50 %25 more'
    """
    raw = text[:_MESSAGE_MAX].encode("utf-8", "replace")
    written = "".join(
        chr(byte) if byte in _PRINTABLE and byte != ord("%") else f"%{byte:02X}"
        for byte in raw
    )
    # Headers lose the spaces at their ends on the way.
    inner = written.strip(" ")
    head, _, tail = written.partition(inner) if inner else ("", "", written)
    return "%20" * len(head) + inner + "%20" * len(tail)


_HTTP: Final = {
    400: StatusCode.INTERNAL,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.UNIMPLEMENTED,
    429: StatusCode.UNAVAILABLE,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.UNAVAILABLE,
}

_RESET: Final = {
    0x7: StatusCode.UNAVAILABLE,  # REFUSED_STREAM
    0x8: StatusCode.CANCELLED,  # CANCEL
    0xB: StatusCode.RESOURCE_EXHAUSTED,  # ENHANCE_YOUR_CALM
    0xC: StatusCode.PERMISSION_DENIED,  # INADEQUATE_SECURITY
}


def status_of_http(status: int) -> StatusCode:
    """What an answer that is not gRPC's means (gRPC's own table)."""
    return _HTTP.get(status, StatusCode.UNKNOWN)


def status_of_reset(code: int) -> StatusCode:
    """What RST_STREAM means (gRPC's own table)."""
    return _RESET.get(code, StatusCode.INTERNAL)
