# SPDX-License-Identifier: Apache-2.0
"""An agent on a local socket that says what a test tells it to."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio
from google.protobuf.message import Message
from tests.support.local_sockets import listen

from handfast.workload_api import (
    Call,
    Method,
    RpcError,
    ServerStream,
    StatusCode,
    Unary,
    proto,
    serve_calls,
)

Answer = Callable[[Any], Message]


class FakeAgent:
    """What it says is set by hand; open streams are told at once.

    Args:
        path: Where its socket is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.endpoint = f"unix://{path}"
        #: What streams say, by method.
        self.messages: dict[str, Message] = {}
        #: How calls end, by method: as soon as they begin, and those that are open.
        self.errors: dict[str, StatusCode] = {}
        #: What calls with one answer say, by method.
        self.answers: dict[str, Answer] = {}
        #: Calls that began, by method.
        self.calls: Counter[str] = Counter()
        #: Requests that came, in order.
        self.requests: list[Message] = []
        #: Whether it has the WIT profile.
        self.with_wit = False
        #: How many streams are open now.
        self.open = 0
        self._endings = 0
        self._changed = trio.Event()
        self._scope: trio.CancelScope | None = None

    # ---- what it says ----

    def say(self, method: str, message: Message) -> None:
        """Say something new, on all streams of a method; it allows them again."""
        self.errors.pop(method, None)
        self.messages[method] = message
        self._wake()

    def fail(self, method: str, code: StatusCode) -> None:
        """End the streams of a method, and refuse new calls."""
        self.errors[method] = code
        self._wake()

    def end_streams(self) -> None:
        """End all streams well."""
        self._endings += 1
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    # ---- life ----

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until `stop`."""
        self.path.unlink(missing_ok=True)
        with trio.CancelScope() as self._scope:
            await serve_calls(
                [listen(self.path)],
                self._methods(),
                identify=_nobody,
                task_status=task_status,
            )

    def stop(self) -> None:
        """Be gone: connections are lost, and nobody can connect."""
        if self._scope is not None:
            self._scope.cancel()
        self.path.unlink(missing_ok=True)

    def _methods(self) -> dict[str, Method[None]]:
        streams: dict[str, type[Message]] = {
            proto.FETCH_X509_SVID: proto.X509SVIDRequest,
            proto.FETCH_X509_BUNDLES: proto.X509BundlesRequest,
            proto.FETCH_JWT_BUNDLES: proto.JWTBundlesRequest,
        }
        if self.with_wit:
            streams[proto.FETCH_WIT_SVID] = proto.WITSVIDRequest
            streams[proto.FETCH_WIT_BUNDLES] = proto.WITBundlesRequest
        unary: dict[str, type[Message]] = {
            proto.FETCH_JWT_SVID: proto.JWTSVIDRequest,
            proto.VALIDATE_JWT_SVID: proto.ValidateJWTSVIDRequest,
        }
        return {
            **{it: ServerStream(kind, self._stream) for it, kind in streams.items()},
            **{it: Unary(kind, self._answer) for it, kind in unary.items()},
        }

    async def _stream(
        self, call: Call[None], request: Message
    ) -> AsyncGenerator[Message, None]:
        self._begin(call, request)
        endings, said = self._endings, None
        self.open += 1
        try:
            while endings == self._endings:
                if call.method in self.errors:
                    raise RpcError(self.errors[call.method], "as the test wants it")
                message, changed = self.messages.get(call.method), self._changed
                if message is not None and message is not said:
                    said = message
                    yield message
                    continue
                await changed.wait()
        finally:
            self.open -= 1

    async def _answer(self, call: Call[None], request: Message) -> Message:
        self._begin(call, request)
        await trio.lowlevel.checkpoint()
        if call.method in self.errors:
            raise RpcError(self.errors[call.method], "as the test wants it")
        return self.answers[call.method](request)

    def _begin(self, call: Call[None], request: Message) -> None:
        self.calls[call.method] += 1
        self.requests.append(request)


async def _nobody(stream: trio.SocketStream) -> None:
    await trio.lowlevel.checkpoint()


@contextmanager
def socket_path() -> Iterator[Path]:
    """Make a place for a socket: pytest's own folders have names that are too long."""
    with TemporaryDirectory(prefix="hf-") as folder:
        yield Path(folder, "agent.sock")


class Agents:
    """Starts and stops one agent inside of a nursery."""

    def __init__(self, nursery: trio.Nursery, agent: FakeAgent) -> None:
        self._nursery = nursery
        self.agent = agent

    async def start(self) -> None:
        """Be there, again or for the first time."""
        await self._nursery.start(partial(self.agent.serve))
