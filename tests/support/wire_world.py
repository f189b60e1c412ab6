# SPDX-License-Identifier: Apache-2.0
"""A Workload API server with methods that tell what they got, and channels to it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from tests.support.local_sockets import listen
from tests.support.net_world import PATIENCE

from handfast.workload_api import (
    Call,
    Channel,
    ClientLimits,
    Conversation,
    Endpoint,
    Method,
    RpcError,
    ServerLimits,
    ServerStatistics,
    ServerStream,
    StatusCode,
    Unary,
    open_channel,
    proto,
    serve_calls,
)
from handfast.workload_api.client_wire import ClientWire
from handfast.workload_api.server_wire import ServerWire

#: Echoes the audiences, one SVID each.
ECHO = proto.FETCH_JWT_SVID
#: Streams as many answers as its handler is told by `COUNT`, then ends.
COUNT = proto.FETCH_X509_SVID
#: Never answers.
WAIT = proto.VALIDATE_JWT_SVID
#: Fails with what nobody should see.
BREAK = proto.FETCH_JWT_BUNDLES
#: Refuses politely.
REFUSE = proto.FETCH_X509_BUNDLES
TALK = "/tests.Talk/Talk"

SECRET = "the secret of the house"


async def echo(call: Call[str], request: proto.JWTSVIDRequest) -> Any:
    return proto.JWTSVIDResponse(
        svids=[proto.JWTSVID(svid=it, spiffe_id=call.caller) for it in request.audience]
    )


async def count(
    call: Call[str], request: proto.X509SVIDRequest
) -> AsyncGenerator[Any, None]:
    for number in range(3):
        svid = proto.X509SVID(spiffe_id=str(number), bundle=bytes(300_000))
        yield proto.X509SVIDResponse(svids=[svid])


async def wait(call: Call[str], request: Any) -> Any:
    await trio.sleep_forever()


async def break_down(call: Call[str], request: Any) -> AsyncGenerator[Any, None]:
    if call.method:
        raise KeyError(SECRET)
    yield


async def refuse(call: Call[str], request: Any) -> AsyncGenerator[Any, None]:
    if call.method:
        raise RpcError(StatusCode.PERMISSION_DENIED, "nö: 100 % no\n")
    yield


METHODS: Mapping[str, Method[str]] = {
    ECHO: Unary(proto.JWTSVIDRequest, echo),
    COUNT: ServerStream(proto.X509SVIDRequest, count),
    WAIT: Unary(proto.ValidateJWTSVIDRequest, wait),
    BREAK: ServerStream(proto.JWTBundlesRequest, break_down),
    REFUSE: ServerStream(proto.X509BundlesRequest, refuse),
    TALK: Conversation(proto.JWTSVIDRequest, echo),
}


async def identify(stream: trio.SocketStream) -> str:
    await trio.lowlevel.checkpoint()
    return "somebody"


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    endpoint: Endpoint
    statistics: ServerStatistics

    async def open(self, limits: ClientLimits | None = None) -> Channel:
        return await open_channel(self.endpoint, limits=limits)


@asynccontextmanager
async def serving(
    methods: Mapping[str, Method[Any]] = METHODS,
    *,
    limits: ServerLimits | None = None,
    identify: Any = identify,
    share_of: Any = None,
) -> AsyncGenerator[Served, None]:
    """Serve on a local socket, whose path is short wherever the tests run."""
    statistics = ServerStatistics()
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        path = f"{folder}/api.sock"
        listener = listen(path)
        async with trio.open_nursery() as nursery:
            await nursery.start(
                partial(
                    serve_calls,
                    [listener],
                    methods,
                    identify=identify,
                    share_of=share_of,
                    limits=limits,
                    statistics=statistics,
                )
            )
            yield Served(Endpoint.parse(f"unix://{path}"), statistics)
            nursery.cancel_scope.cancel()


def socket_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    left, right = trio.socket.socketpair()
    return trio.SocketStream(left), trio.SocketStream(right)


async def ask(channel: Channel, *audience: str, within: float = PATIENCE) -> list[str]:
    """Have audiences echoed."""
    request = proto.JWTSVIDRequest(audience=audience)
    answer = await channel.unary(ECHO, request, proto.JWTSVIDResponse, timeout=within)
    return [it.svid for it in answer.svids]


def taken(wire: ClientWire | ServerWire) -> bytes:
    """All that a side has to send."""
    found = b""
    while data := wire.to_send():
        wire.sent(len(data))
        found += data
    return found
