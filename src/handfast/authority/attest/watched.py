# SPDX-License-Identifier: Apache-2.0
"""When a connection can have been made, for kernels that cannot open its process.

Such a kernel says the pid of who connected, and by the time we ask, the pid may be the
next process's. That one has begun after the connection was made. So a process that has
begun *before* the connection can have been made is the right one; and a connection was
made after the last moment at which none was waiting.
"""

from __future__ import annotations

import select
from weakref import WeakKeyDictionary

import trio

from handfast.authority.attest.system import System

__all__ = ["WatchedListener"]


class WatchedListener(trio.abc.Listener[trio.SocketStream]):
    """A listener that notes, for each stream, when it cannot have been there yet."""

    def __init__(
        self,
        listener: trio.SocketListener,
        system: System,
        connected_after: WeakKeyDictionary[trio.SocketStream, float],
    ) -> None:
        self._listener = listener
        self._system = system
        self._connected_after = connected_after
        # Until none was seen waiting, they may have been made at any time.
        self._empty_at = 0.0

    async def accept(self) -> trio.SocketStream:
        """Accept a connection.

        Cancellation: none is lost.
        """
        # The clock first: what is empty after that moment was not filled before it.
        now = self._system.boot_time()
        poll = select.poll()
        poll.register(self._listener.socket.fileno(), select.POLLIN)
        if not poll.poll(0):
            self._empty_at = now
        stream = await self._listener.accept()
        self._connected_after[stream] = self._empty_at
        return stream

    async def aclose(self) -> None:
        """Close the listener."""
        await self._listener.aclose()
