# SPDX-License-Identifier: Apache-2.0
"""The first bytes of a connection: read to be looked at, and none of them lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from handfast.errors import Reason, TransportError, Truncated, detail_for

if TYPE_CHECKING:
    from handfast.net.origin import Address

__all__ = ["Beginning"]

# Read at once: a ClientHello, with a PROXY header before it, comes in one piece.
_READ: Final = 4096


class Beginning:
    """What a connection has said so far.

    Whoever goes on with the connection takes `data` before anything else; nobody reads
    from the transport behind its back. How much is read is bounded by what is asked
    for, and how long it takes by whoever asks.

    Attributes:
        transport: Where it comes from.
        source: Whom a proxy speaks for, when one was believed.
    """

    __slots__ = ("_data", "_ended", "source", "transport")

    def __init__(self, transport: trio.abc.Stream) -> None:
        self.transport = transport
        self.source: Address | None = None
        self._data = b""
        self._ended = False

    @property
    def data(self) -> bytes:
        """What came and was not dropped."""
        return self._data

    def drop(self, count: int) -> None:
        """Forget what was understood."""
        self._data = self._data[count:]

    async def has(self, count: int) -> bool:
        """Wait until there are so many bytes, or the peer has ended.

        Cancellation: nothing is lost.

        Raises:
            TransportError: the connection broke.
        """
        await trio.lowlevel.checkpoint()
        while len(self._data) < count and not self._ended:
            try:
                more = await self.transport.receive_some(_READ)
            except trio.BrokenResourceError as error:
                detail = detail_for(Reason.CONNECTION_RESET, seen=f"{error}")
                raise TransportError(detail) from error
            self._data += more
            self._ended = not more
        return len(self._data) >= count

    async def need(self, count: int, *, expected: str) -> None:
        """Wait for so many bytes.

        Cancellation: nothing is lost.

        Raises:
            Truncated: the peer ended before.
            TransportError: the connection broke.
        """
        if not await self.has(count):
            seen = f"the end of the stream after {len(self._data)} bytes"
            raise Truncated(detail_for(Reason.TRUNCATED, expected=expected, seen=seen))
