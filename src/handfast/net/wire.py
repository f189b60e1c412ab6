# SPDX-License-Identifier: Apache-2.0
"""What a stream asks of the way its bytes travel: a socket, or any other trio stream.

A wire drives one :class:`~handfast.tls.Connection` and waits for its transport. It
keeps no rules of its own: who may call what at the same time is the stream's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import trio

    from handfast.errors import HandfastError

__all__ = ["CLOSE_TIMEOUT", "Wire"]

#: Seconds that a polite close may wait for room for its close_notify.
CLOSE_TIMEOUT: Final = 5.0


class Wire(Protocol):
    """One connection over one transport.

    At most one task is in `handshake`, and nobody in another method then. Afterwards at
    most one task is in `send`, `send_eof` or `wait_writable`, and one is receiving.
    Every method that awaits is a checkpoint when it succeeds.
    """

    @property
    def transport(self) -> trio.abc.Stream:
        """What the bytes travel on."""
        ...

    @property
    def torn(self) -> bool:
        """Whether a send stopped between its first byte and its last."""
        ...

    async def handshake(self) -> None:
        """Finish the handshake, or raise why it cannot be, after telling the peer."""
        ...

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send everything."""
        ...

    async def send_eof(self) -> None:
        """Send our close_notify."""
        ...

    async def wait_writable(self) -> None:
        """Wait until `send` might not have to wait."""
        ...

    def receive_now(self, max_bytes: int) -> bytes | None:
        """Read what is there; empty after the peer's close_notify, None for nothing.

        What this leaves to be sent (an answer to a KeyUpdate) is left to whoever sends
        next. Waiting for room here could wait for a peer that waits for us to read.
        """
        ...

    def wait_more(self) -> Awaitable[object]:
        """Wait until `receive_now` may have something.

        Cancelled, nothing was taken. Most streams spend their lives here, so it is
        better no coroutine around another one.
        """
        ...

    def is_quiet(self) -> bool:
        """Say, without waiting, that the peer sent no data, alert or end.

        Only while nobody is receiving. Not every transport can be asked.
        """
        ...

    def last_words(self) -> HandfastError | None:
        """Look for what the peer said before it hung up, when sending has failed.

        Only while nobody is receiving, who finds the same otherwise.
        """
        ...

    async def close(self, *, polite: bool) -> None:
        """Close the transport, politely with a close_notify; in CLOSE_TIMEOUT."""
        ...
