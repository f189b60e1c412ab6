# SPDX-License-Identifier: Apache-2.0
"""Listeners that give mutual TLS streams."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Protocol, final

import trio

from handfast.errors import Reason
from handfast.net.failures import need_role, refuse_setting
from handfast.net.listening_sockets import inherited_sockets, open_shared_listeners
from handfast.net.statistics import ListenerCounters
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from handfast.net.lifetime import Lifetime
    from handfast.net.living import LivingStream
    from handfast.net.passthrough import Relay
    from handfast.net.statistics import ListenerStatistics
    from handfast.tls import Connection, TlsConfig

__all__ = ["MtlsListener", "inherited_mtls_listeners", "open_mtls_listeners"]


class OtherAcceptor(Protocol):
    """Accepts for a listener instead of its `accept`, and shakes hands."""

    def stop(self, *, end: bool) -> None:
        """Accept nothing any more; with `end`, end handshakes under way, too."""
        ...

    def is_busy(self) -> bool:
        """Whether it may accept still, or handshakes are under way."""
        ...

    def under_way(self) -> int:
        """Count what it has accepted and not handed over."""
        ...


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
        #: Whoever else accepts for this listener now.
        self.others: OtherAcceptor | None = None
        self._streams: weakref.WeakSet[LivingStream | Relay] = weakref.WeakSet()
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

        `connection` is under way already: of this listener's `config`, or of the one
        that answers to the server name.

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
        self.look_after(stream)
        return stream

    def look_after(self, stream: LivingStream | Relay) -> None:
        """Let a drain end this, too, until `stream_closed` is called for it."""
        self._streams.add(stream)
        if self._drain_end is not None:
            stream.start_draining(max(0.0, self._drain_end - trio.current_time()))

    def stream_closed(
        self, stream: LivingStream | Relay, reason: Reason | None
    ) -> None:
        """Count how a stream of this listener ended."""
        self._streams.discard(stream)
        if reason is not None:
            self.counters.ended[reason] += 1
        self.look_again()

    def look_again(self) -> None:
        """Let drains see whether anything is left: something has ended."""
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
        if self.others is not None:
            self.others.stop(end=False)
        # Before anything that may be cancelled; what comes from now on is asked, too.
        for stream in list(self._streams):
            stream.start_draining(timeout)
        await self.transport_listener.aclose()
        with trio.move_on_at(end):
            while self._streams or (self.others is not None and self.others.is_busy()):
                await self._closings.park()
        if self.others is not None:
            self.others.stop(end=True)
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
        return self.counters.freeze(
            0 if self.others is None else self.others.under_way()
        )


async def open_mtls_listeners(  # noqa: PLR0913 - all by keyword
    port: int,
    config: TlsConfig,
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    reuse_port: bool = False,
    lifetime: Lifetime | None = None,
) -> list[MtlsListener]:
    """Listen on a TCP port.

    Args:
        port: The port; 0 lets the system choose.
        config: How to answer; of role server.
        host: The address to listen on; None means all, IPv4 and IPv6.
        backlog: How many connections may wait in the system; None takes its most.
        reuse_port: Let other processes of this user listen on the same port, and the
            system share the connections out (`SO_REUSEPORT`).
        lifetime: When streams end on purpose; see `Lifetime` for the default.

    Returns:
        A listener for each address that `host` means: usually one or two.

    Raises:
        ConfigError: `config` is a client's.
        OSError: the port cannot be listened on.
    """
    need_role(config, "server")
    if reuse_port:
        listeners = await open_shared_listeners(port, host, backlog)
    else:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
    return [MtlsListener(it, config, lifetime=lifetime) for it in listeners]


def inherited_mtls_listeners(
    config: TlsConfig, *, name: str | None = None, lifetime: Lifetime | None = None
) -> list[MtlsListener]:
    """Listen on the sockets that this process was started with (socket activation).

    The sockets are those of `sd_listen_fds(3)`: TCP or Unix, opened by systemd or
    another supervisor, which holds them while this process is restarted. They go on
    listening when the listeners here are closed or drained.

    Args:
        config: How to answer; of role server.
        name: Take the sockets of this name only (`FileDescriptorName=`), so that others
            can be taken with another configuration; None takes all.
        lifetime: When streams end on purpose; see `Lifetime` for the default.

    Returns:
        A listener for each socket, in their order.

    Raises:
        ConfigError: `config` is a client's, or there is no such socket, or one of them
            is no listening stream socket. Then nothing was taken.
    """
    need_role(config, "server")
    return [
        MtlsListener(
            trio.SocketListener(trio.socket.from_stdlib_socket(it)),
            config,
            lifetime=lifetime,
        )
        for it in inherited_sockets(name)
    ]
