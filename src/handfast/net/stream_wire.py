# SPDX-License-Identifier: Apache-2.0
"""TLS over any other trio stream: in memory, over a pipe, over another TLS stream.

The connection runs without I/O; bytes are carried between it and the transport.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from handfast.errors import HandfastError, Reason, TransportError, detail_for
from handfast.net.wire import CLOSE_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from handfast.tls import Connection

__all__ = ["StreamWire"]

# One large read: more than three full records.
_READ: Final = 65536

# As on sockets: what waits inside the engine is bounded.
_CHUNK: Final = 65536

# How long a refused peer may take to let the alert be sent.
_ALERT_TIMEOUT: Final = 1.0


class StreamWire:
    """A connection on a trio stream; see :class:`~handfast.net.wire.Wire`."""

    __slots__ = ("_connection", "torn", "transport")

    def __init__(self, transport: trio.abc.Stream, connection: Connection) -> None:
        self.transport = transport
        self.torn = False
        self._connection = connection

    async def _send_pending(self) -> None:
        if self.torn:
            raise trio.BrokenResourceError(
                "an earlier send was stopped in the middle: how much of a record the "
                "transport took cannot be known"
            )
        data = self._connection.to_send()
        if not data:
            return
        try:
            await self.transport.send_all(data)
        except BaseException:
            self.torn = True
            raise

    async def _receive_more(self) -> None:
        # Empty is the transport's end, and for the connection that is what it means.
        self._connection.receive(await self.transport.receive_some(_READ))

    async def handshake(self) -> None:
        """Carry flights until the handshake is done.

        Cancelled while it waits for the peer, it can be gone on with; cancelled while
        it sends, it cannot.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            while not self._connection.handshake():
                await self._send_pending()
                await self._receive_more()
            await self._send_pending()
        except trio.BrokenResourceError as error:
            raise TransportError(
                detail_for(Reason.CONNECTION_RESET, seen=f"{error}")
            ) from error
        except HandfastError:
            with trio.move_on_after(_ALERT_TIMEOUT), suppress(trio.BrokenResourceError):
                await self._send_pending()
            raise
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send by chunks; cancelled, nothing can be sent any more."""
        await trio.lowlevel.checkpoint_if_cancelled()
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK):
            if start:
                # A send that stops here stops between two records, and still the
                # application's message is cut.
                await self._checkpoint_or_tear()
            self._connection.send(view[start : start + _CHUNK])
            await self._send_pending()
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def _checkpoint_or_tear(self) -> None:
        try:
            await trio.lowlevel.checkpoint()
        except BaseException:
            self.torn = True
            raise

    async def send_eof(self) -> None:
        """Send close_notify; cancelled, nothing can be sent any more."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._connection.close()
        await self._send_pending()
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def wait_writable(self) -> None:
        """Ask the transport."""
        await self.transport.wait_send_all_might_not_block()

    def receive_now(self, max_bytes: int) -> bytes | None:
        """Read what was taken from the transport."""
        data = self._connection.read(max_bytes)
        return data if data or self._connection.closed_by_peer else None

    def wait_more(self) -> Awaitable[object]:
        """Receive from the transport."""
        return self._receive_more()

    def is_quiet(self) -> bool:
        """Say what the connection knows: a transport cannot be read without waiting."""
        incoming, _outgoing = self._connection.pending
        return not incoming and not self._connection.closed_by_peer

    def last_words(self) -> HandfastError | None:
        """Nothing: a transport cannot be read without waiting."""
        return None

    async def close(self, *, polite: bool) -> None:
        """Close the transport in any case; the peer is told when it lets us."""
        try:
            if polite:
                # On failure there is nobody to be polite to.
                with (
                    trio.move_on_after(CLOSE_TIMEOUT),
                    suppress(trio.BrokenResourceError, trio.ClosedResourceError),
                ):
                    await self._say_goodbye()
        finally:
            await trio.aclose_forcefully(self.transport)
        await trio.lowlevel.checkpoint()

    async def _say_goodbye(self) -> None:
        with suppress(HandfastError):
            # A connection that failed has no close_notify to give, but maybe an alert.
            self._connection.close()
        await self._send_pending()
        await self.transport.aclose()
