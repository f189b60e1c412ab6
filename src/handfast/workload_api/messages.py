# SPDX-License-Identifier: Apache-2.0
"""Length-prefixed messages: how gRPC puts them into a stream of bytes."""

from __future__ import annotations

import struct
from typing import Final

from handfast.workload_api.status import RpcError, StatusCode

__all__ = ["MessageReader", "frame_message"]

_PREFIX: Final = struct.Struct("!BI")


def frame_message(message: bytes) -> bytes:
    """Put the prefix before a message: not compressed, so many bytes."""
    return _PREFIX.pack(0, len(message)) + message


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
