# SPDX-License-Identifier: Apache-2.0
"""What a stream of mutual TLS can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.net.living import LivingStream
from handfast.net.statistics import StreamStatistics

if TYPE_CHECKING:
    from datetime import datetime

    import trio

    from handfast.errors import HandfastError
    from handfast.peer import VerifiedPeer
    from handfast.tls import Connection

__all__ = ["StreamFacts"]


class StreamFacts(LivingStream):
    """What every :class:`MtlsStream` knows of its peer and of its connection."""

    _receive_failure: HandfastError | None
    _bytes_sent: int
    _bytes_received: int

    @property
    def transport_stream(self) -> trio.abc.Stream:
        """What the encrypted bytes travel on: to look at, not to send or receive on."""
        return self._wire.transport

    @property
    def peer(self) -> VerifiedPeer:
        """Whom we talk to: verified and authorized; also after the close.

        Raises:
            UsageError: the handshake is not done.
        """
        return self._connection.peer

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was resumed; see `Connection.resumed`."""
        return self._connection.resumed

    @property
    def authenticated_at(self) -> datetime:
        """When the peer last proved to hold its key: before this, if `resumed`."""
        return self._connection.authenticated_at

    @property
    def alpn(self) -> str | None:
        """The application protocol that was agreed on; None without one."""
        return self._connection.alpn

    @property
    def connection(self) -> Connection:
        """The connection inside: for its other facts, not for its steps.

        After a refusal, `presented_chain` is what the peer sent, not verified.
        """
        return self._connection

    def channel_binding(self) -> bytes:
        """Return the `tls-exporter` binding (RFC 9266): 32 bytes, equal at both ends.

        Raises:
            UsageError: the handshake is not done.
        """
        return self._connection.channel_binding()

    def statistics(self) -> StreamStatistics:
        """Return what was carried so far."""
        return StreamStatistics(
            bytes_sent=self._bytes_sent, bytes_received=self._bytes_received
        )

    def __repr__(self) -> str:
        state = "handshake not done"
        if self._established:
            state = f"with {self._connection.describe_peer()}"
        elif self._receive_failure is not None:
            state = f"refused: {self._receive_failure.reason}"
        return f"<MtlsStream {state}{', closed' if self._closed else ''}>"
