# SPDX-License-Identifier: Apache-2.0
"""Where a bundle endpoint may be: names are resolved once, and what came is judged.

An endpoint's name, and the targets of its redirects, are in other people's hands. They
must not lead this process to what only it can reach: itself, its link, the metadata
service of its cloud (F1). The address that was judged is the one that is connected to,
so a second answer of the resolver cannot take its place.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Final

import trio

from handfast.errors import FederationError, Reason, detail_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast.federation.endpoint import IpNetwork
    from handfast.federation.url import EndpointUrl

__all__ = ["connect", "why_not"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_SocketAddress = tuple[Any, ...]  # of a family that getaddrinfo chose

# Metadata services of clouds outside of link-local addresses: of AWS, Google, Alibaba,
# Oracle, and Azure's, which is a public address.
_METADATA: Final = (
    ipaddress.ip_address("fd00:ec2::254"),
    ipaddress.ip_address("fd20:ce::254"),
    ipaddress.ip_address("100.100.100.200"),
    ipaddress.ip_address("192.0.0.192"),
    ipaddress.ip_address("168.63.129.16"),
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_IPV4_BITS: Final = 0xFFFF_FFFF

#: Seconds for one address of several, so that a silent one does not use up all.
_ONE_ADDRESS: Final = 5.0


def _readings(address: _Address) -> list[_Address]:
    """An address, and the IPv4 addresses that are packed up in it."""
    found: list[_Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour]
        if address.teredo is not None:
            inner.extend(address.teredo)
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & _IPV4_BITS))
        found.extend(one for one in inner if one is not None)
    return found


def _kind(address: _Address, *, redirected: bool) -> str | None:
    """Name what makes an address one to keep away from."""
    kinds = {
        "this host": address.is_loopback or address.is_unspecified,
        "link-local": address.is_link_local,
        "a cloud's metadata service": address in _METADATA,
        "multicast": address.is_multicast,
        "reserved": address.is_reserved,
        "private": redirected and not address.is_global,
    }
    return next((kind for kind, fits in kinds.items() if fits), None)


def why_not(
    text: str, allowed: Sequence[IpNetwork], *, redirected: bool = False
) -> str | None:
    """Say why an address is not connected to; None when it may be.

    Args:
        text: An IPv4 or IPv6 address.
        allowed: Networks that are local on purpose.
        redirected: A redirect leads there: then private networks are refused, too.

    Example:
        >>> why_not("169.254.169.254", ()), why_not("10.0.0.1", ())
        ('link-local', None)
        >>> why_not("::ffff:127.0.0.1", ())
        'this host'
    """
    # An IPv6 link-local address comes with its zone.
    address = ipaddress.ip_address(text.partition("%")[0])
    for reading in _readings(address):
        if any(reading in network for network in allowed):
            continue
        # 6to4, Teredo and NAT64 addresses are reserved or global by themselves.
        wrapped = reading is address and len(_readings(address)) > 1
        kind = None if wrapped else _kind(reading, redirected=redirected)
        if kind is not None:
            return kind
    return None


async def connect(
    url: EndpointUrl, allowed: Sequence[IpNetwork], *, redirected: bool
) -> tuple[trio.SocketStream, str]:
    """Resolve a host once, and connect to the first of its addresses that answers.

    Returns:
        The connection, and the address.

    Cancellation: the connection is closed.

    Raises:
        FederationError: no address may be connected to, or none answers.
    """
    found = await _resolve(url)
    refused: list[str] = []
    candidates: list[tuple[socket.AddressFamily, _SocketAddress]] = []
    for family, address in found:
        kind = why_not(address[0], allowed, redirected=redirected)
        if kind is None:
            candidates.append((family, address))
        else:
            refused.append(f"{address[0]}, {kind}")
    if not candidates:
        detail = detail_for(
            Reason.FEDERATION_ADDRESS,
            expected=f"an address of {url.host} beyond this host and its link"
            + (", and beyond private networks after a redirect" if redirected else ""),
            seen="; ".join(refused) or "none",
        )
        raise FederationError(detail)
    return await _first(url, candidates)


async def _resolve(
    url: EndpointUrl,
) -> list[tuple[socket.AddressFamily, _SocketAddress]]:
    try:
        rows = await trio.socket.getaddrinfo(
            str(url.host), url.port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise _unreachable(f"no address of {url.host}: {error}") from error
    found: list[tuple[socket.AddressFamily, _SocketAddress]] = []
    for family, _, _, _, address in rows:
        host = address[0]
        # A Python that was built without a family gives its addresses as bytes.
        if isinstance(host, str):
            found.append((family, (host, *address[1:])))
    return list(dict.fromkeys(found))


async def _first(
    url: EndpointUrl,
    candidates: Sequence[tuple[socket.AddressFamily, _SocketAddress]],
) -> tuple[trio.SocketStream, str]:
    failures: list[str] = []
    for family, address in candidates:
        connecting = trio.socket.socket(family, socket.SOCK_STREAM)
        try:
            with trio.fail_after(_ONE_ADDRESS):
                # An address, not a name: there is nothing left to resolve.
                await connecting.connect(address)
            return trio.SocketStream(connecting), str(address[0])
        except OSError as error:
            connecting.close()
            failures.append(f"{address[0]}: {error}")
        except trio.TooSlowError:
            connecting.close()
            failures.append(f"{address[0]}: no answer")
        except BaseException:
            connecting.close()
            raise
    raise _unreachable(f"{url.authority}: " + "; ".join(failures))


def _unreachable(seen: str) -> FederationError:
    return FederationError(detail_for(Reason.FEDERATION_UNREACHABLE, seen=seen))
