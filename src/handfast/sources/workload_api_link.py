# SPDX-License-Identifier: Apache-2.0
"""The connection to the agent that all calls of a source share.

Invariants:
    1. New calls begin on the newest connection. One that takes no more calls is left to
       those that are on it, and closed by the last of them; so is one on which an
       answer did not come in time.
    2. Connecting has an end: a socket that nobody accepts from is a failure, too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import trio
from google.protobuf.message import Message

from handfast.errors import Reason, SourceError, detail_for
from handfast.workload_api.channel import Channel, open_channel
from handfast.workload_api.status import RpcError, StatusCode

if TYPE_CHECKING:
    from handfast.workload_api.endpoint import Endpoint
    from handfast.workload_api.limits import ClientLimits

__all__ = ["Link", "Used"]

_M = TypeVar("_M", bound=Message)


class Used:
    """A connection, and how many use it.

    Attributes:
        channel: The connection.
        is_new: Whether it was made for the call that got it.
    """

    __slots__ = ("channel", "is_new", "users")

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.is_new = True
        self.users = 0


class Link:
    """Connects when somebody calls, and again when the connection was lost.

    Args:
        endpoint: Where the agent is.
        limits: What is taken from it; None takes the defaults.
        timeout: Seconds to connect.
    """

    def __init__(
        self, endpoint: Endpoint, *, limits: ClientLimits | None, timeout: float
    ) -> None:
        self.endpoint = endpoint
        self._limits = limits
        self._timeout = timeout
        self._lock = trio.Lock()
        self._current: Used | None = None
        self.connects = 0

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[Used, None]:
        """Lend the connection for a call, or for as long as a stream lasts.

        Cancellation: the connection stays with whoever else uses it.

        Raises:
            SourceError: the agent cannot be reached.
        """
        used = await self._newest()
        used.users += 1
        try:
            yield used
        finally:
            used.is_new = False
            used.users -= 1
            if not used.channel.is_usable:
                self.abandon(used)
            if not used.users and self._current is not used:
                with trio.CancelScope(shield=True):
                    await used.channel.aclose()

    def abandon(self, used: Used) -> None:
        """Begin no more calls on a connection: nobody seems to be at the other end."""
        if self._current is used:
            self._current = None

    def probe(self, within: float) -> None:
        """Ask a silent agent for a sign of life in so many seconds, or be gone."""
        if self._current is not None:
            self._current.channel.probe(within)

    async def _newest(self) -> Used:
        async with self._lock:
            used = self._current
            if used is None or not used.channel.is_usable:
                used = Used(await self._connect())
                if self._current is not None and not self._current.users:
                    await self._current.channel.aclose()
                self._current = used
            return used

    async def _connect(self) -> Channel:
        with trio.move_on_after(self._timeout):
            channel = await open_channel(self.endpoint, limits=self._limits)
            self.connects += 1
            return channel
        seen = f"{self.endpoint}: no connection in {self._timeout:g} seconds"
        raise SourceError(detail_for(Reason.SOURCE_UNAVAILABLE, seen=seen))

    async def unary(
        self,
        method: str,
        request: Message,
        response: type[_M],
        *,
        timeout: float,  # noqa: ASYNC109 - the server is told, too
    ) -> _M:
        """Make a call that has one answer and may be repeated.

        An idle connection may have ended without anybody seeing it: then, and only
        then, the call is made once more, on a new one.

        Cancellation: the call is reset.

        Raises:
            SourceError: the agent cannot be reached, or the call did not end well.
        """
        with trio.move_on_after(timeout):
            while True:
                async with self.use() as used:
                    try:
                        return await used.channel.unary(
                            method, request, response, timeout=timeout
                        )
                    except RpcError as error:
                        if error.code is StatusCode.DEADLINE_EXCEEDED:
                            self.abandon(used)
                        lost = error.code is StatusCode.UNAVAILABLE
                        if used.is_new or not lost or used.channel.is_usable:
                            raise
        seen = f"{self.endpoint}: no answer in {timeout:g} seconds"
        raise SourceError(detail_for(Reason.SOURCE_UNAVAILABLE, seen=seen))

    async def aclose(self) -> None:
        """Close the connection; whoever uses it is told.

        Cancellation: it is closed all the same.
        """
        used, self._current = self._current, None
        if used is not None:
            await used.channel.aclose()
