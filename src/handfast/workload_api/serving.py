# SPDX-License-Identifier: Apache-2.0
"""The server's loop: connections from listeners, each with an identified caller."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import trio

from handfast.errors import HandfastError
from handfast.text import escape
from handfast.workload_api.limits import ServerLimits
from handfast.workload_api.methods import Method
from handfast.workload_api.serving_connection import ServedConnection, Share

__all__ = ["ServerStatistics", "serve_calls"]

_C = TypeVar("_C")
_log = logging.getLogger("handfast.workload_api")


@dataclass(slots=True)
class ServerStatistics:
    """Counts of a server; read them at any time.

    Attributes:
        connections: Open now.
        accepted: Connections that came.
        refused: Of them: too many, or their caller could not be identified.
        failed: Of them: ended for a fault of the client's, by what it was.
        ended: Calls that ended, by status.
    """

    connections: int = 0
    accepted: int = 0
    refused: int = 0
    failed: Counter[str] = field(default_factory=Counter[str])
    ended: Counter[str] = field(default_factory=Counter[str])


class _Server(Generic[_C]):
    def __init__(
        self,
        methods: Mapping[str, Method[_C]],
        identify: Callable[[trio.SocketStream], Awaitable[_C]],
        share_of: Callable[[_C], Hashable] | None,
        limits: ServerLimits,
        statistics: ServerStatistics,
    ) -> None:
        self._methods = methods
        self._identify = identify
        self._share_of = share_of
        self._limits = limits
        self._statistics = statistics
        self._shares: dict[Hashable, Share] = {}

    async def connection(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end; nothing of it gets out."""
        statistics = self._statistics
        statistics.accepted += 1
        if statistics.connections >= self._limits.connections:
            statistics.refused += 1
            await trio.aclose_forcefully(stream)
            return
        statistics.connections += 1
        try:
            await self._serve(stream)
        except Exception:  # noqa: BLE001 - see below
            # One client's connection is never the end of the others'.
            _log.exception("a Workload API connection failed")
        finally:
            statistics.connections -= 1
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        caller: _C
        try:
            with trio.fail_after(self._limits.preface_timeout):
                caller = await self._identify(stream)
        except (HandfastError, OSError, trio.TooSlowError) as error:
            # Who cannot be told apart gets nothing (WAPI-15).
            self._statistics.refused += 1
            _log.warning("a caller was not identified: %s", escape(str(error)))
            return
        try:
            await self._serve_caller(stream, caller)
        finally:
            close = getattr(caller, "close", None)
            if close is not None:
                close()

    async def _serve_caller(self, stream: trio.SocketStream, caller: _C) -> None:
        key = None if self._share_of is None else self._share_of(caller)
        share = Share() if self._share_of is None else self._shares.get(key, Share())
        if share.connections >= self._limits.connections_per_caller:
            self._statistics.refused += 1
            _log.warning("too many connections of one caller")
            return
        self._shares[key] = share
        share.connections += 1
        try:
            served = ServedConnection(
                stream,
                caller,
                self._methods,
                share=share,
                limits=self._limits,
                ended=self._statistics.ended,
            )
            reason = await served.run()
            if reason is not None:
                self._statistics.failed[reason] += 1
        finally:
            share.connections -= 1
            if not share.connections:
                self._shares.pop(key, None)


async def serve_calls(  # noqa: PLR0913 - all but two by keyword
    listeners: Sequence[trio.abc.Listener[trio.SocketStream]],
    methods: Mapping[str, Method[_C]],
    *,
    identify: Callable[[trio.SocketStream], Awaitable[_C]],
    share_of: Callable[[_C], Hashable] | None = None,
    limits: ServerLimits | None = None,
    statistics: ServerStatistics | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve gRPC calls until cancelled.

    Every request has to carry ``workload.spiffe.io: true``; others are answered with
    InvalidArgument, whatever they ask for (WAPI-07, WAPI-08).

    Args:
        listeners: Where to accept; they are closed in the end.
        methods: What to answer with, by path; other paths are Unimplemented.
        identify: Says who connected, once a connection. A `HandfastError` or `OSError`
            of it ends the connection. If what it returns has a ``close``, that is
            called when the connection has ended.
        share_of: Which callers share their limits, such as those of one user.
        limits: What is taken from clients.
        statistics: Counts, to be read by whoever passed it.
        task_status: Told when it serves.

    Cancellation: is how it ends. Connections are closed.
    """
    server = _Server(
        methods,
        identify,
        share_of,
        limits or ServerLimits(),
        statistics or ServerStatistics(),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, server.connection, list(listeners))
        task_status.started()
