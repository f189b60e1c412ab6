# SPDX-License-Identifier: Apache-2.0
"""Servers that break HTTP/2 or gRPC under a channel: an error, soon, and nothing else.

What an agent may get wrong in its messages is in the tests of the source. Whatever the
bytes are, a call ends in a whole answer or in an `RpcError`, never in a wait for ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import h2.config
import h2.connection
import h2.events
import pytest
import trio
from tests.support.net_world import trio_test
from tests.support.raw_http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PING,
    PUSH,
    RST,
    SETTINGS,
    WINDOW,
    frame,
)
from tests.support.wire_world import ECHO, socket_pair

from handfast.errors import Reason
from handfast.workload_api import (
    Channel,
    ClientLimits,
    RpcError,
    StatusCode,
    proto,
)
from handfast.workload_api.messages import frame_message

HELLO = frame(SETTINGS)
ANSWER = proto.JWTSVIDResponse(svids=[proto.JWTSVID(svid="good")]).SerializeToString()

Agent = Callable[[trio.SocketStream], Awaitable[None]]


async def against(agent: Agent, *, within: float = 15) -> list[str] | RpcError:
    """Make a call to an agent; return what it said, or how it failed."""
    ours, theirs = socket_pair()
    async with theirs, trio.open_nursery() as nursery:

        async def serve() -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await agent(theirs)

        nursery.start_soon(serve)
        limits = ClientLimits(message=100_000)
        try:
            async with Channel(ours, limits=limits) as channel:
                answer = await channel.unary(
                    ECHO,
                    proto.JWTSVIDRequest(audience=["a"]),
                    proto.JWTSVIDResponse,
                    timeout=within,
                )
        except RpcError as error:
            return error
        finally:
            nursery.cancel_scope.cancel()
        return [it.svid for it in answer.svids]


async def refused(agent: Agent, *, within: float = 15) -> RpcError:
    found = await against(agent, within=within)
    assert isinstance(found, RpcError)
    return found


def says(data: bytes, *, then: str = "waits") -> Agent:
    async def agent(stream: trio.SocketStream) -> None:
        await stream.send_all(data)
        if then == "ends":
            await stream.aclose()
            return
        while await stream.receive_some(65536):
            pass

    return agent


def conversation(answer: bytes = ANSWER) -> bytes:
    """All that a good server says in answer to the first call of a connection."""
    client = h2.connection.H2Connection(h2.config.H2Configuration())
    client.initiate_connection()
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", ECHO),
        (":authority", "localhost"),
    ]
    client.send_headers(1, headers, end_stream=True)
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    start = [(":status", "200"), ("content-type", "application/grpc")]
    server.send_headers(1, start)
    message = frame_message(answer)
    for at in range(0, len(message), 16384):
        server.send_data(1, message[at : at + 16384])
    server.send_headers(1, [("grpc-status", "0")], end_stream=True)
    said: bytes = server.data_to_send()
    return said


BROKEN = {
    "an HTTP/1.1 server": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "zeros without end": bytes(100_000),
    "a frame of 16 MiB, announced": HELLO + b"\xff\xff\xff\0\0\0\0\0\1",
    "headers on the connection": HELLO + frame(HEADERS, b"\x88", flags=END_HEADERS),
    "headers on a stream of its own": HELLO
    + frame(HEADERS, b"\x88", flags=END_HEADERS, stream=2),
    "an answer to a call that was not made": HELLO
    + frame(HEADERS, b"\x88", flags=END_HEADERS, stream=99),
    "a pushed promise": HELLO
    + frame(PUSH, b"\0\0\0\2\x88", flags=END_HEADERS, stream=1),
    "data of a call that was not made": HELLO + frame(DATA, b"x", stream=99),
    "more data than there is room for": HELLO
    + frame(DATA, bytes(16384), stream=99) * 2000,
    "endless headers": HELLO
    + frame(HEADERS, b"", stream=1)
    + frame(CONTINUATION, bytes(1000), stream=1) * 100,
    "headers that grow": HELLO
    + frame(
        HEADERS,
        b"\x88\x40\1x\x7f\xb1\x16" + b"y" * 3000 + b"\xbe" * 3000,
        flags=END_HEADERS,
        stream=1,
    ),
    "no HPACK": HELLO + frame(HEADERS, b"\xff" * 9, flags=END_HEADERS, stream=1),
    "a giant window": HELLO + frame(WINDOW, b"\x7f\xff\xff\xff") * 2,
    "PINGs": HELLO + frame(PING, bytes(8)) * 5000,
    "SETTINGS": HELLO * 5000,
    "empty DATA": HELLO + frame(DATA, b"", stream=1) * 5000,
    "unknown frames": HELLO + frame(99, b"") * 5000,
    "GOAWAYs": HELLO + frame(GOAWAY, b"\x7f\xff\xff\xff\0\0\0\0") * 5000,
}


@pytest.mark.parametrize("then", ["waits", "ends"])
@pytest.mark.parametrize("what", BROKEN)
@trio_test
async def test_a_server_that_breaks_http2_is_an_error_at_once(
    what: str, then: str
) -> None:
    """D12, P7, P8: of the protocol, or of the end that came with it."""
    error = await refused(says(BROKEN[what], then=then))
    assert error.reason in {Reason.SOURCE_PROTOCOL, Reason.SOURCE_UNAVAILABLE}
    if then == "waits":
        assert error.reason is Reason.SOURCE_PROTOCOL


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0\0",
        HELLO,
        HELLO + frame(HEADERS, b"\x88", flags=END_HEADERS, stream=1)[:-1],
        HELLO + b"\0\x40\0\0\0\0\0\0\1",
        HELLO + frame(RST, bytes(4), stream=99),  # of nothing
        conversation()[:-1],
    ],
)
@trio_test
async def test_a_server_that_stops_in_the_middle_is_waited_for_so_long(
    said: bytes,
) -> None:
    """P8: the call's own deadline, whatever has come."""
    error = await refused(says(said), within=0.1)
    assert error.reason is Reason.SOURCE_UNAVAILABLE


