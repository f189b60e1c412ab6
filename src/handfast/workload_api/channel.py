# SPDX-License-Identifier: Apache-2.0
"""Calls over one connection, on trio.

Nobody works in the background: whoever waits for an answer reads from the socket for
all who wait, one at a time, and asks a server that is silent for long whether it is
there (`pulse`). So a channel needs no nursery, an error is raised where
somebody asked, and a channel that nobody waits at does nothing.

Invariants:

1. Bytes leave through one lock, and `sent` is told how many went before anything else
   happens: a cancelled write loses and repeats nothing.
2. One task reads at a time. When it stops for whatever reason, all others wake, and one
   of them reads on.
3. A call that is left has ended on the wire, too: by its answer or by a reset.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final, Self, TypeVar

import trio
from google.protobuf.message import DecodeError, Message

from handfast.errors import Reason
from handfast.text import escape
from handfast.workload_api.client_wire import CallEnded, ClientWire, MessageArrived
from handfast.workload_api.frames import WireError
from handfast.workload_api.limits import ClientLimits
from handfast.workload_api.messages import count_fields
from handfast.workload_api.pulse import Pulse
from handfast.workload_api.status import RpcError, StatusCode
from handfast.workload_api.transport import transport_over

if TYPE_CHECKING:
    from handfast.workload_api.endpoint import Endpoint

__all__ = ["Channel", "open_channel"]

_RECEIVE: Final = 65536
# Seconds for telling a server, who may have stopped reading, of a cancelled call.
_FAREWELL: Final = 0.5
# Seconds for a look at what is there already.
_GLANCE: Final = 0.01
# Seconds for reading what a server said before it stopped listening to us.
_LAST_WORDS: Final = 1.0

_M = TypeVar("_M", bound=Message)


class _Call:
    """What has come of one call and was not taken yet."""

    __slots__ = ("ended", "error", "messages", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.messages: deque[bytes] = deque()
        self.ended = False
        self.error: RpcError | None = None


class Channel:
    """One HTTP/2 connection to a Workload API; many calls, from many tasks.

    Close it by `aclose`, or use it as an asynchronous context manager. After the
    connection has ended every call raises `RpcError` (UNAVAILABLE): open another one.

    Args:
        stream: A connected socket, or TLS over one; the channel's own from now on.
        limits: What is taken from the server.
    """

    def __init__(
        self, stream: trio.abc.Stream, *, limits: ClientLimits | None = None
    ) -> None:
        self._limits = limits or ClientLimits()
        self._transport = transport_over(stream)
        self._wire = ClientWire(limits=self._limits)
        self._calls: dict[int, _Call] = {}
        self._sending = trio.Lock()
        self._reading = False
        self._parked = trio.lowlevel.ParkingLot()
        self._pulse = Pulse(
            after=self._limits.ping_after, within=self._limits.ping_timeout
        )
        self._waiting: trio.CancelScope | None = None  # of who reads
        self._is_closed = False
        self._is_deaf = False  # whether the server takes no more bytes

    @property
    def is_usable(self) -> bool:
        """Whether a new call can begin here, as far as is known."""
        return not (self._is_closed or self._is_deaf) and self._wire.gone is None

    async def unary(
        self,
        method: str,
        request: Message,
        response: type[_M],
        *,
        timeout: float,  # noqa: ASYNC109 - the server is told, too
    ) -> _M:
        """Make a call with one answer.

        Args:
            method: Its path, such as `proto.FETCH_JWT_SVID`.
            request: The request.
            response: The class of the answer.
            timeout: Seconds; the server is told, too.

        Cancellation: the call is reset; the channel stays as it is.

        Raises:
            RpcError: it did not end well; UNAVAILABLE: the connection has ended;
                DEADLINE_EXCEEDED: it took too long.
        """
        with trio.move_on_after(timeout):
            async with self._begin(method, request, within=timeout) as call:
                first = await self._next(call)
                second = None if first is None else await self._next(call)
                if first is None or second is not None:
                    count = "no message" if first is None else "several messages"
                    raise _broken(f"{count} in answer to a call that has one")
                return self._decode(response, first)
        raise RpcError(
            StatusCode.DEADLINE_EXCEEDED, f"no answer in {timeout:g} seconds"
        )

    def stream(
        self, method: str, request: Message, response: type[_M]
    ) -> AbstractAsyncContextManager[AsyncIterator[_M]]:
        """Make a call with a stream of answers.

        The context manager begins the call and gives an iterator over the answers; the
        iterator ends when the server ends the stream well. Leaving the context ends
        the call. One task iterates at a time.

        Cancellation: of waiting for an answer: nothing is lost, iterate on. Of the
        context: the call is reset; the channel stays as it is.

        Raises:
            RpcError: in the iterator, or on entering: as `unary`.
        """
        return self._stream_call(method, request, response)

    @asynccontextmanager
    async def _stream_call(
        self, method: str, request: Message, response: type[_M]
    ) -> AsyncGenerator[AsyncIterator[_M], None]:
        async with self._begin(method, request, within=None) as call:
            yield _Answers(self, call, response)

    @asynccontextmanager
    async def _begin(
        self, method: str, request: Message, *, within: float | None
    ) -> AsyncGenerator[_Call, None]:
        if self._is_closed:
            raise trio.ClosedResourceError("this channel was closed")
        if self._is_deaf:
            raise _gone("the server takes no more calls")
        number = self._wire.start(
            method,
            request.SerializeToString(),
            timeout=within,
            limit=None if within is None else self._limits.answer,
        )
        call = self._calls[number] = _Call(number)
        try:
            await self._flush()
            yield call
        finally:
            del self._calls[number]
            if not call.ended:
                self._wire.cancel(number)
                # Tell it even when we are cancelled, without waiting for long: a
                # server that does not know goes on working for nobody.
                with trio.CancelScope(shield=True, deadline=_soon()):
                    await self._flush()

    async def _next(self, call: _Call) -> bytes | None:
        """Wait for the next message of a call; None is a good end."""
        await trio.lowlevel.checkpoint()
        while not call.messages and not call.ended:
            if self._is_closed:
                raise trio.ClosedResourceError("this channel was closed")
            if self._reading:
                await self._parked.park()
            else:
                await self._read()
        if call.messages:
            message = call.messages.popleft()
            self._wire.taken(call.number)
            await self._flush()
            return message
        if call.error is not None:
            raise copy.copy(call.error)  # without the frames of the first raise
        return None

    async def _read(self) -> None:
        """Read once, for all who wait."""
        self._reading = True
        try:
            await self._flush()
            self._take(await self._receive())
        finally:
            self._reading = False
            self._parked.unpark_all()
        await self._flush()

    async def _receive(self) -> bytes | None:
        """Wait for bytes; none are the end, and None: nobody is there any more."""
        self._pulse.begin(trio.current_time())
        try:
            return await self._hear()
        finally:
            self._pulse.leave(trio.current_time())

    async def _hear(self) -> bytes | None:
        while True:
            # What came while nobody read is there at once, so a moment is enough.
            limit = max(self._pulse.deadline, trio.current_time() + _GLANCE)
            if self._is_deaf:
                limit = trio.current_time() + _LAST_WORDS
            with trio.move_on_at(limit) as self._waiting:
                try:
                    data = await self._transport.receive_some(_RECEIVE)
                except trio.BrokenResourceError:
                    return b""  # the end, as a broken connection is
                self._pulse.heard(trio.current_time())
                return bytes(data)
            due = self._pulse.ask(trio.current_time())
            if self._is_deaf:
                return b""
            if due is False:
                return None
            if due:
                self._wire.ping()
                await self._flush()

    def probe(self, within: float) -> None:
        """Ask the server for a sign of life now, if somebody waits for an answer.

        Servers bear two such questions between two messages of theirs; the third one
        may end the connection.

        Args:
            within: Seconds for the answer, if that is less than ``ping_timeout``.
        """
        if self._reading and self._pulse.hurry(within) and self._waiting is not None:
            self._waiting.deadline = trio.current_time()

    def _take(self, data: bytes | None) -> None:
        try:
            if data is None:
                events = self._wire.lose("it says nothing, not even to a PING")
            else:
                events = self._wire.receive(data, trio.current_time())
        except WireError as error:
            self._fail(error)
            return
        for event in events:
            call = self._calls.get(event.call)
            if call is None:
                continue
            match event:
                case MessageArrived():
                    call.messages.append(event.data)
                case CallEnded():
                    call.ended, call.error = True, event.error

    def _fail(self, error: RpcError) -> None:
        for call in self._calls.values():
            if not call.ended:
                call.ended, call.error = True, error
        self._parked.unpark_all()

    def _decode(self, kind: type[_M], data: bytes) -> _M:
        most = self._limits.fields
        if count_fields(data, most) > most:
            text = f"a {kind.DESCRIPTOR.name} of more than {most} fields"
            raise RpcError(StatusCode.RESOURCE_EXHAUSTED, text)
        try:
            return kind.FromString(data)
        except DecodeError as error:
            text = f"no {kind.DESCRIPTOR.name}: {escape(str(error))}"
            raise _broken(text) from error

    async def _flush(self) -> None:
        """Send what there is. A server that takes nothing is found out by reading."""
        async with self._sending:
            while data := self._wire.to_send():
                size = len(data)
                if not (self._is_deaf or self._is_closed):
                    size = await self._send_some(data)
                self._wire.sent(size)

    async def _send_some(self, data: bytes) -> int:
        with trio.move_on_after(self._limits.send_timeout) as patience:
            try:
                return await self._transport.send_some(data)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                self._is_deaf = True
        if patience.cancelled_caught:
            self._is_deaf = True
        return len(data)

    async def aclose(self) -> None:
        """Close the connection; calls that wait raise `trio.ClosedResourceError`.

        Cancellation: it is closed all the same.
        """
        self._is_closed = True
        self._parked.unpark_all()
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Answers(AsyncIterator[_M]):
    """Iterates over the messages of one call."""

    __slots__ = ("_call", "_channel", "_response")

    def __init__(self, channel: Channel, call: _Call, response: type[_M]) -> None:
        self._channel = channel
        self._call = call
        self._response = response

    async def __anext__(self) -> _M:
        data = await self._channel._next(self._call)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if data is None:
            raise StopAsyncIteration
        return self._channel._decode(self._response, data)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def open_channel(
    endpoint: Endpoint, *, limits: ClientLimits | None = None
) -> Channel:
    """Connect to a Workload API.

    Every call carries ``workload.spiffe.io: true`` (WAPI-06).

    Cancellation: the connection is closed.

    Raises:
        SourceError: it cannot be reached.
    """
    return Channel(await endpoint.open(), limits=limits)


def _soon() -> float:
    return trio.current_time() + _FAREWELL


def _gone(text: str) -> RpcError:
    return RpcError(StatusCode.UNAVAILABLE, f"the connection has ended: {text}")


def _broken(text: str) -> RpcError:
    return RpcError(StatusCode.INTERNAL, text, reason=Reason.SOURCE_PROTOCOL)
