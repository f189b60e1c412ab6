# SPDX-License-Identifier: Apache-2.0
"""PROXY protocol, versions 1 and 2, from proxies that are named.

A header is somebody's word about where a connection comes from. It is taken from named
sources only, and from these always: a named source without a header, and a header from
anybody else, are refused. What it says goes to logs and to `stream.source_address`, and
decides nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final, final

import trio

from handfast import _ffi
from handfast.errors import PeerMisbehaved, Reason, TransportError, detail_for
from handfast.net.failures import refuse_setting
from handfast.net.origin import socket_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handfast.net.beginning import Beginning

__all__ = ["ProxyProtocol"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What the two versions begin with.
_FIRST_BYTES: Final = frozenset(b"P\r")

# Of ::ffff:0:0/96, as IPv6 sockets write IPv4 addresses.
_MAPPED_PREFIX: Final = 96


@final
class ProxyProtocol:
    """Which proxies tell where connections come from: for `serve_mtls`.

    Args:
        sources: Addresses and networks of the proxies, such as ``"10.0.0.0/24"``. Host
            bits that are set are refused: was one address meant, or all of them? So are
            IPv4 networks in IPv6's form, and interfaces: neither would be what it says.
        local_sockets: Whether those who connect to a local (Unix) socket are proxies.

    Raises:
        ConfigError: a source is not a network, or there is none.
    """

    __slots__ = ("_local_sockets", "_sources")

    def __init__(
        self, sources: Iterable[str | Network] = (), *, local_sockets: bool = False
    ) -> None:
        if isinstance(sources, str):
            refuse_setting("a sequence of networks", repr(sources))
        self._sources = tuple(_network(source) for source in sources)
        self._local_sockets = local_sockets
        if not self._sources and not local_sockets:
            refuse_setting("at least one source that may send PROXY headers", "none")

    def is_named(self, transport: trio.abc.Stream) -> bool:
        """Whether a connection comes from a proxy of ours, by what the system says.

        Raises:
            TransportError: the other end is gone, as after a proxy's health check, and
                the system does not know any more who it was.
        """
        if not isinstance(transport, trio.SocketStream):
            return False
        if transport.socket.family == socket.AF_UNIX:
            return self._local_sockets
        address = socket_address(transport)
        if address is None:
            raise TransportError(detail_for(Reason.CONNECTION_RESET, seen="no peer"))
        host = ipaddress.ip_address(address[0].partition("%")[0])
        mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
        return any((mapped or host) in network for network in self._sources)

    async def take_header(self, beginning: Beginning) -> None:
        """Read the header of a named proxy: `beginning` is behind it then.

        Cancellation: nothing is lost.

        Raises:
            PeerMisbehaved: the header is missing or malformed.
            Truncated: the peer ended before.
        """
        need = 1
        while True:
            await beginning.need(need, expected="a PROXY header")
            read = _ffi.read_proxy_header(beginning.data)
            if isinstance(read, _ffi.ProxyHeader):
                break
            need = read
        beginning.drop(read.length)
        beginning.source = read.source

    async def need_no_header(self, beginning: Beginning) -> None:
        """See that a source that is not named sends none.

        Cancellation: nothing is lost.

        Raises:
            PeerMisbehaved: it sends one, or the beginning of one.
        """
        # A peer that has ended, with whatever it said, has sent no header.
        if not await beginning.has(1) or beginning.data[0] not in _FIRST_BYTES:
            return
        seen = "one"
        try:
            while isinstance(need := _ffi.read_proxy_header(beginning.data), int):
                if not await beginning.has(need):
                    return
        except PeerMisbehaved as error:
            if error.reason is Reason.PROXY_HEADER_MISSING:
                return
            seen = "a malformed one"
        raise PeerMisbehaved(
            detail_for(
                Reason.PROXY_HEADER_UNEXPECTED,
                expected="PROXY headers from named sources only",
                seen=seen,
            )
        )


def _network(source: str | Network) -> Network:
    try:
        network = ipaddress.ip_network(source)
    except ValueError as error:
        refuse_setting("an IP address or network, as '10.0.0.0/24'", f"{error}")
    if isinstance(network, ipaddress.IPv6Network):
        first = network.network_address
        # An IPv4 peer is compared as such, whatever the socket: this would name nobody.
        if network.prefixlen >= _MAPPED_PREFIX and first.ipv4_mapped is not None:
            refuse_setting("IPv4 networks written as such, as '10.0.0.0/24'", network)
        # Networks hold no interfaces: this would name the same address on all of them.
        if first.scope_id is not None:
            refuse_setting("networks without an interface (%)", network)
    return network
