# SPDX-License-Identifier: Apache-2.0
"""Listeners that give mutual TLS streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import trio

from handfast.net.failures import need_role
from handfast.net.statistics import ListenerCounters
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from handfast.net.statistics import ListenerStatistics
    from handfast.tls import TlsConfig

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

    Raises:
        ConfigError: `config` is a client's.
    """

    def __init__(
        self,
        transport_listener: trio.abc.Listener[trio.abc.Stream],
        config: TlsConfig,
    ) -> None:
        need_role(config, "server")
        self.transport_listener = transport_listener
        self.config = config
        self.counters = ListenerCounters()

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
            stream = MtlsStream(transport, self.config)
        except BaseException:
            await trio.aclose_forcefully(transport)
            raise
        self.counters.accepted += 1
        return stream

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
) -> list[MtlsListener]:
    """Listen on a TCP port.

    Args:
        port: The port; 0 lets the system choose.
        config: How to answer; of role server.
        host: The address to listen on; None means all, IPv4 and IPv6.
        backlog: How many connections may wait in the system; None takes its most.

    Returns:
        A listener for each address that `host` means: usually one or two.

    Raises:
        ConfigError: `config` is a client's.
        OSError: the port cannot be listened on.
    """
    need_role(config, "server")
    listeners = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
    return [MtlsListener(listener, config) for listener in listeners]
