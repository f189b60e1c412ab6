# SPDX-License-Identifier: Apache-2.0
"""Two connections, joined in memory: no sockets, no event loop, no time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Self

from handfast.errors import HandfastError, PeerAlert
from handfast.tls import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handfast.names import DnsName, IpAddress
    from handfast.tls import TlsConfig

__all__ = [
    "HandshakeOutcome",
    "attempt_handshake",
    "connection_pair",
    "handshake_in_memory",
    "transfer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeOutcome:
    """How a handshake ended on each side.

    Attributes:
        client: What the client raised; None when it is content.
        server: What the server raised; None when it is content.
    """

    client: HandfastError | None
    server: HandfastError | None

    @property
    def ok(self) -> bool:
        """Whether both sides are content."""
        return self.client is None and self.server is None

    def check(self) -> None:
        """Raise what went wrong: the refusal itself rather than the alert about it."""
        errors = [error for error in (self.client, self.server) if error is not None]
        errors.sort(key=lambda error: isinstance(error, PeerAlert))
        if errors:
            raise errors[0]


class _End:
    """One side while it shakes hands."""

    __slots__ = ("conn", "done", "error")

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.done = False
        self.error: HandfastError | None = None

    def step(self, chunk: bytes | None) -> None:
        """Take a chunk, or none to begin, and go on."""
        try:
            if chunk is not None:
                self.conn.receive(chunk)
            if not self.done:
                self.done = self.conn.handshake()
            elif chunk is not None:
                # TLS 1.3: the client is done before the server has judged it, so the
                # server's refusal arrives as the first thing to be read.
                self.conn.read()
        except HandfastError as error:
            self.error = error

    def move(self, other: Self, sizes: Iterator[int]) -> bool:
        """Carry what waits to the other side; say whether there was anything."""
        data = self.conn.to_send()
        for chunk in _split(data, sizes):
            if other.error is None:
                other.step(chunk)
        return bool(data)


def _split(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        size = max(1, next(sizes))
        yield data[start : start + size]
        start += size


def attempt_handshake(
    client: Connection, server: Connection, *, sizes: Iterator[int] | None = None
) -> HandshakeOutcome:
    """Let two connections shake hands and say how it ended on each side.

    Args:
        client: One of a client's configuration.
        server: One of a server's.
        sizes: Endless; how many bytes to carry at a time. None carries all there are.
    """
    steps = repeat(1 << 30) if sizes is None else sizes
    ends = _End(client), _End(server)
    for end in ends:
        end.step(None)
    moved = True
    while moved:
        moved = ends[0].move(ends[1], steps)
        moved |= ends[1].move(ends[0], steps)
    for end, other in (ends, ends[::-1]):
        # Nothing moves any more: whoever still waits learns that the other has gone.
        if not end.done and end.error is None and other.error is not None:
            end.step(b"")
    return HandshakeOutcome(client=ends[0].error, server=ends[1].error)


def handshake_in_memory(
    client: Connection, server: Connection, *, sizes: Iterator[int] | None = None
) -> None:
    """Let two connections shake hands.

    Raises:
        HandfastError: what the side that refused has raised.
    """
    attempt_handshake(client, server, sizes=sizes).check()


def connection_pair(
    client_config: TlsConfig,
    server_config: TlsConfig,
    *,
    server_hostname: str | DnsName | IpAddress | None = None,
    sizes: Iterator[int] | None = None,
) -> tuple[Connection, Connection]:
    """Make a client and a server that have shaken hands.

    Raises:
        HandfastError: what the side that refused has raised.

    Example:
        >>> from handfast import StaticSource, TlsConfig, authorize
        >>> from handfast.authority import Authority
        >>> authority = Authority("a.example")
        >>> svid = authority.issue("spiffe://a.example/w")
        >>> source = StaticSource(svid, authority.bundle)
        >>> client, server = connection_pair(
        ...     TlsConfig.client(source, authorize=authorize.any_in("a.example")),
        ...     TlsConfig.server(source, authorize=authorize.any_in("a.example")),
        ... )
        >>> client.send(b"hello")
        >>> transfer(client, server) > 5
        True
        >>> server.read()
        b'hello'
    """
    client = Connection(client_config, server_hostname=server_hostname)
    server = Connection(server_config)
    handshake_in_memory(client, server, sizes=sizes)
    return client, server


def transfer(
    source: Connection, target: Connection, *, sizes: Iterator[int] | None = None
) -> int:
    """Carry what waits in one connection to the other; say how many bytes."""
    data = source.to_send()
    for chunk in _split(data, repeat(1 << 30) if sizes is None else sizes):
        target.receive(chunk)
    return len(data)
