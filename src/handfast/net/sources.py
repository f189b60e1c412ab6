# SPDX-License-Identifier: Apache-2.0
"""How many handshakes each address has under way, for those in the event loop."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from functools import partial

import trio

from handfast.errors import Reason, UsageError, detail_for

__all__ = ["Leave", "Sources", "crowded", "nothing_to_leave"]

#: Gives back a place; to be called once.
Leave = Callable[[], None]


def nothing_to_leave() -> None:
    """Give back no place: there was none."""


def crowded() -> UsageError:
    """Make the error of one handshake too many of one address; it is not raised."""
    seen = "one handshake more than max_handshakes_per_source= allows"
    return UsageError(detail_for(Reason.LIMIT, seen=seen))


class Sources:
    """Counts by address; only those that have some under way are kept."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def enter(self, transport: trio.abc.Stream) -> Leave:
        """Take a place for a handshake, and return what gives it back.

        Raises:
            UsageError: the address has as many as it may have.
        """
        source = None if self._most is None else _source_of(transport)
        if self._most is None or source is None:
            return nothing_to_leave
        if self._counts[source] >= self._most:
            raise crowded()
        self._counts[source] += 1
        return partial(self._leave, source)

    def _leave(self, source: str) -> None:
        self._counts[source] -= 1
        if not self._counts[source]:
            del self._counts[source]


def _source_of(transport: trio.abc.Stream) -> str | None:
    """Say what counts as one source: an IPv4 address, or the /64 of an IPv6 one.

    None for everything that has no such address: there is no limit for those.
    """
    if not isinstance(transport, trio.SocketStream):
        return None
    try:
        name = transport.socket.getpeername()
    except OSError:
        return None
    match name:
        case (str(host), int(), *_):
            address = ipaddress.ip_address(host.partition("%")[0])
        case _:
            return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return address.packed[:8].hex()
