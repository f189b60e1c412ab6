# SPDX-License-Identifier: Apache-2.0
"""The sending side of a stream of mutual TLS; see `stream` for the invariants."""

from __future__ import annotations

from abc import abstractmethod
from typing import NoReturn

import trio

from handfast.errors import HandfastError, TransportError
from handfast.net.failures import again, break_with
from handfast.net.stream_facts import StreamFacts

__all__ = ["SendingStream"]


class SendingStream(StreamFacts):
    """How every :class:`MtlsStream` sends."""

    _sent_eof: bool

    @abstractmethod
    async def _need_handshake(self) -> None: ...

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send data, encrypted.

        Cancellation: some, all or none of the data may have been sent. Over a socket
        the stream stays good, and what was encrypted already goes out first. Over
        another transport nothing more can be sent when it was cancelled in the middle.
        After a send that stopped between its first byte and its last, closing sends no
        close_notify: the peer is to see that something is missing.

        Raises:
            trio.BusyResourceError: another task is sending.
            trio.BrokenResourceError: from a `HandfastError` that says why.
            trio.ClosedResourceError: this stream was closed, or `send_eof` was called.
        """
        self._start_sending()
        try:
            if self._sent_eof:
                raise trio.ClosedResourceError(  # noqa: TRY301 - after Busy is ruled out
                    "cannot send after send_eof()"
                )
            if not self._established:
                await self._need_handshake()
            if not isinstance(data, (bytes, bytearray)):
                # Arrays, too, have a length that is not in bytes.
                data = memoryview(data).cast("B")
            length = len(data)
            if length:
                self._renew_keys(length)
                await self._wire.send(data)
                self._bytes_sent += length
            else:
                await trio.lowlevel.checkpoint()
        except HandfastError as error:
            self._break_sending(error)
        except trio.ClosedResourceError:
            self._tell_end()
            raise
        finally:
            self._sending = False

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there might be room to send.

        Cancellation: nothing has happened.

        Raises:
            trio.BusyResourceError: another task is sending.
            trio.BrokenResourceError: from a `HandfastError` that says why.
            trio.ClosedResourceError: this stream was closed.
        """
        self._start_sending()
        try:
            if not self._established:
                await self._need_handshake()
            await self._wire.wait_writable()
        except trio.ClosedResourceError:
            self._tell_end()
            raise
        finally:
            self._sending = False

    async def send_eof(self) -> None:
        """End our direction with a close_notify; receiving goes on.

        The transport stays open in both directions. Calling it again does nothing.

        Cancellation: over a socket the close_notify goes out with the next step; over
        another transport it may be lost.

        Raises:
            trio.BusyResourceError: another task is sending.
            trio.BrokenResourceError: from a `HandfastError` that says why.
            trio.ClosedResourceError: this stream was closed.
        """
        self._start_sending()
        try:
            if self._wire.torn:
                raise trio.BrokenResourceError(
                    "an earlier send was stopped in the middle: a clean end now would "
                    "make the peer believe that it has all"
                )
            if not self._established:
                await self._need_handshake()
            self._sent_eof = True
            await self._wire.send_eof()
        except HandfastError as error:
            self._break_sending(error)
        except trio.ClosedResourceError:
            self._tell_end()
            raise
        finally:
            self._sending = False

    def _start_sending(self) -> None:
        if self._sending:
            raise trio.BusyResourceError("another task is sending on this stream")
        if self._closed:
            raise self._why_closed()
        if self._send_failure is not None:
            break_with(self._send_failure)
        self._sending = True

    def _break_sending(self, error: HandfastError) -> NoReturn:
        """Fail for good, with the reason of a peer that refuses us while we send."""
        if isinstance(error, TransportError) and not self._receiving:
            error = self._wire.last_words() or error
        self._send_failure = again(error)
        break_with(error)
