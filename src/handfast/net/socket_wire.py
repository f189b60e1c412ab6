# SPDX-License-Identifier: Apache-2.0
"""TLS straight on a socket: one crossing into C receives, steps and sends.

trio waits for readiness and does nothing else. The engine never blocks: a step returns
what it waits for, and this module waits for it. The socket's number is asked for again
before every step, because a number that was closed may already be another connection's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from handfast.errors import HandfastError, PeerAlert
from handfast.net.wire import CLOSE_TIMEOUT
from handfast.tls import Want

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from handfast.tls import Connection

__all__ = ["SocketWire"]

# A step encrypts all that it is given before it sends, so it is given this much at
# most: four records, which also bounds what waits inside the engine.
_CHUNK: Final = 65536

# How much is read, at most, to find out why a peer has hung up.
_LAST_READS: Final = 64

# Flags are compared as numbers: WRITE alone or with READ is the larger half.
_WRITE: Final = int(Want.WRITE)


class SocketWire:
    """A connection on a trio socket; see :class:`~handfast.net.wire.Wire`."""

    __slots__ = ("_connection", "_early", "_fileno", "_socket", "torn", "transport")

    def __init__(self, transport: trio.SocketStream, connection: Connection) -> None:
        self.transport = transport
        self.torn = False
        self._early = b""
        self._socket = transport.socket
        self._fileno = transport.socket.fileno
        self._connection = connection

    def _fd(self) -> int:
        fd = self._fileno()
        if fd < 0:
            raise trio.ClosedResourceError("this stream was closed")
        return fd

    async def handshake(self) -> None:
        """Step, wait for the peer, step: two or three times.

        Cancelled, it can be gone on with.
        """
        step, socket = self._connection.handshake_fd, self._socket
        await trio.lowlevel.checkpoint_if_cancelled()
        done, want = step(self._fd())
        if done and want < _WRITE:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        while not done:
            if want >= _WRITE:
                # Our flight first: the peer has nothing to answer before it.
                await trio.lowlevel.wait_writable(socket)
            else:
                await trio.lowlevel.wait_readable(socket)
            done, want = step(self._fd())
        await self._flush(want)

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send by chunks.

        Cancelled, the encrypted rest of the current chunk stays with the connection and
        goes out before anything else: the records are never cut.
        """
        connection, length = self._connection, len(data)
        await trio.lowlevel.checkpoint_if_cancelled()
        if length <= _CHUNK:
            taken, want = connection.write_fd(self._fd(), data)
            if taken == length and want < _WRITE:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return
        else:
            taken, want = 0, Want.NOTHING
        # Views are left to their last reference: an error on its way up may hold one,
        # and releasing it by hand would fail and hide that error.
        view = memoryview(data)
        try:
            while True:
                if want >= _WRITE:
                    await self._flush(want)
                elif taken < length:
                    # A peer that reads as fast as we send must not keep us from other
                    # tasks, nor from being cancelled.
                    await trio.lowlevel.checkpoint()
                if taken == length:
                    break
                count, want = connection.write_fd(
                    self._fd(), view[taken : taken + _CHUNK]
                )
                taken += count
        except BaseException:
            self.torn = self.torn or 0 < taken < length
            raise

    async def _flush(self, want: Want) -> None:
        while want >= _WRITE:
            await trio.lowlevel.wait_writable(self._socket)
            want = self._connection.flush_fd(self._fd())

    async def send_eof(self) -> None:
        """Send close_notify; cancelled, it goes out with the next step."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._connection.close()
        await self._flush(self._connection.flush_fd(self._fd()))
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def wait_writable(self) -> None:
        """Wait for room in the socket."""
        self._fd()
        await trio.lowlevel.wait_writable(self._socket)

    def receive_now(self, max_bytes: int) -> bytes | None:
        """Read, in one crossing."""
        if self._early:
            early, self._early = self._early[:max_bytes], self._early[max_bytes:]
            return early
        data = self._connection.read_fd(self._fd(), max_bytes)
        return None if isinstance(data, Want) else data

    def wait_more(self) -> Awaitable[object]:
        """Wait for the socket."""
        return trio.lowlevel.wait_readable(self._socket)  # noqa: ASYNC105 - caller does

    def is_quiet(self) -> bool:
        """Read what is there; data is kept for `receive`."""
        try:
            data = self._connection.read_fd(self._fd(), _CHUNK)
        except (HandfastError, trio.ClosedResourceError):
            return False
        if isinstance(data, Want):
            return not self._early
        self._early += data
        return False

    def last_words(self) -> HandfastError | None:
        """Read what arrived: an alert among it says more than that sending failed.

        Data before it is kept for `receive`.
        """
        try:
            for _ in range(_LAST_READS):
                data = self._connection.read_fd(self._fd(), _CHUNK)
                if isinstance(data, Want) or not data:
                    break
                self._early += data
        except PeerAlert as alert:
            return alert
        except (HandfastError, trio.ClosedResourceError):
            pass
        return None

    async def close(self, *, polite: bool) -> None:
        """Close the socket in any case; the peer is told when there is room to."""
        try:
            if polite:
                await trio.lowlevel.checkpoint_if_cancelled()
                # On failure the peer is gone, or the socket: nobody to be polite to.
                try:  # noqa: SIM105 - every stream comes here, and suppress() costs more
                    await self._say_goodbye()
                except (HandfastError, trio.ClosedResourceError):
                    pass
        finally:
            self._socket.close()
        await trio.lowlevel.checkpoint()

    def abandon(self) -> None:
        """Close the socket without a word: whoever waits for it finds it closed."""
        self._socket.close()

    async def _say_goodbye(self) -> None:
        want = self._connection.close_fd(self._fd())
        if want >= _WRITE:
            with trio.move_on_after(CLOSE_TIMEOUT):
                await self._flush(want)
