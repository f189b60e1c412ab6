# SPDX-License-Identifier: Apache-2.0
"""A look at HTTP/2 frames before h2 gets them.

h2 reads a frame when all of it has come, ends a connection for good at the first
GOAWAY, and counts nothing. So bytes pass a gate first:

1. a frame's length is judged when its header is there, not when 16 MiB were buffered;
2. so is the sum of a header block, however many CONTINUATIONs it comes in;
3. GOAWAY is taken out: it is often only an announcement, and calls go on after it;
4. frames that no peer of ours has a use for are refused (PUSH_PROMISE) or left out
   (unknown types, priorities);
5. frames that carry next to nothing are counted and paid for, so that a flood of them,
   of whichever kind, ends the connection.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from h2.errors import ErrorCodes

from handfast.errors import Reason
from handfast.workload_api.limits import WireLimits
from handfast.workload_api.status import RpcError, StatusCode

__all__ = ["FrameGate", "GoAway", "WireError"]

_PREFACE: Final = 24
_HEADER: Final = 9
_FRAME_MAX: Final = 16384
_DATA, _HEADERS, _PRIORITY, _PUSH, _GOAWAY, _CONTINUATION = 0x0, 0x1, 0x2, 0x5, 0x7, 0x9
_END_STREAM, _END_HEADERS, _PADDED = 0x1, 0x4, 0x8
_GOAWAY_FACTS: Final = struct.Struct("!II")
_STREAM_ID: Final = 0x7FFFFFFF
# A DATA frame below this size does not pay for itself.
_TINY: Final = 64


class WireError(RpcError):
    """The other side broke HTTP/2, or a limit: the connection is over.

    Attributes:
        http2_code: What it is told in our GOAWAY.
    """

    def __init__(
        self, message: str, http2_code: ErrorCodes = ErrorCodes.PROTOCOL_ERROR
    ) -> None:
        super().__init__(StatusCode.UNAVAILABLE, message, reason=Reason.SOURCE_PROTOCOL)
        self.http2_code = http2_code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.http2_code)


@dataclass(frozen=True, slots=True)
class GoAway:
    """The other side takes no more calls; those up to `last_stream` may go on."""

    last_stream: int
    code: int
    text: bytes


class FrameGate:
    """Passes on what h2 is to see of the bytes that came.

    Args:
        server: Whether we are the server, who reads the client's preface first.
        limits: What is taken.
    """

    __slots__ = (
        "_block",
        "_captured",
        "_header",
        "_is_dropped",
        "_left",
        "_limits",
        "_paid_at",
        "_preface",
        "_purse",
    )

    def __init__(self, *, server: bool, limits: WireLimits) -> None:
        self._preface = _PREFACE if server else 0
        self._limits = limits
        self._header = bytearray()
        self._left = 0  # of the payload of the frame that we are in
        self._block: int | None = None  # bytes of the header block that we are in
        self._captured: bytearray | None = None  # payload of a GOAWAY
        self._is_dropped = False
        self._purse = float(limits.control_burst)
        self._paid_at: float | None = None

    def feed(self, data: bytes, now: float) -> list[bytes | GoAway]:
        """Take bytes; return those for h2, and the announcements between them.

        Raises:
            WireError: the other side went too far.
        """
        view = memoryview(data)
        passed = bytearray()
        found: list[bytes | GoAway] = []
        if self._preface:
            passed += view[: self._preface]
            taken = min(len(view), self._preface)
            self._preface -= taken
            view = view[taken:]
        while view:
            if not self._left:
                need = _HEADER - len(self._header)
                self._header += view[:need]
                view = view[need:]
                if len(self._header) < _HEADER:
                    break
                if self._begin(now):
                    passed += self._header
                self._header.clear()
            part = view[: self._left]
            view = view[len(part) :]
            self._left -= len(part)
            if self._captured is not None:
                self._captured += part
            elif not self._is_dropped:
                passed += part
            if not self._left and self._captured is not None:
                found += [bytes(passed), _read_goaway(bytes(self._captured))]
                passed.clear()
                self._captured = None
        return [*found, bytes(passed)]

    def _begin(self, now: float) -> bool:
        """Judge a frame by its header; return whether h2 is to see it."""
        length = int.from_bytes(self._header[:3], "big")
        kind, flags = self._header[3], self._header[4]
        if length > _FRAME_MAX:
            raise WireError(
                f"a frame of {length} bytes; at most {_FRAME_MAX} are taken",
                ErrorCodes.FRAME_SIZE_ERROR,
            )
        if kind == _PUSH:
            raise WireError("a pushed promise: pushing is switched off")
        if self._block is not None and kind != _CONTINUATION:
            raise WireError(f"a frame of type {kind} inside a header block")
        if kind in {_HEADERS, _CONTINUATION}:
            self._count_block(length, ended=bool(flags & _END_HEADERS))
        if _is_control(kind, flags, length):
            self._pay(now)
        self._left = length
        if kind == _GOAWAY:
            # h2 would insist on stream 0 and on the size: so do we.
            if int.from_bytes(self._header[5:], "big") & _STREAM_ID:
                raise WireError("GOAWAY on a stream")
            if length < _GOAWAY_FACTS.size:
                raise WireError("a short GOAWAY", ErrorCodes.FRAME_SIZE_ERROR)
            self._captured = bytearray()
            return False
        self._is_dropped = kind == _PRIORITY or kind > _CONTINUATION
        return not self._is_dropped

    def _count_block(self, length: int, *, ended: bool) -> None:
        block = (self._block or 0) + length
        if block > self._limits.header_list:
            raise WireError(
                f"headers of more than {self._limits.header_list} bytes",
                ErrorCodes.ENHANCE_YOUR_CALM,
            )
        self._block = None if ended else block

    def _pay(self, now: float) -> None:
        limits = self._limits
        earned = 0.0 if self._paid_at is None else now - self._paid_at
        self._paid_at = now
        self._purse += max(earned, 0.0) * limits.control_rate
        self._purse = min(self._purse, float(limits.control_burst)) - 1
        if self._purse < 0:
            raise WireError(
                f"a flood: more than {limits.control_burst} control frames at once, "
                f"or {limits.control_rate:g} a second",
                ErrorCodes.ENHANCE_YOUR_CALM,
            )


def _is_control(kind: int, flags: int, length: int) -> bool:
    if kind == _DATA:
        if flags & _END_STREAM:
            return False
        return length < _TINY or bool(flags & _PADDED)
    return kind != _HEADERS


def _read_goaway(payload: bytes) -> GoAway:
    last, code = _GOAWAY_FACTS.unpack_from(payload)
    return GoAway(last & _STREAM_ID, code, payload[_GOAWAY_FACTS.size :][:256])
