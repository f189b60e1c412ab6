# SPDX-License-Identifier: Apache-2.0
"""What a channel and a server's connection talk over: a socket, or TLS on one."""

from __future__ import annotations

from typing import Final, Protocol

import trio

__all__ = ["Transport", "transport_over"]

# Of a TLS record. So little goes at once, as it cannot be taken back.
_AT_ONCE: Final = 16384
_PATIENCE: Final = 10.0


class Transport(Protocol):
    """Bytes both ways, one task a direction."""

    async def receive_some(self, max_bytes: int, /) -> bytes | bytearray:
        """Return what is there; nothing at the end."""
        ...

    async def send_some(self, data: bytes, /) -> int:
        """Send some, and return how much.

        Cancellation: nothing was sent.

        Raises:
            OSError, trio.BrokenResourceError, trio.ClosedResourceError: it is gone.
        """
        ...

    async def aclose(self) -> None:
        """Close it."""
        ...


def transport_over(stream: trio.abc.Stream) -> Transport:
    """Make the transport of a stream, whose owner it is from now on."""
    if isinstance(stream, trio.SocketStream):
        return _OverSocket(stream)
    return _OverStream(stream)


class _OverSocket:
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def receive_some(self, max_bytes: int, /) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def send_some(self, data: bytes, /) -> int:
        return await self._stream.socket.send(data)

    async def aclose(self) -> None:
        await self._stream.aclose()


class _OverStream:
    """A stream that sends all or breaks: what has begun is finished, if it can be."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def receive_some(self, max_bytes: int, /) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def send_some(self, data: bytes, /) -> int:
        await trio.lowlevel.checkpoint_if_cancelled()
        part = data[:_AT_ONCE]
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _PATIENCE):
            await self._stream.send_all(part)
            return len(part)
        raise trio.BrokenResourceError("the other end takes nothing")

    async def aclose(self) -> None:
        await self._stream.aclose()
