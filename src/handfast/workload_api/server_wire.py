# SPDX-License-Identifier: Apache-2.0
"""The server's side of gRPC over HTTP/2, without any I/O.

Requests come out of `receive` as events, and answers go in by `send` and `end`. What is
no request of gRPC is answered here and never seen above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import h2.events
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from handfast.text import escape
from handfast.workload_api.client_wire import is_grpc
from handfast.workload_api.frames import GoAway
from handfast.workload_api.http2 import Headers, Http2, read_headers
from handfast.workload_api.messages import MessageReader, frame_message
from handfast.workload_api.status import RpcError, StatusCode, write_message
from handfast.workload_api.timeouts import read_timeout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handfast.workload_api.limits import ServerLimits

__all__ = [
    "CallCancelled",
    "CallStarted",
    "RequestArrived",
    "RequestEnded",
    "ServerWire",
]

_ANSWER: Final[Headers] = [(":status", "200"), ("content-type", "application/grpc")]


@dataclass(frozen=True, slots=True)
class CallStarted:
    """Headers of a request: which method, with which metadata, for how long."""

    call: int
    path: str
    metadata: Mapping[str, Sequence[str]]
    timeout: float | None


@dataclass(frozen=True, slots=True)
class RequestArrived:
    """A message of the client."""

    call: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """The client sends no more messages in this call."""

    call: int


@dataclass(frozen=True, slots=True)
class CallCancelled:
    """The client wants no answer any more."""

    call: int


Event = CallStarted | RequestArrived | RequestEnded | CallCancelled


class _Call:
    __slots__ = ("answered", "reader", "reading")

    def __init__(self, limit: int) -> None:
        self.reader = MessageReader(limit)
        self.reading = True  # whether the client's side is still open
        self.answered = False  # whether our headers went out


class ServerWire:
    """One connection of a client.

    Args:
        limits: What is taken from the client.
    """

    __slots__ = ("_calls", "_has_begun", "_http2", "_limits")

    def __init__(self, *, limits: ServerLimits) -> None:
        self._limits = limits
        self._http2 = Http2(
            client=False, limits=limits, streams=limits.streams, window=65535
        )
        self._calls: dict[int, _Call] = {}
        self._has_begun = False

    @property
    def has_begun(self) -> bool:
        """Whether the client has said all that HTTP/2 begins with."""
        return self._has_begun

    @property
    def calls(self) -> int:
        """How many calls are open."""
        return len(self._calls)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes.

        Raises:
            WireError: the client broke the protocol, and the connection is over.
        """
        found: list[Event] = []
        for part in self._http2.receive(data, now):
            if not isinstance(part, GoAway):  # which says nothing to a server
                self._take(part, found)
        return found

    def _take(self, events: list[h2.events.Event], found: list[Event]) -> None:
        for event in events:
            match event:
                case h2.events.RequestReceived():
                    self._start(event, found)
                case h2.events.DataReceived():
                    self._data(event, found)
                case h2.events.StreamEnded():
                    self._ended(event.stream_id, found)
                case h2.events.RemoteSettingsChanged():
                    self._has_begun = True
                case h2.events.StreamReset():
                    self._http2.forget(event.stream_id)
                    if self._calls.pop(event.stream_id, None) is not None:
                        found.append(CallCancelled(event.stream_id))
                case _:
                    continue

    def send(self, call: int, message: bytes) -> None:
        """Answer with a message, as the client's windows allow."""
        state = self._calls.get(call)
        if state is None:
            return
        if not state.answered:
            state.answered = True
            self._send_headers(call, _ANSWER, end=False)
        self._http2.queue(call, frame_message(message))

    def end(self, call: int, code: StatusCode, message: str = "") -> None:
        """End a call with a status, after the messages that are queued."""
        state = self._calls.pop(call, None)
        if state is None:
            return
        trailers = [("grpc-status", str(int(code)))]
        if message:
            trailers.append(("grpc-message", write_message(message)))
        if state.answered:
            self._http2.queue_trailers(call, trailers)
        else:
            # gRPC's short form: headers that are trailers, too.
            self._send_headers(call, _ANSWER + trailers, end=True)
        if state.reading:
            self._http2.stop_reading(call)

    def reset(self, call: int) -> None:
        """End a call without a word: its client does not take what we say."""
        if self._calls.pop(call, None) is not None or self._http2.is_sending(call):
            self._http2.reset(call, ErrorCodes.CANCEL)

    def give_up(self) -> None:
        """Say that the connection is over, for no fault of the client's."""
        self._http2.give_up(ErrorCodes.NO_ERROR)

    def unsent(self, call: int) -> int:
        """How many bytes of an answer wait for the client."""
        return self._http2.unsent(call)

    def to_send(self) -> bytes:
        """Show the next bytes to send; empty when there are none."""
        return self._http2.to_send()

    def sent(self, size: int) -> None:
        """Say how many of them went."""
        self._http2.sent(size)

    # -- one event of HTTP/2 at a time

    def _start(self, event: h2.events.RequestReceived, found: list[Event]) -> None:
        call = event.stream_id
        headers = read_headers(event.headers)
        if headers.get(":method") != ["POST"]:
            self._refuse_http(call, "405")
            return
        kind = headers.get("content-type", [""])
        if len(kind) != 1 or not is_grpc(kind[0]):
            self._refuse_http(call, "415")
            return
        self._calls[call] = _Call(self._limits.message)
        try:
            if headers.get("grpc-encoding", ["identity"]) != ["identity"]:
                text = f"compression {escape(', '.join(headers['grpc-encoding']))}"
                raise RpcError(StatusCode.UNIMPLEMENTED, text)  # noqa: TRY301 - told below, with the others
            timeout = _read_timeout(headers.get("grpc-timeout", []))
        except RpcError as error:
            self.end(call, error.code, error.message)
            return
        path = headers.get(":path", [""])[0]
        found.append(CallStarted(call, path, headers, timeout))

    def _data(self, event: h2.events.DataReceived, found: list[Event]) -> None:
        call = event.stream_id
        self._http2.acknowledge(call, event.flow_controlled_length)
        state = self._calls.get(call)
        if state is None or not state.reading:
            return
        try:
            messages = state.reader.feed(event.data)
        except RpcError as error:
            self.end(call, error.code, error.message)
            found.append(CallCancelled(call))
            return
        found.extend(RequestArrived(call, message) for message in messages)

    def _ended(self, call: int, found: list[Event]) -> None:
        state = self._calls.get(call)
        if state is None:
            return
        state.reading = False
        if state.reader.is_inside:
            self.end(call, StatusCode.INTERNAL, "a request that ends inside a message")
            found.append(CallCancelled(call))
        else:
            found.append(RequestEnded(call))

    def _refuse_http(self, call: int, status: str) -> None:
        self._send_headers(call, [(":status", status)], end=True)
        self._http2.stop_reading(call)

    def _send_headers(self, call: int, headers: Headers, *, end: bool) -> None:
        try:
            self._http2.send_headers(call, headers, end=end)
        except H2Error:
            return  # the stream is gone, and its own event says so


def _read_timeout(values: Sequence[str]) -> float | None:
    if not values:
        return None
    try:
        if len(values) > 1:
            raise ValueError("several grpc-timeout")  # noqa: TRY301 - told below
        return read_timeout(values[0])
    except ValueError as error:
        raise RpcError(StatusCode.INVALID_ARGUMENT, str(error)) from error
