# SPDX-License-Identifier: Apache-2.0
"""Where the other end of a stream is: as the system knows it, and as a proxy told it.

Addresses are for logs and limits. Nobody is let in or kept out by one: a proxy that is
believed may be wrong, and an address is no identity.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import trio

__all__ = ["Address", "FromElsewhere", "Proxied", "remote_end", "socket_address"]

#: Host and port.
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Proxied:
    """A peer that a named proxy speaks for, and the proxy: what is logged of both."""

    source: Address
    proxy: object


def remote_end(transport: trio.abc.Stream) -> object:
    """Ask the system, while it knows, who the other end is: to be logged, if at all."""
    if not isinstance(transport, trio.SocketStream):
        return type(transport)
    try:
        return transport.socket.getpeername()
    except OSError:
        return None


def socket_address(transport: trio.abc.Stream) -> Address | None:
    """Return host and port of the other end; None when it has none, or is gone."""
    match remote_end(transport):
        # IPv6 addresses have a flow and a scope, too.
        case (str(host), int(port)) | (str(host), int(port), int(), int()):
            return host, port
        case _:
            return None


class FromElsewhere(trio.abc.HalfCloseableStream):
    """A stream that knows where its other end is."""

    _told: Address | None = None

    @property
    @abstractmethod
    def transport_stream(self) -> trio.abc.Stream:
        """What the bytes travel on."""

    @property
    def socket_address(self) -> Address | None:
        """Host and port of whoever connected to us, or whom we connected to.

        Behind a proxy, the proxy's. None for what has no such address (a local socket,
        memory), and once the stream is closed.
        """
        return socket_address(self.transport_stream)

    @property
    def source_address(self) -> Address | None:
        """Host and port that a named proxy told us (PROXY protocol); else as above.

        For logs and limits: it is somebody's word, and never says who a peer is.
        """
        return self._told or self.socket_address

    def come_from(self, source: Address | None) -> None:
        """Take what a proxy told."""
        self._told = source
