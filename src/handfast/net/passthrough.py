# SPDX-License-Identifier: Apache-2.0
"""Passing a connection on to a backend, TLS and all, by the name that it asks for.

Nothing is decrypted and nobody is verified here: who may come in is the backend's to
say. So this costs a stranger nothing, and everything that he can hold on to is bounded:
relays by number, waiting by time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, final

import trio

from handfast.errors import (
    Reason,
    TransportError,
    UsageError,
    detail_for,
)
from handfast.net.failures import need_positive, refuse_setting

if TYPE_CHECKING:
    from handfast.net.beginning import Beginning
    from handfast.net.living import Owner

__all__ = ["Passthrough", "Relay"]

_PIECE: Final = 65536
_PORT_MAX: Final = 65535


@final
class Passthrough:
    """Where to pass connections on to, for `ServerNames`.

    Args:
        host: Name or address of the backend; never anything that a peer said.
        port: Its TCP port.
        connect_timeout: Seconds to connect to it, within the handshake's time.
        idle_timeout: Seconds without a byte in either direction, after which both ends
            are closed. A peer that does not read what the other sends is idle, too.
        max_connections: How many may be passed on at a time; more are refused.

    Raises:
        ConfigError: an argument is not valid.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connect_timeout: float = 5.0,
        idle_timeout: float = 600.0,
        max_connections: int = 1000,
    ) -> None:
        if not host or not 0 < port <= _PORT_MAX:
            refuse_setting("a host and a port from 1 to 65535", f"{host!r}, {port!r}")
        for name, value in (
            ("connect_timeout=", connect_timeout),
            ("idle_timeout=", idle_timeout),
            ("max_connections=", max_connections),
        ):
            need_positive(name, value)
            if value == math.inf:
                refuse_setting(f"{name} that ends", value)
        self.host = host
        self.port = port
        self.connect_timeout = connect_timeout
        self.idle_timeout = idle_timeout
        self.max_connections = max_connections
        self._active = 0

    @property
    def active(self) -> int:
        """How many connections are passed on now."""
        return self._active

    async def open(self, beginning: Beginning, owner: Owner) -> Relay:
        """Connect to the backend.

        Cancellation: nothing is left open.

        Raises:
            UsageError: too many are passed on already.
            TransportError: the backend cannot be reached.
        """
        if self._active >= self.max_connections:
            seen = f"{self._active} connections passed on to {self} already"
            raise UsageError(detail_for(Reason.LIMIT, seen=seen))
        self._active += 1
        try:
            with trio.fail_after(self.connect_timeout):
                backend = await trio.open_tcp_stream(self.host, self.port)
        except (OSError, trio.TooSlowError) as error:
            self._active -= 1
            seen = str(error) or f"no answer in {self.connect_timeout:g} seconds"
            expected = f"the backend {self}"
            hint = "is the backend up, and its address right?"
            raise TransportError(
                detail_for(Reason.IO, expected=expected, seen=seen, hint=hint)
            ) from error
        except BaseException:
            self._active -= 1
            raise
        return Relay(self, beginning, backend, owner)

    def relay_ended(self) -> None:
        """Count one less."""
        self._active -= 1

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@final
class Relay(trio.abc.AsyncResource):
    """A connection that is passed on; it belongs to whoever runs it."""

    __slots__ = (
        "__weakref__",
        "_backend",
        "_client",
        "_closed",
        "_early",
        "_ended",
        "_owner",
        "_scope",
        "_to",
    )

    def __init__(
        self,
        to: Passthrough,
        beginning: Beginning,
        backend: trio.abc.Stream,
        owner: Owner,
    ) -> None:
        self._to = to
        self._owner = owner
        self._ended: Reason | None = None
        self._client = beginning.transport
        self._early = beginning.data
        self._backend = backend
        self._scope = trio.CancelScope()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def start_draining(self, timeout: float | None = None) -> None:
        """Do nothing: what lies in between says nothing to either end."""

    async def end(self, reason: Reason = Reason.DRAINED) -> None:
        """Stop it.

        Cancellation: it stops all the same.
        """
        self._ended = reason
        self._scope.cancel()
        await trio.lowlevel.checkpoint()

    async def run(self) -> None:
        """Carry bytes both ways until both directions have ended, or it is idle.

        The end of one direction is passed on, and the other goes on. When either end
        breaks, both are closed, not politely: neither may take it for a clean end.

        Cancellation: both ends are closed.
        """
        try:
            with self._scope:
                self._touch()
                async with trio.open_nursery() as nursery:
                    early, self._early = self._early, b""
                    nursery.start_soon(self._carry, self._client, self._backend, early)
                    nursery.start_soon(self._carry, self._backend, self._client, b"")
                await self._client.aclose()
                await self._backend.aclose()
        finally:
            await self.aclose()

    def _touch(self) -> None:
        self._scope.deadline = trio.current_time() + self._to.idle_timeout

    async def _carry(
        self, source: trio.abc.Stream, target: trio.abc.Stream, data: bytes | bytearray
    ) -> None:
        try:
            data = data or await source.receive_some(_PIECE)
            while data:
                await target.send_all(data)
                self._touch()
                data = await source.receive_some(_PIECE)
                self._touch()
            if isinstance(target, trio.abc.HalfCloseableStream):
                await target.send_eof()
            else:
                self._scope.cancel()
        except trio.BrokenResourceError:
            self._scope.cancel()

    async def aclose(self) -> None:
        """Close both ends at once.

        Cancellation: they are closed all the same.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        self._to.relay_ended()
        self._owner.stream_closed(self, self._ended)
        try:
            await trio.aclose_forcefully(self._client)
        finally:
            await trio.aclose_forcefully(self._backend)
