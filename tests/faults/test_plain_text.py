# SPDX-License-Identifier: Apache-2.0
"""STRICT is strict: plain text is refused, at any point, and never spoken (A8)."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    ask,
    client_config,
    serving,
    trio_test,
)

from handfast import Connection, HandfastError, Reason
from handfast.net import MtlsStream

REQUEST = b"GET /secret HTTP/1.1\r\nHost: a.example\r\n\r\n"
#: An unexpected_message, fatal, in a record of its own.
REFUSAL = b"\x15\x03\x03\x00\x02\x02\x0a"


def flights() -> list[bytes]:
    """Return a client's bytes up to each point at which it may give up."""
    client = Connection(client_config())
    client.handshake()
    hello = client.to_send()
    return [b"", hello[:1], hello[:5], hello[: len(hello) // 2], hello]


async def read_all(stream: trio.SocketStream) -> bytes:
    """Read until the server has closed, one way or the other."""
    got = b""
    try:
        async for data in stream:
            got += data
    except trio.BrokenResourceError:
        pass
    return got


@trio_test
async def test_plain_text_is_told_so_and_closed() -> None:
    """A8: a clear alert, then the end; not one byte of an answer."""
    async with serving() as server:
        async with await server.raw() as stream:
            await stream.send_all(REQUEST)
            assert await read_all(stream) == REFUSAL
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_failed == {Reason.NOT_TLS: 1}


@pytest.mark.parametrize("step", range(1, 5))
@trio_test
async def test_who_began_with_tls_cannot_go_on_in_plain_text(step: int) -> None:
    """A8: TLS aborted at each flight, then plain text on the same socket."""
    handled: list[MtlsStream] = []

    async def handle(stream: MtlsStream) -> None:
        handled.append(stream)

    async with serving(handle) as server:
        async with await server.raw() as stream:
            await stream.send_all(flights()[step] + REQUEST * 8)
            await stream.send_eof()
            answer = await read_all(stream)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert b"HTTP" not in answer
        # Whatever came back is records: handshake, encrypted, or an alert.
        assert answer[:1] in {b"", b"\x15", b"\x16"}
        assert server.statistics.handshakes_ok == 0
    assert handled == []


@trio_test
async def test_an_aborted_handshake_is_not_followed_by_plain_text() -> None:
    """A8: an alert of ours that ends the handshake, and then a request."""
    async with serving() as server:
        async with await server.raw() as stream:
            await stream.send_all(flights()[-1] + b"\x15\x03\x03\x00\x02\x02\x28")
            await stream.send_all(REQUEST)
            assert b"HTTP" not in await read_all(stream)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert set(server.statistics.handshakes_failed) <= {
            Reason.PEER_ALERT,
            Reason.PROTOCOL,
        }


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 ready\r\n", b"\x00" * 16]
)
@trio_test
async def test_a_client_never_falls_back(answer: bytes) -> None:
    """A8: a server of plain text gets a ClientHello and an alert, nothing else."""
    ours, theirs = trio.testing.memory_stream_pair()
    client = MtlsStream(ours, client_config())

    async def refuse() -> None:
        with pytest.raises(HandfastError) as refused:
            await client.do_handshake()
        assert refused.value.reason is Reason.NOT_TLS
        with pytest.raises(trio.BrokenResourceError):
            await client.send_all(b"a secret")
        await client.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refuse)
        hello = bytes(await theirs.receive_some())
        await theirs.send_all(answer)
        said = hello
        async for data in theirs:
            said += data
    assert said.startswith(b"\x16\x03")
    assert b"secret" not in said
    assert said.removeprefix(hello) in {b"", REFUSAL}


@trio_test
async def test_who_speaks_tls_is_answered() -> None:
    """The negative control of A8: the same server, and a client that goes on."""
    async with serving() as server:
        assert await ask(await server.connect(), REQUEST) == REQUEST
        assert server.statistics.handshakes_ok == 1
