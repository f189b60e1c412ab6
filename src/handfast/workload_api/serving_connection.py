# SPDX-License-Identifier: Apache-2.0
"""One connection of a client: its calls, each in a task of its own, and their limits.

Invariants:

1. Bytes leave through one lock, and how many went is noted before anything else.
2. A connection without a call, and a client that takes nothing, have a deadline.
3. A handler's task ends with its call, however that ends, and the connection's end is
   the end of all of them.
4. What waits for a handler is bounded. Windows are opened as bytes are read, so that
   they hold nobody back: a call whose requests come faster than they are taken ends.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final, Generic, TypeVar

import trio
from google.protobuf.message import DecodeError, Message

from handfast.text import escape
from handfast.workload_api.frames import WireError
from handfast.workload_api.limits import ServerLimits
from handfast.workload_api.methods import Call, Method, ServerStream, Unary
from handfast.workload_api.server_wire import (
    CallCancelled,
    CallStarted,
    Event,
    RequestArrived,
    RequestEnded,
    ServerWire,
)
from handfast.workload_api.status import RpcError, StatusCode
from handfast.workload_api.transport import transport_over

__all__ = ["SECURITY_HEADER", "ServedConnection", "Share"]

_C = TypeVar("_C")
_RECEIVE: Final = 65536
# Requests of one call that wait for its handler; their bytes are bounded besides.
_WAITING_MAX: Final = 32
#: What every request carries, so that no fooled proxy or browser can make one.
SECURITY_HEADER: Final = "workload.spiffe.io"

_log = logging.getLogger("handfast.workload_api")


class Share:
    """What one caller has of the server's limits."""

    __slots__ = ("calls", "connections")

    def __init__(self) -> None:
        self.connections = 0
        self.calls = 0


class _Running:
    """One call, between the connection's task and its own."""

    __slots__ = ("changed", "complete", "flooded", "requests", "scope")

    def __init__(self) -> None:
        self.requests: deque[bytes] = deque()
        self.flooded = False
        self.complete = False
        self.changed = trio.Event()
        self.scope = trio.CancelScope()

    def wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    def take(self, request: bytes, most_bytes: int) -> None:
        """Keep a request for the handler; too many of them are the end of the call."""
        self.flooded = self.flooded or (
            len(self.requests) >= _WAITING_MAX
            or sum(map(len, self.requests)) + len(request) > most_bytes
        )
        if self.flooded:
            self.requests.clear()
            self.scope.cancel()
        else:
            self.requests.append(request)
            self.wake()


