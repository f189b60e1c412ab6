# SPDX-License-Identifier: Apache-2.0
"""Length-prefixed messages: how gRPC puts them into a stream of bytes."""

from __future__ import annotations

import struct
from typing import Final

from handfast.workload_api.status import RpcError, StatusCode

__all__ = ["MessageReader", "count_fields", "frame_message"]

_PREFIX: Final = struct.Struct("!BI")
# Wire types of protobuf.
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_VARINT_MAX: Final = 10


def frame_message(message: bytes) -> bytes:
    """Put the prefix before a message: not compressed, so many bytes."""
    return _PREFIX.pack(0, len(message)) + message


def count_fields(message: bytes, most: int) -> int:
    r"""Count the fields of a protobuf message, without what is in them.

    Args:
        message: Any bytes; what cannot be read ends the count.
        most: Where counting ends.

    Example:
        >>> count_fields(b"\n\0" * 7, 100), count_fields(b"\n\0" * 7, 3)
        (7, 4)
    """
    at, count, size = 0, 0, len(message)
    while at < size and count <= most:
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _LENGTH:
            length, at = _varint(message, at)
            at += length
        elif kind == _VARINT:
            _, at = _varint(message, at)
        else:
            at += {_FIXED64: 8, _FIXED32: 4}.get(kind, size)
        count += 1
    return count


def _varint(message: bytes, start: int) -> tuple[int, int]:
    """Read a number; return it and where it ends."""
    value = 0
    for place, byte in enumerate(message[start : start + _VARINT_MAX]):
        value |= (byte & 0x7F) << (7 * place)
        if byte <= 0x7F:  # noqa: PLR2004 - the last one has no high bit
            return value, start + place + 1
    return value, len(message)


class MessageReader:
    """Takes messages out of the bytes of one call, in whatever pieces they come.

    Args:
        limit: Bytes of one message; a longer one is refused by its prefix alone.

    Example:
        >>> reader = MessageReader(limit=100)
        >>> reader.feed(frame_message(b"one") + frame_message(b"two")[:4])
        [b'one']
        >>> reader.feed(frame_message(b"two")[4:])
        [b'two']
    """

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit

    @property
    def is_inside(self) -> bool:
        """Whether part of a message is there and the rest is not."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages that are complete now.

        Raises:
            RpcError: a message is compressed, which nobody agreed to, or too long.
        """
        buffer = self._buffer
        buffer += data
        found: list[bytes] = []
        start = 0
        while len(buffer) - start >= _PREFIX.size:
            compressed, length = _PREFIX.unpack_from(buffer, start)
            self._check(compressed, length)
            end = start + _PREFIX.size + length
            if len(buffer) < end:
                break
            found.append(bytes(buffer[start + _PREFIX.size : end]))
            start = end
        del buffer[:start]
        return found

    def _check(self, compressed: int, length: int) -> None:
        if compressed:
            raise RpcError(
                StatusCode.INTERNAL,
                f"a message has flag {compressed}: compression was not agreed on",
            )
        if length > self._limit:
            raise RpcError(
                StatusCode.RESOURCE_EXHAUSTED,
                f"a message of {length} bytes; at most {self._limit} are taken",
            )
