# SPDX-License-Identifier: Apache-2.0
"""Listeners that give mutual TLS streams."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, final

import trio

from handfast.errors import Reason
from handfast.net.failures import need_role, refuse_setting
from handfast.net.statistics import ListenerCounters
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from handfast.net.lifetime import Lifetime
    from handfast.net.living import LivingStream
    from handfast.net.statistics import ListenerStatistics
    from handfast.tls import Connection, TlsConfig

__all__ = ["MtlsListener", "open_mtls_listeners"]


@final
class MtlsListener(trio.abc.Listener[MtlsStream]):
    """Gives a :class:`MtlsStream` for each connection, its handshake not done yet.

    `serve_mtls` and `serve_mtls_listeners` do the handshakes, with all their limits;
    use `accept` by hand only together with limits of your own.

    Args:
        transport_listener: Where connections come from, a `trio.SocketListener` or any
            other listener of streams. It belongs to this listener from now on.
        config: How to answer; of role server.
        lifetime: When its streams end on purpose; see `Lifetime` for the default.

    Raises:
        ConfigError: `config` is a client's.
    """

    def __init__(
        self,
        transport_listener: trio.abc.Listener[trio.abc.Stream],
        config: TlsConfig,
        *,
        lifetime: Lifetime | None = None,
    ) -> None:
        need_role(config, "server")
        self.transport_listener = transport_listener
        self.config = config
        self.lifetime = lifetime
        self.counters = ListenerCounters()
        #: Stops whoever else accepts for this listener; True: ends handshakes, too.
        self.stop_others: Callable[[bool], None] | None = None
        self._streams: weakref.WeakSet[LivingStream] = weakref.WeakSet()
        self._drain_end: float | None = None
        self._closings = trio.lowlevel.ParkingLot()  # of drains that wait for closings

    async def accept(self) -> MtlsStream:
        """Wait for a connection.

        Nothing was read from it: a slow or hostile client costs nothing here.

        Cancellation: no connection was taken.

        Raises:
            OSError: the system could not, see `trio.SocketListener.accept`.
            SourceError: there is no identity to answer with; the connection is closed.
            trio.ClosedResourceError: this listener was closed.
        """
        transport = await self.transport_listener.accept()
        try:
            stream = self.adopt(transport)
        except BaseException:
            await trio.aclose_forcefully(transport)
            raise
        self.counters.accepted += 1
        return stream

    def adopt(
        self, transport: trio.abc.Stream, connection: Connection | None = None
    ) -> MtlsStream:
        """Make the stream of a connection that was accepted: for servers of your own.

        `connection` is one of this listener's `config` that is under way already.

        Raises:
            SourceError: there is no identity to answer with.
        """
        if connection is None:
            stream = MtlsStream(transport, self.config, lifetime=self.lifetime)
        else:
            # Not public: only who has shaken hands already needs it.
            wrap = MtlsStream._from_connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            stream = wrap(transport, connection, self.lifetime)
        stream.belong_to(self)
        self._streams.add(stream)
        if self._drain_end is not None:
            stream.start_draining(max(0.0, self._drain_end - trio.current_time()))
        return stream

    def stream_closed(self, stream: LivingStream, reason: Reason | None) -> None:
        """Count how a stream of this listener ended."""
        self._streams.discard(stream)
        if reason is not None:
            self.counters.ended[reason] += 1
        self.look_again()

    def look_again(self) -> None:
        """Let drains see whether anything is left: a handshake or a stream has ended."""
        self._closings.unpark_all()

    @property
    def draining(self) -> bool:
        """Whether `drain` was called."""
        return self._drain_end is not None

    async def drain(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - after it, they are ended
        """Stop accepting, ask all streams to end, and end what is left after a while.

        `serve_mtls` returns once it has nothing left to serve. Connections that only
        the system has taken are reset: let others take the new ones first, then drain.
        A handshake under way goes on, and its stream is asked to end as soon as it is
        there. Calling it again can only make the time shorter.

        Args:
            timeout: Seconds that the streams have. 0 ends them now.

        Cancellation: nothing is accepted any more, and the streams are still asked to
        end; they are ended when the time is over.

        Raises:
            ConfigError: the time is not one.
        """
        if not 0 <= timeout < math.inf:
            refuse_setting("timeout= of 0 or more seconds", timeout)
        end = trio.current_time() + timeout
        self._drain_end = end if self._drain_end is None else min(end, self._drain_end)
        end = self._drain_end
        if self.stop_others is not None:
            self.stop_others(False)  # noqa: FBT003 - see the attribute
        await self.transport_listener.aclose()
        for stream in list(self._streams):
            stream.start_draining(timeout)
        with trio.move_on_at(end):
            while self._streams or self.counters.under_way():
                await self._closings.park()
        if self.stop_others is not None:
            self.stop_others(True)  # noqa: FBT003 - see the attribute
        async with trio.open_nursery() as nursery:
            for stream in list(self._streams):
                nursery.start_soon(stream.end, Reason.DRAINED)

    async def aclose(self) -> None:
        """Stop listening; streams that were accepted live on."""
        await self.transport_listener.aclose()

    @property
    def port(self) -> int:
        """The TCP port it listens on: what the system chose for port 0.

        Raises:
            AttributeError: the transport is not TCP.
        """
        listener = self.transport_listener
        if isinstance(listener, trio.SocketListener):
            match listener.socket.getsockname():
                case (_, int(port), *_):
                    return port
                case _:
                    pass
        raise AttributeError("only a TCP listener has a port")

    def statistics(self) -> ListenerStatistics:
        """Return what became of the connections so far."""
        return self.counters.freeze()


async def open_mtls_listeners(
    port: int,
    config: TlsConfig,
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    lifetime: Lifetime | None = None,
) -> list[MtlsListener]:
    """Listen on a TCP port.

    Args:
        port: The port; 0 lets the system choose.
        config: How to answer; of role server.
        host: The address to listen on; None means all, IPv4 and IPv6.
        backlog: How many connections may wait in the system; None takes its most.
        lifetime: When streams end on purpose; see `Lifetime` for the default.

    Returns:
        A listener for each address that `host` means: usually one or two.

    Raises:
        ConfigError: `config` is a client's.
        OSError: the port cannot be listened on.
    """
    need_role(config, "server")
    listeners = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
    return [MtlsListener(it, config, lifetime=lifetime) for it in listeners]
