# SPDX-License-Identifier: Apache-2.0
"""A trio stream whose peer is verified.

Theory of operation. A stream has a :class:`~handfast.tls.Connection`, which encrypts,
and a wire, which moves its bytes (:mod:`handfast.net.wire`): straight on a socket,
where one call into C receives, steps and sends, or over any other trio stream. This
module keeps trio's rules: who may do what at the same time, what an error means, what
cancellation leaves behind, and how a stream ends.

TLS mixes directions: reading may make something that must be sent (an answer to a
KeyUpdate, an alert). Two tasks that both write would need a lock, and a reader that
waits for room to write can wait for a peer that waits for it to read. So:

Invariants:
    1. Only the sending side waits for room: `send_all`, `send_eof`, `aclose` and the
       handshake. What `receive_some` leaves to be sent goes out at once when the socket
       has room, and else before the next thing that is sent. RFC 8446 asks for no more:
       a KeyUpdate is answered before our next application data.
    2. `_sending` and `_receiving` each admit one task; the second one is told so
       (`BusyResourceError`) and does no harm. A sender and a receiver may run together.
    3. Nothing is sent or received before `_established`, which is set once, after the
       engine authenticated and authorized the peer. Whoever comes first does the
       handshake (`_shaking`); others wait in `_shaken`, and go on with it if the first
       was cancelled.
    4. A failure is final for its direction and is told again by every later call. A
       failed handshake is final for both.
    5. `_closed` is set before anything of `aclose` is done, and every task that comes
       back from waiting finds the transport closed (`ClosedResourceError`) before it
       touches it.
    6. A close_notify says "this is all". It is sent only when it is true: not while a
       send is under way, not after one that was stopped in the middle, and not on a
       forced close. The peer then sees a truncated stream, and is right.
    7. A close waits at most CLOSE_TIMEOUT for room to say so, and never for the peer's
       answer.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final, final

import trio

from handfast.errors import HandfastError
from handfast.net.failures import again, break_with
from handfast.net.socket_wire import SocketWire
from handfast.net.stream_sending import SendingStream
from handfast.net.stream_wire import StreamWire
from handfast.tls import Connection

if TYPE_CHECKING:
    from handfast.names import DnsName, IpAddress
    from handfast.net.lifetime import Lifetime
    from handfast.net.wire import Wire
    from handfast.tls import TlsConfig

__all__ = ["MtlsStream"]

_RECEIVE_SIZE: Final = 65536


@final
class MtlsStream(SendingStream):
    """Mutual TLS over another stream.

    :func:`open_mtls_stream` and :func:`serve_mtls` make these, handshake done. Made by
    hand, the handshake is done by `do_handshake`, or by the first send or receive.

    Args:
        transport_stream: What to talk over. A `trio.SocketStream` is the fast one; any
            other `trio.abc.Stream` works. It belongs to this stream from now on.
        config: How to connect; its role decides who speaks first.
        server_hostname: For a client: the name to ask for (SNI). A web client verifies
            the server by it and needs it.
        lifetime: When it ends on purpose; see `Lifetime` for the default.
        session_key: For a SPIFFE client: what names the destination, so that sessions
            with it can be resumed; see `Connection`.

    Raises:
        ConfigError: the name is missing, or not a name.
        SourceError: there is no identity to connect with.
    """

    def __init__(
        self,
        transport_stream: trio.abc.Stream,
        config: TlsConfig,
        *,
        server_hostname: str | DnsName | IpAddress | None = None,
        lifetime: Lifetime | None = None,
        session_key: str | bytes | None = None,
    ) -> None:
        self._closed = True  # There is nothing to close until the end of this method.
        connection = Connection(
            config, server_hostname=server_hostname, session_key=session_key
        )
        self._start(transport_stream, connection, lifetime)

    @classmethod
    def _from_connection(
        cls,
        transport_stream: trio.abc.Stream,
        connection: Connection,
        lifetime: Lifetime | None,
    ) -> MtlsStream:
        """Make the stream of a connection that is there already, and is its own now."""
        self = cls.__new__(cls)
        self._closed = True
        self._start(transport_stream, connection, lifetime)
        return self

    def _start(
        self,
        transport_stream: trio.abc.Stream,
        connection: Connection,
        lifetime: Lifetime | None,
    ) -> None:
        self._connection = connection
        self._prepare_life(lifetime)
        self._wire: Wire = (
            SocketWire(transport_stream, connection)
            if isinstance(transport_stream, trio.SocketStream)
            else StreamWire(transport_stream, connection)
        )
        self._shaking = False
        self._shaken: trio.lowlevel.ParkingLot | None = None  # made for who has to wait
        self._established = False
        self._sending = False
        self._receiving = False
        self._sent_eof = False
        self._send_failure: HandfastError | None = None
        self._receive_failure: HandfastError | None = None
        self._bytes_sent = 0
        self._bytes_received = 0
        self._closed = False

    # ---- handshake ----

    async def do_handshake(self) -> None:
        """Authenticate and authorize the peer, and be authenticated by it.

        Optional: the first send or receive does it. Here its failures are handfast's
        own, there they are trio's (`BrokenResourceError` from one of these). Once it is
        done, this is a checkpoint and nothing else.

        In TLS 1.3 a client is done before the server has judged it. A server's refusal
        (`PeerAlert`) comes with the first receive.

        Cancellation: the handshake may be gone on with; over a transport that is not a
        socket only if it was not in the middle of sending. There is no timeout here.

        Raises:
            VerificationError: the peer's chain was refused.
            NotAuthorized: the peer is who it says, but may not come in.
            PeerAlert: the peer refused us.
            PeerError: anything else that the peer did wrong, its early end included.
            TransportError: the transport failed.
            ConnectionEnded: it was ended on purpose.
            trio.ClosedResourceError: this stream was closed.
        """
        if self._established and not self._closed:
            await trio.lowlevel.checkpoint()
            return
        if self._shaking:
            await self._wait_for_handshake()
        self._shaking = True
        try:
            self._need_open()
            if self._established:
                return
            if self._receive_failure is not None:
                raise again(self._receive_failure)
            await self._wire.handshake()
            self._need_open()  # it may have been closed in the last checkpoint
            self._established = True
            self._come_alive()
        except HandfastError as error:
            self._send_failure = self._receive_failure = again(error)
            raise
        except trio.ClosedResourceError:
            if self._ended is not None:
                raise again(self._ended) from None
            raise
        finally:
            self._shaking = False
            if self._shaken is not None:
                self._shaken.unpark_all()

    @property
    def is_shaking_hands(self) -> bool:
        """Whether the handshake is still to be done; not once this was closed."""
        return not (self._established or self._closed)

    def give_up(self, why: HandfastError) -> None:
        """Close the socket under a handshake; whoever is inside of it is told why."""
        self._ended = why
        self._mark_closed(None)
        if isinstance(self._wire, SocketWire):
            self._wire.abandon()

    def _need_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this stream was closed")

    async def _wait_for_handshake(self) -> None:
        """Wait until nobody shakes hands: it is done then, or ours to go on with."""
        while self._shaking:
            if self._shaken is None:
                self._shaken = trio.lowlevel.ParkingLot()
            await self._shaken.park()

    async def _need_handshake(self) -> None:
        try:
            await self.do_handshake()
        except HandfastError as error:
            break_with(error)

    # ---- receiving ----

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for data and return some of it, decrypted.

        Args:
            max_bytes: At most so many; None lets the stream choose.

        Returns:
            Data; empty once the peer has ended its direction with a close_notify. An
            end without one is an error: what was read may not be all.

        Cancellation: no data is lost.

        Raises:
            trio.BusyResourceError: another task is receiving.
            trio.BrokenResourceError: from a `HandfastError` that says why, such as
                `Truncated` or `PeerAlert`.
            trio.ClosedResourceError: this stream was closed.
        """
        max_bytes = self._check_receive(max_bytes)
        self._receiving = True
        try:
            if not self._established:
                await self._need_handshake()
            wire = self._wire
            await trio.lowlevel.checkpoint_if_cancelled()
            data = wire.receive_now(max_bytes)
            if data is not None:
                await trio.lowlevel.cancel_shielded_checkpoint()
            while data is None:
                await wire.wait_more()
                data = wire.receive_now(max_bytes)
            self._bytes_received += len(data)
        except HandfastError as error:
            self._receive_failure = again(error)
            break_with(error)
        except trio.ClosedResourceError:
            self._tell_end()
            raise
        else:
            return data
        finally:
            self._receiving = False

    def _check_receive(self, max_bytes: int | None) -> int:
        if max_bytes is None:
            max_bytes = _RECEIVE_SIZE
        elif operator.index(max_bytes) < 1:
            raise ValueError("max_bytes must be >= 1")
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving on this stream")
        if self._closed:
            raise self._why_closed()
        if self._receive_failure is not None:
            break_with(self._receive_failure)
        return max_bytes

    # ---- the end ----

    async def aclose(self) -> None:
        """Close the stream and its transport; the peer is told with a close_notify.

        It waits a few seconds at most for room to tell the peer, and never for an
        answer. The peer is not told when another task is sending, or when a send was
        stopped in the middle: it then sees a truncated stream.

        Cancellation: the transport is closed at once, without a close_notify.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        await self._close(None)
