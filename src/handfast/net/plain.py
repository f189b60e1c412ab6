# SPDX-License-Identifier: Apache-2.0
"""A stream in plain text: of a type of its own, so that nobody takes it for another."""

from __future__ import annotations

import dataclasses
import operator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn, final

import trio

from handfast.errors import HandfastError, Reason, UsageError, detail_for
from handfast.net.lifetime import Lifetime
from handfast.net.living import LivingStream

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from handfast.tls import Connection

__all__ = ["PlainStream"]

_RECEIVE_SIZE: Final = 65536


class _PlainWire:
    """Bytes as they are; see :class:`~handfast.net.wire.Wire`."""

    __slots__ = ("_ended", "early", "torn", "transport")

    def __init__(self, transport: trio.abc.Stream, early: bytes) -> None:
        self.transport = transport
        self.torn = False
        self.early = early
        self._ended = False

    async def handshake(self) -> None:
        """Nothing: there is none."""
        await trio.lowlevel.checkpoint()

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything."""
        await self.transport.send_all(data)

    async def send_eof(self) -> None:
        """End our direction, where the transport has two."""
        if not isinstance(self.transport, trio.abc.HalfCloseableStream):
            _refuse("a transport that can end one direction", "one that cannot")
        await self.transport.send_eof()

    async def wait_writable(self) -> None:
        """Ask the transport."""
        await self.transport.wait_send_all_might_not_block()

    def receive_now(self, max_bytes: int) -> bytes | None:
        """Take of what was read already."""
        if not self.early:
            return b"" if self._ended else None
        taken, self.early = self.early[:max_bytes], self.early[max_bytes:]
        return taken

    async def wait_more(self) -> None:
        """Read from the transport. Cancelled, nothing was taken."""
        self.early = bytes(await self.transport.receive_some(_RECEIVE_SIZE))
        self._ended = not self.early

    def is_quiet(self) -> bool:
        """Say what is known: a transport cannot be read without waiting."""
        return not self.early and not self._ended

    def last_words(self) -> HandfastError | None:
        """Nothing: plain text has no alerts."""
        return None

    async def close(self, *, polite: bool) -> None:
        """Close the transport."""
        if polite:
            await self.transport.aclose()
        else:
            await trio.aclose_forcefully(self.transport)


def _refuse(expected: str, seen: str) -> NoReturn:
    detail = detail_for(Reason.WRONG_STATE, expected=expected, seen=seen, hint="")
    raise UsageError(detail)


@final
class PlainStream(LivingStream):
    """A connection without TLS, from somebody unknown.

    A server in permissive mode gives these, and only to the handler for them. It is no
    `MtlsStream`, and its `peer` is None: no rule about identities may let it in.

    Args:
        transport_stream: Where the bytes come from. It belongs to this stream now.
        early: What was read from it already.
        lifetime: When it ends on purpose. What is said there of credentials does not
            concern it: it has none.
    """

    def __init__(
        self,
        transport_stream: trio.abc.Stream,
        early: bytes = b"",
        *,
        lifetime: Lifetime | None = None,
    ) -> None:
        self._closed = True  # There is nothing to close until the end of this method.
        self._prepare_life(
            dataclasses.replace(
                lifetime or Lifetime(), on_credentials_end="ignore", on_revoked="ignore"
            )
        )
        self._wire = _PlainWire(transport_stream, early)
        self._established = True
        self._sending = self._receiving = False
        self._send_failure: HandfastError | None = None
        self._come_alive()
        self._closed = False

    @property
    def peer(self) -> None:
        """Nobody: whoever it is was not authenticated."""

    @property
    def transport_stream(self) -> trio.abc.Stream:
        """What the bytes travel on: to look at, not to send or receive on."""
        return self._wire.transport

    @property
    def connection(self) -> Connection:
        """There is none.

        Raises:
            UsageError: always.
        """
        _refuse("a TLS stream", "one in plain text")

    @property
    def expires_at(self) -> datetime:
        """Plain text rests on no credentials.

        Raises:
            UsageError: always.
        """
        _refuse("a TLS stream", "one in plain text")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send data as it is.

        Cancellation: some, all or none of it may have been sent.

        Raises:
            trio.BusyResourceError: another task is sending.
            trio.BrokenResourceError: the connection broke, or was ended on purpose.
            trio.ClosedResourceError: this stream was closed.
        """
        with self._one_sender():
            await self._wire.send(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there might be room to send.

        Cancellation: nothing has happened.

        Raises:
            trio.BusyResourceError: another task is sending.
            trio.BrokenResourceError: the connection broke, or was ended on purpose.
            trio.ClosedResourceError: this stream was closed.
        """
        with self._one_sender():
            await self._wire.wait_writable()

    async def send_eof(self) -> None:
        """End our direction; receiving goes on.

        Cancellation: as the transport has it.

        Raises:
            trio.BusyResourceError: another task is sending.
            UsageError: the transport cannot end one direction.
        """
        with self._one_sender():
            await self._wire.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for data and return some of it; empty at the end.

        In plain text an end proves nothing: anybody on the way can make one.

        Cancellation: no data is lost.

        Raises:
            trio.BusyResourceError: another task is receiving.
            trio.BrokenResourceError: the connection broke, or was ended on purpose.
            trio.ClosedResourceError: this stream was closed.
        """
        size = _RECEIVE_SIZE if max_bytes is None else operator.index(max_bytes)
        if size < 1:
            raise ValueError("max_bytes must be >= 1")
        self._need_open()
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving on this stream")
        self._receiving = True
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            data = self._wire.receive_now(size)
            if data is not None:
                await trio.lowlevel.cancel_shielded_checkpoint()
            while data is None:
                await self._wire.wait_more()
                data = self._wire.receive_now(size)
        except trio.ClosedResourceError:
            self._tell_end()
            raise
        else:
            return data
        finally:
            self._receiving = False

    @contextmanager
    def _one_sender(self) -> Generator[None]:
        self._need_open()
        if self._sending:
            raise trio.BusyResourceError("another task is sending on this stream")
        self._sending = True
        try:
            yield
        except trio.ClosedResourceError:
            self._tell_end()
            raise
        finally:
            self._sending = False

    async def aclose(self) -> None:
        """Close the stream and its transport.

        Cancellation: the transport is closed all the same.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        await self._close(None)

    def _need_open(self) -> None:
        if self._closed:
            raise self._why_closed()

    def __repr__(self) -> str:
        return f"<PlainStream of nobody known{', closed' if self._closed else ''}>"