@trio_test
async def test_an_answer_in_any_piece_is_the_same() -> None:
    said = conversation()

    def in_pieces(size: int) -> Agent:
        async def agent(stream: trio.SocketStream) -> None:
            for at in range(0, len(said), size):
                await stream.send_all(said[at : at + size])
                await trio.testing.wait_all_tasks_blocked()
            await trio.sleep_forever()

        return agent

    for size in (1, 2, 7, 50):
        assert await against(in_pieces(size)) == ["good"]


@trio_test
async def test_an_answer_that_is_cut_anywhere_is_no_answer() -> None:
    """Nothing is taken for whole that may not be: the status comes last."""
    said = conversation()
    for end in range(len(said)):
        error = await refused(says(said[:end], then="ends"))
        assert error.reason in {Reason.SOURCE_UNAVAILABLE, Reason.SOURCE_PROTOCOL}
    assert await against(says(said, then="ends")) == ["good"]


@trio_test
async def test_an_answer_with_any_other_byte_ends_all_the_same() -> None:
    """D12: in an answer or in an error, and nothing but an `RpcError`."""
    said = conversation()
    failed = 0
    for at in range(len(said)):
        for flip in (0x01, 0x80, 0xFF):
            bad = bytearray(said)
            bad[at] ^= flip
            found = await against(says(bytes(bad), then="ends"))
            failed += isinstance(found, RpcError)
    assert len(said) < failed < 3 * len(said)


@trio_test
async def test_a_message_of_nothing_but_empty_fields_is_refused() -> None:
    """P8: two bytes each on the wire, a hundred in memory."""
    assert await against(says(conversation(b"\n\0" * 10_000))) == [""] * 10_000
    error = await refused(says(conversation(b"\n\0" * 10_001)))
    assert error.code is StatusCode.RESOURCE_EXHAUSTED
