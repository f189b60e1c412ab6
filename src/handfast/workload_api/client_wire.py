# SPDX-License-Identifier: Apache-2.0
"""The client's side of gRPC over HTTP/2, without any I/O.

A call begins with `start`; its messages and its one end come out of `receive` as
events. What a server may get wrong in an answer is the call's end, with a status; what
breaks HTTP/2 or a limit of the connection is a `WireError`, and ends all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import h2.events
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from handfast.errors import Reason
from handfast.text import escape
from handfast.workload_api.frames import GoAway, WireError
from handfast.workload_api.http2 import Headers, Http2, read_headers
from handfast.workload_api.limits import WireLimits
from handfast.workload_api.messages import MessageReader, frame_message
from handfast.workload_api.status import (
    PermissionDenied,
    RpcError,
    StatusCode,
    read_message,
    read_status,
    status_of_http,
    status_of_reset,
)
from handfast.workload_api.timeouts import write_timeout

__all__ = ["CallEnded", "ClientWire", "MessageArrived"]

_STREAMS: Final = 64
_WINDOW: Final = 256 * 1024
# Messages that may wait for whoever called, before the server has to.
_AHEAD: Final = 1
_HTTP_OK: Final = "200"
_STATUS: Final = re.compile(r"[0-9]{3}")


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A message of the server; say `taken` when it was looked at."""

    call: int
    data: bytes


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The end of a call: None is a good one."""

    call: int
    error: RpcError | None


#: What comes out of a connection.
Event = MessageArrived | CallEnded


class _Call:
    __slots__ = ("held", "reader", "waiting")

    def __init__(self, limit: int) -> None:
        self.reader = MessageReader(limit)
        self.waiting = 0  # messages that were not taken yet
        self.held = 0  # bytes that were not acknowledged because of them


class ClientWire:
    """One connection to a Workload API.

    Args:
        limits: What is taken from the server.
        authority: What the requests say in ``:authority``.
    """

    __slots__ = ("_authority", "_calls", "_gone", "_http2", "_limits")

    def __init__(self, *, limits: WireLimits, authority: str = "localhost") -> None:
        self._limits = limits
        self._authority = authority
        self._http2 = Http2(
            client=True, limits=limits, streams=_STREAMS, window=_WINDOW
        )
        self._calls: dict[int, _Call] = {}
        self._gone: RpcError | None = None

    @property
    def gone(self) -> RpcError | None:
        """Why no new call can begin here; None as long as one can."""
        return self._gone

    @property
    def calls(self) -> int:
        """How many calls are open."""
        return len(self._calls)

    def start(
        self,
        path: str,
        message: bytes,
        *,
        timeout: float | None,
        limit: int | None = None,
    ) -> int:
        """Begin a call with its one request.

        Args:
            path: Of the method.
            message: The request.
            timeout: What the server is told of how long we wait.
            limit: Bytes of a message in answer; the connection's when left out.

        Returns:
            Its number.

        Raises:
            RpcError: the connection takes no more calls.
        """
        if self._gone is not None:
            raise RpcError(
                self._gone.code, self._gone.message, reason=self._gone.reason
            )
        if self._http2.streams_left <= 0:
            raise RpcError(
                StatusCode.RESOURCE_EXHAUSTED, "the server takes no more calls at once"
            )
        headers: Headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-accept-encoding", "identity"),
            # WAPI-06: on each call; it keeps requests of a fooled proxy out.
            ("workload.spiffe.io", "true"),
            ("user-agent", "handfast"),
        ]
        if timeout is not None:
            headers.insert(4, ("grpc-timeout", write_timeout(timeout)))
        try:
            call = self._http2.open_stream()
            self._http2.send_headers(call, headers)
        except H2Error as error:
            raise RpcError(StatusCode.UNAVAILABLE, escape(str(error))) from error
        self._calls[call] = _Call(limit or self._limits.message)
        self._http2.queue(call, frame_message(message), end=True)
        return call

    def cancel(self, call: int) -> None:
        """End a call now; nothing happens when it has ended."""
        state = self._calls.pop(call, None)
        if state is not None:
            self._http2.reset(call, ErrorCodes.CANCEL)
            self._http2.acknowledge(call, state.held)

    def taken(self, call: int) -> None:
        """Say that a message of a call was taken: the server may send more."""
        state = self._calls.get(call)
        if state is None:
            return
        state.waiting -= 1
        if state.waiting <= _AHEAD:
            held, state.held = state.held, 0
            self._http2.acknowledge(call, held)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes; empty ones are the end of the connection.

        Raises:
            WireError: the server broke the protocol. All calls are over.
        """
        if not data:
            self._gone = RpcError(StatusCode.UNAVAILABLE, "the connection has ended")
            return self._end_all(self._gone)
        found: list[Event] = []
        try:
            for part in self._http2.receive(data, now):
                if isinstance(part, GoAway):
                    self._no_more(part, found)
                    continue
                for event in part:
                    self._take(event, found)
        except WireError as error:
            self._gone = error
            self._calls.clear()
            raise
        return found

    def ping(self) -> None:
        """Ask the server for a sign of life: whatever comes next is one."""
        self._http2.ping()

    def lose(self, text: str) -> list[Event]:
        """End the connection, as there is nobody at the other end any more."""
        self._gone = RpcError(StatusCode.UNAVAILABLE, f"the server is gone: {text}")
        return self._end_all(self._gone)

    def to_send(self) -> bytes:
        """Show the next bytes to send; empty when there are none."""
        return self._http2.to_send()

    def sent(self, size: int) -> None:
        """Say how many of them went."""
        self._http2.sent(size)

    # -- one event of HTTP/2 at a time

    def _take(self, event: h2.events.Event, found: list[Event]) -> None:
        stream = getattr(event, "stream_id", None)
        if stream is None:
            return
        if stream not in self._calls:
            if isinstance(event, h2.events.DataReceived):
                # Read together with what ended the call. All calls share one window,
                # and what nobody gives back is lost to it for good.
                self._http2.acknowledge(stream, event.flow_controlled_length)
            return
        match event:
            case h2.events.InformationalResponseReceived():
                self._fail(stream, "an interim answer, which gRPC has none of", found)
            case h2.events.ResponseReceived():
                self._headers(stream, event, found)
            case h2.events.DataReceived():
                self._data(stream, event, found)
            case h2.events.TrailersReceived():
                self._finish(stream, read_headers(event.headers), found)
            case h2.events.StreamEnded():
                text = "an answer without a grpc-status"
                self._fail(stream, text, found, closed=True)
            case h2.events.StreamReset():
                code = status_of_reset(int(event.error_code))
                text = f"the server reset the call (HTTP/2 code {event.error_code:d})"
                self._end(stream, _error(code, text), found, closed=True)
            case _:
                return

    def _headers(
        self, call: int, event: h2.events.ResponseReceived, found: list[Event]
    ) -> None:
        headers = read_headers(event.headers)
        closed = event.stream_ended is not None
        status = headers.get(":status", [""])
        kind = headers.get("content-type", [""])
        if status != [_HTTP_OK]:
            number = int(status[0]) if _STATUS.fullmatch(status[0]) else 0
            code = status_of_http(number)
            text = f"HTTP status {escape(status[0])}, no answer of gRPC"
            error = _error(code, text, Reason.SOURCE_PROTOCOL)
            self._end(call, error, found, closed=closed)
        elif len(kind) != 1 or not is_grpc(kind[0]):
            text = f"content-type {escape(', '.join(kind))}"
            self._fail(call, text, found, closed=closed)
        elif closed:
            self._finish(call, headers, found)

    def _data(
        self, call: int, event: h2.events.DataReceived, found: list[Event]
    ) -> None:
        state = self._calls[call]
        size = event.flow_controlled_length
        try:
            messages = state.reader.feed(event.data)
        except RpcError as error:
            state.held += size
            self._end(call, error, found)
            return
        state.waiting += len(messages)
        found.extend(MessageArrived(call, message) for message in messages)
        if state.waiting > _AHEAD:
            state.held += size
        else:
            self._http2.acknowledge(call, size)

    def _finish(
        self, call: int, headers: dict[str, list[str]], found: list[Event]
    ) -> None:
        status = headers.get("grpc-status", [])
        try:
            if len(status) != 1:
                raise ValueError(f"{len(status)} grpc-status in one answer")  # noqa: TRY301 - told below, with the others
            code = read_status(status[0])
        except ValueError as error:
            self._fail(call, str(error), found, closed=True)
            return
        if code is not StatusCode.OK:
            text = read_message(headers.get("grpc-message", [""])[0])
            self._end(call, _error(code, text), found, closed=True)
        elif self._calls[call].reader.is_inside:
            text = "an answer that ends inside a message"
            self._fail(call, text, found, closed=True)
        else:
            self._end(call, None, found, closed=True)

    def _fail(
        self, call: int, text: str, found: list[Event], *, closed: bool = False
    ) -> None:
        error = RpcError(StatusCode.INTERNAL, text, reason=Reason.SOURCE_PROTOCOL)
        self._end(call, error, found, closed=closed)

    def _end(
        self,
        call: int,
        error: RpcError | None,
        found: list[Event],
        *,
        closed: bool = False,
    ) -> None:
        state = self._calls.pop(call)
        # A server may answer before it has the whole request, or go on after an answer
        # that we refuse: then it is told to stop. Not otherwise: resets count as a
        # flood somewhere.
        if not closed or self._http2.is_sending(call):
            self._http2.reset(call, ErrorCodes.CANCEL)
        # The connection's window is for all calls: this one has no use for its part.
        self._http2.acknowledge(call, state.held)
        found.append(CallEnded(call, error))

    def _end_all(self, error: RpcError) -> list[Event]:
        ended: list[Event] = [CallEnded(call, error) for call in self._calls]
        self._calls.clear()
        return ended

    def _no_more(self, goaway: GoAway, found: list[Event]) -> None:
        text = escape(goaway.text)
        said = f"the server is going away (HTTP/2 code {goaway.code}) {text}".rstrip()
        self._gone = RpcError(StatusCode.UNAVAILABLE, said)
        for call in [it for it in self._calls if it > goaway.last_stream]:
            self._end(call, self._gone, found)


def is_grpc(content_type: str) -> bool:
    """Whether a content-type is gRPC with protobuf.

    Example:
        >>> [is_grpc(it) for it in ("application/grpc+proto", "application/grpc-web")]
        [True, False]
    """
    kind = content_type.partition(";")[0].strip().lower()
    return kind in {"application/grpc", "application/grpc+proto"}


def _error(code: StatusCode, text: str, reason: Reason | None = None) -> RpcError:
    if code is StatusCode.PERMISSION_DENIED:
        return PermissionDenied(text)
    return RpcError(code, text, reason=reason)
