# SPDX-License-Identifier: Apache-2.0
"""Serving bundles over streams that are there already: HTTP/1.1, bounded.

Anybody may connect to a bundle endpoint, so everything that a stranger can hold on to
has a limit (P8): the time for one request, how many of them a connection has, how long
their headers are. A request that comes with a body is answered, and the connection is
closed without reading that.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

import h11
import trio

from handfast.errors import HandfastError
from handfast.federation.publish import Publisher, answer, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handfast.federation.publish import Reply

__all__ = ["BundleService", "ServiceStatistics"]

_LOGGER = logging.getLogger("handfast.federation")
_HEADERS_MAX: Final = 8192
_READ: Final = 4096
_REQUESTS_MAX: Final = 100
#: Seconds for a request, from when the last one was answered until this one is.
_REQUEST_TIME: Final = 15.0
_TARGET_MAX: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatistics:
    """What was served so far.

    Attributes:
        active: Connections now.
        answers: Requests that were answered, by status.
        timeouts: Connections that took too long with a request.
        gave_way: Connections that were ended for newer ones.
    """

    active: int
    answers: Mapping[int, int]
    timeouts: int
    gave_way: int


class BundleService:
    """Answers GET and HEAD with the newest bundle, on any number of connections.

    Args:
        publishers: The bundles by path: functions that return the newest one. One
            alone is served at ``/``.
        max_connections: At that number the oldest one gives way to a new one.
        request_time: Seconds that a connection has for each request.
    """

    def __init__(
        self,
        publishers: Mapping[str, Publisher] | Publisher,
        *,
        max_connections: int = 1000,
        request_time: float = _REQUEST_TIME,
    ) -> None:
        self._publishers = {"/": publishers} if callable(publishers) else publishers
        self._max_connections = max_connections
        self._request_time = request_time
        self._connections: dict[trio.CancelScope, None] = {}
        self._answers: Counter[int] = Counter()
        self._timeouts = 0
        self._gave_way = 0

    def statistics(self) -> ServiceStatistics:
        """Return what was served so far."""
        return ServiceStatistics(
            active=len(self._connections),
            answers=dict(self._answers),
            timeouts=self._timeouts,
            gave_way=self._gave_way,
        )

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end; the stream is closed then.

        Cancellation: the stream is closed.
        """
        if len(self._connections) >= self._max_connections:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            self._gave_way += 1
            oldest.cancel()
        with trio.CancelScope() as scope:
            self._connections[scope] = None
            try:
                await _Connection(stream, self).run()
            finally:
                self._connections.pop(scope, None)
                await trio.aclose_forcefully(stream)

    def answer(self, request: h11.Request) -> Reply:
        """Answer a request, and count it."""
        if len(request.target) > _TARGET_MAX:
            return self.count(refusal(414))
        asked = [value for name, value in request.headers if name == b"if-none-match"]
        reply = answer(self._publishers, request.method, request.target, asked)
        if reply.failure is not None:
            ours = not isinstance(reply.failure, HandfastError)
            _LOGGER.error(
                "no bundle to serve: %s",
                reply.failure,
                exc_info=reply.failure if ours else None,
            )
        return self.count(reply)

    def count(self, reply: Reply) -> Reply:
        """Count an answer."""
        self._answers[reply.status] += 1
        return reply

    def deadline(self) -> trio.CancelScope:
        """The time for one request."""
        return trio.move_on_after(self._request_time)

    def too_slow(self) -> None:
        """Count a connection that was ended for its slowness."""
        self._timeouts += 1


class _Connection:
    """One connection, request by request."""

    def __init__(self, stream: trio.abc.Stream, service: BundleService) -> None:
        self._stream = stream
        self._service = service
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEADERS_MAX)

    async def run(self) -> None:
        try:
            for left in reversed(range(_REQUESTS_MAX)):
                goes_on = False
                with self._service.deadline() as deadline:
                    goes_on = await self._serve_one(last=not left)
                if deadline.cancelled_caught:
                    self._service.too_slow()
                    return
                if not goes_on:
                    break
            with self._service.deadline():
                await self._stream.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            # Scanners, health checks, people who hang up: nothing to do about it.
            _LOGGER.debug("a connection broke: %s", error)

    async def _serve_one(self, *, last: bool) -> bool:
        """Answer the next request; False when it was the last one."""
        try:
            request = await self._next()
            if request is None:
                return False
            # A body, announced or not, is nothing that we read.
            whole = isinstance(self._http.next_event(), h11.EndOfMessage)
        except h11.RemoteProtocolError as error:
            reply = self._service.count(refusal(error.error_status_hint))
            await self._send(reply, close=True)
            return False
        await self._send(self._service.answer(request), close=last or not whole)
        if self._http.our_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _next(self) -> h11.Request | None:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                return event
            if event is not h11.NEED_DATA:
                return None  # the end
            self._http.receive_data(bytes(await self._stream.receive_some(_READ)))

    async def _send(self, reply: Reply, *, close: bool) -> None:
        headers = [*reply.headers, ("Date", formatdate(usegmt=True))]
        if close:
            headers.append(("Connection", "close"))
        parts = [
            self._http.send(h11.Response(status_code=reply.status, headers=headers)),
            self._http.send(h11.Data(data=reply.body)) if reply.body else b"",
            self._http.send(h11.EndOfMessage()),
        ]
        await self._stream.send_all(b"".join(part or b"" for part in parts))