class ServedConnection(Generic[_C]):
    """Serves one connection by `run`.

    Args:
        stream: The connection.
        caller: Whose it is.
        methods: What to answer with.
        share: What the caller has of the limits.
        limits: What is taken from it.
        ended: Where ends of calls are counted, by status.
    """

    def __init__(  # noqa: PLR0913 - half of them by keyword
        self,
        stream: trio.abc.Stream,
        caller: _C,
        methods: Mapping[str, Method[_C]],
        *,
        share: Share,
        limits: ServerLimits,
        ended: Counter[str],
    ) -> None:
        self._transport = transport_over(stream)
        self._caller = caller
        self._methods = methods
        self._share = share
        self._limits = limits
        self._wire = ServerWire(limits=limits)
        self._running: dict[int, _Running] = {}
        self._sending = trio.Lock()
        self._moved = trio.Event()
        self._idle = trio.CancelScope()
        self._is_resting: bool | None = None  # None before HTTP/2 has begun
        self._failure: str | None = None
        self._ended = ended

    async def run(self) -> str | None:
        """Serve until the client goes, or goes too far; return what it did wrong."""
        async with trio.open_nursery() as nursery:
            self._idle.deadline = trio.current_time() + self._limits.preface_timeout
            with self._idle:
                await self._read(nursery)
            if self._idle.cancelled_caught:
                self._failure = self._failure or "idle"
                self._wire.give_up()
                with trio.move_on_after(1.0):
                    await self._flush()
            nursery.cancel_scope.cancel()
        return self._failure

    async def _read(self, nursery: trio.Nursery) -> None:
        while True:
            await self._flush()
            if self._failure is not None:
                return
            try:
                data = await self._transport.receive_some(_RECEIVE)
            except trio.BrokenResourceError:
                return
            if not data:
                return
            try:
                events = self._wire.receive(bytes(data), trio.current_time())
            except WireError as error:
                self._failure = "protocol"
                _log.info("a Workload API client was cut off: %s", error.message)
                continue  # to say so
            for event in events:
                self._take(event, nursery)
            self._rest()
            self._moved.set()
            self._moved = trio.Event()

    def _take(self, event: Event, nursery: trio.Nursery) -> None:
        match event:
            case CallStarted():
                self._start(event, nursery)
            case RequestArrived():
                # Of the largest requests there is room for two.
                most = 2 * self._limits.message
                self._running[event.call].take(event.data, most)
            case RequestEnded():
                self._running[event.call].complete = True
                self._running[event.call].wake()
            case CallCancelled():
                self._running[event.call].scope.cancel()

    def _rest(self) -> None:
        """A connection may stay without a call for a while only.

        Before HTTP/2 has begun it has one deadline, which bytes do not put off.
        """
        resting = not self._running
        if not self._wire.has_begun or resting == self._is_resting:
            return  # a PING is no call, and puts nothing off
        self._is_resting = resting
        left = self._limits.idle_timeout if resting else math.inf
        self._idle.deadline = trio.current_time() + left

    def _start(self, event: CallStarted, nursery: trio.Nursery) -> None:
        running = self._running[event.call] = _Running()
        if event.timeout is not None:
            running.scope.deadline = trio.current_time() + event.timeout
        self._share.calls += 1
        nursery.start_soon(self._call, event, running)

    async def _call(self, event: CallStarted, running: _Running) -> None:
        code, text = StatusCode.CANCELLED, ""
        try:
            with running.scope:
                try:
                    await self._answer(event, running)
                    code = StatusCode.OK
                except RpcError as error:
                    code, text = error.code, error.message
                except Exception:  # noqa: BLE001 - an answer all the same
                    # What went wrong inside is for our log, not for a stranger.
                    _log.exception("the handler of %s failed", escape(event.path))
                    code, text = StatusCode.INTERNAL, "internal error"
            late = trio.current_time() >= running.scope.deadline
            if running.scope.cancelled_caught and running.flooded:
                code, text = StatusCode.RESOURCE_EXHAUSTED, "too many requests at once"
            elif running.scope.cancelled_caught and late:
                code, text = StatusCode.DEADLINE_EXCEEDED, "too late"
        finally:
            self._share.calls -= 1
            del self._running[event.call]
            self._ended[code.name] += 1
            self._rest()
        self._wire.end(event.call, code, text)
        await self._flush()
        await self._drain(event.call)

    async def _answer(self, event: CallStarted, running: _Running) -> None:
        # WAPI-07: exactly this, once; letters of another case are another value.
        if event.metadata.get(SECURITY_HEADER) != ["true"]:
            raise RpcError(
                StatusCode.INVALID_ARGUMENT,
                f"security header missing from request: {SECURITY_HEADER}: true",
            )
        if self._share.calls > self._limits.calls_per_caller:
            raise RpcError(StatusCode.RESOURCE_EXHAUSTED, "too many calls at once")
        method = self._methods.get(event.path)
        if method is None:
            raise RpcError(
                StatusCode.UNIMPLEMENTED, f"no method {escape(event.path)} here"
            )
        call = Call(caller=self._caller, method=event.path, metadata=event.metadata)
        match method:
            case Unary():
                request = await self._only_request(method.request, running)
                await self._send(event.call, await method.handler(call, request))
            case ServerStream():
                request = await self._only_request(method.request, running)
                await self._stream_answers(event.call, method, call, request)
            case _:
                while (data := await self._next_request(running)) is not None:
                    request = _decode(method.request, data)
                    await self._send(event.call, await method.handler(call, request))

    async def _stream_answers(
        self, number: int, method: ServerStream[_C], call: Call[_C], request: Any
    ) -> None:
        answers = method.handler(call, request)
        async with aclosing(answers):
            async for message in answers:
                await self._send(number, message)

    async def _only_request(self, kind: type[Message], running: _Running) -> Message:
        with trio.move_on_after(self._limits.request_timeout):
            while not running.complete:
                await running.changed.wait()
            if len(running.requests) != 1:
                count = len(running.requests)
                text = f"{count} messages in a request that has one"
                raise RpcError(StatusCode.INVALID_ARGUMENT, text)
            return _decode(kind, running.requests.popleft())
        raise RpcError(StatusCode.DEADLINE_EXCEEDED, "the request took too long")

    async def _next_request(self, running: _Running) -> bytes | None:
        while not running.requests:
            if running.complete:
                return None
            with trio.move_on_after(self._limits.idle_timeout) as patience:
                await running.changed.wait()
            if patience.cancelled_caught:
                raise RpcError(StatusCode.DEADLINE_EXCEEDED, "no request for too long")
        return running.requests.popleft()

    async def _send(self, number: int, message: Message) -> None:
        """Send an answer; return when the client has room for the next."""
        self._wire.send(number, message.SerializeToString())
        await self._flush()
        if not await self._drain(number):
            raise RpcError(StatusCode.RESOURCE_EXHAUSTED, "the client is too slow")

    async def _drain(self, number: int) -> bool:
        """Wait for the client to take an answer; whether it has. Else it is dropped."""
        with trio.move_on_after(self._limits.send_timeout):
            while self._wire.unsent(number):
                await self._moved.wait()
            return True
        self._wire.reset(number)
        await self._flush()
        return False

    async def _flush(self) -> None:
        """Send what there is. Of a client that takes nothing the connection ends."""
        async with self._sending:
            while data := self._wire.to_send():
                size = len(data)
                if self._failure != "deaf":
                    size = await self._send_some(data)
                self._wire.sent(size)

    async def _send_some(self, data: bytes) -> int:
        with trio.move_on_after(self._limits.send_timeout) as patience:
            try:
                return await self._transport.send_some(data)
            except (OSError, trio.BrokenResourceError):
                self._deafen()
        if patience.cancelled_caught:
            self._deafen()
        return len(data)

    def _deafen(self) -> None:
        self._failure = "deaf"
        self._idle.cancel()


def _decode(kind: type[Message], data: bytes) -> Message:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        text = f"no {kind.DESCRIPTOR.name}: {escape(str(error))}"
        raise RpcError(StatusCode.INVALID_ARGUMENT, text) from error
