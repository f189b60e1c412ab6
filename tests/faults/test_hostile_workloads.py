# SPDX-License-Identifier: Apache-2.0
"""Clients that break HTTP/2, gRPC or their word: they are cut off, the others served.

Every test ends by a good call: nothing that one client does keeps the server from the
next, and nothing of it is an error in the server's log.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, count, repeat

import hpack
import pytest
import trio
import trio.testing
from tests.support.attacked import IMPATIENT, a_call, attacked, block
from tests.support.net_world import trio_test
from tests.support.raw_http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH,
    RST,
    SETTINGS,
    WINDOW,
    RawClient,
    frame,
    request,
)
from tests.support.wire_world import ECHO

from handfast.workload_api import ServerLimits, proto

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HELLO = PREFACE + frame(SETTINGS)


pytestmark = pytest.mark.usefixtures("no_error_is_logged")


async def until_cut_off(attacker: RawClient, flood: Iterable[bytes]) -> None:
    with suppress(trio.BrokenResourceError):
        for part in flood:
            await attacker.send(part)
    await attacker.read_to_the_end()


NOT_HTTP2 = {
    "zeros": bytes(100),
    "noise": bytes(range(256)),
    "a browser's request": b"POST /SpiffeWorkloadAPI/FetchX509SVID HTTP/1.1\r\n"
    b"Host: localhost\r\nContent-Type: application/grpc\r\nworkload.spiffe.io: true\r\n"
    b"Content-Length: 5\r\n\r\n\0\0\0\0\0",
    "a ClientHello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "a preface with a mistake": PREFACE[:-1] + b"x",
}

BROKEN = {
    "a frame of 16 MiB, announced": frame(DATA, stream=1)[3:].join(
        [b"\xff\xff\xff", b""]
    ),
    "SETTINGS of a wrong size": frame(SETTINGS, b"12345"),
    "SETTINGS on a stream": frame(SETTINGS, stream=1),
    "SETTINGS with a giant window": frame(SETTINGS, b"\0\4\xff\xff\xff\xff"),
    "SETTINGS with a tiny frame size": frame(SETTINGS, b"\0\5\0\0\0\1"),
    "PING of a wrong size": frame(PING, b"123"),
    "PING on a stream": frame(PING, bytes(8), stream=1),
    "RST_STREAM of nothing": frame(RST, bytes(4), stream=1),
    "RST_STREAM of the connection": frame(RST, bytes(4)),
    "DATA before headers": frame(DATA, b"x", stream=1),
    "DATA on the connection": frame(DATA, b"x"),
    "HEADERS on the connection": frame(HEADERS, b"", flags=END_HEADERS),
    "a stream with a server's number": a_call(stream=2),
    "streams that go backwards": a_call(stream=7) + a_call(stream=5),
    "trailers that end nothing": a_call(stream=3) * 2,
    "CONTINUATION of nothing": frame(CONTINUATION, b"", stream=1),
    "a frame inside of headers": a_call(flags=0) + frame(PING, bytes(8)),
    "a GOAWAY inside of headers": a_call(flags=0) + frame(GOAWAY, bytes(8)),
    "headers of another stream inside": a_call(flags=0)
    + frame(CONTINUATION, b"", stream=3, flags=END_HEADERS),
    "WINDOW_UPDATE by nothing": frame(WINDOW, bytes(4)),
    "WINDOW_UPDATE beyond all": frame(WINDOW, b"\x7f\xff\xff\xff"),
    "WINDOW_UPDATE of a wrong size": frame(WINDOW, b"1"),
    "a pushed promise": frame(PUSH, bytes(4), stream=1, flags=END_HEADERS),
    "a GOAWAY that is too short": frame(GOAWAY, b"1"),
    "padding longer than the frame": a_call()
    + frame(DATA, b"\xff12", flags=PADDED, stream=1),
    "headers that are no HPACK": frame(
        HEADERS, b"\xff\xff\xff\xff\xff", flags=END_HEADERS, stream=1
    ),
    "headers that refer to nothing": frame(
        HEADERS, b"\xfe", flags=END_HEADERS, stream=1
    ),
    "a table of 4 GiB, chosen by the client": frame(
        HEADERS, b"\x3f\xff\xff\xff\xff\x0f", flags=END_HEADERS, stream=1
    ),
    "no method": frame(HEADERS, block((":path", "/x")), flags=END_HEADERS, stream=1),
    "two paths": frame(
        HEADERS,
        block(*request("/a"), (":path", "/b")),
        flags=END_HEADERS,
        stream=1,
    ),
    "a name in capitals": frame(
        HEADERS, block(*request("/a"), ("X", "y")), flags=END_HEADERS, stream=1
    ),
    "a connection header": frame(
        HEADERS,
        block(*request("/a"), ("connection", "close")),
        flags=END_HEADERS,
        stream=1,
    ),
}

FLOODS = {
    "PING": frame(PING, bytes(8)),
    "PING answers": frame(PING, bytes(8), flags=1),
    "SETTINGS": frame(SETTINGS),
    "SETTINGS that change": frame(SETTINGS, b"\0\1\0\0\1\0"),
    "PRIORITY": frame(PRIORITY, b"\0\0\0\5\0", stream=9),
    "unknown frames": frame(77, b"?"),
    "WINDOW_UPDATE": frame(WINDOW, b"\0\0\0\1"),
    "GOAWAY": frame(GOAWAY, bytes(8)),
}


@pytest.mark.parametrize("what", NOT_HTTP2)
@trio_test
async def test_what_is_no_http2_is_cut_off(what: str) -> None:
    """W3: a browser speaks HTTP/1.1 to a port that somebody else told it of."""
    async with attacked() as (served, attacker):
        await attacker.send(NOT_HTTP2[what])
        said = await attacker.read_to_the_end()
        assert b"HTTP/1" not in said
        assert served.statistics.failed == {"protocol": 1}
        assert not served.statistics.ended


@pytest.mark.parametrize("what", BROKEN)
@trio_test
async def test_broken_http2_is_cut_off(what: str) -> None:
    """D12: and the client is told why, by GOAWAY."""
    async with attacked() as (served, attacker):
        await attacker.send(HELLO + BROKEN[what])
        said = await attacker.read_to_the_end()
        assert frame(GOAWAY)[3:4] in said
        assert served.statistics.failed == {"protocol": 1}


@pytest.mark.parametrize("what", FLOODS)
@trio_test
async def test_a_flood_is_cut_off(what: str) -> None:
    """P8, D1: frames that cost the client nothing."""
    async with attacked() as (served, attacker):
        await attacker.send(HELLO)
        await until_cut_off(attacker, repeat(FLOODS[what] * 100))
        assert served.statistics.failed == {"protocol": 1}


@pytest.mark.parametrize("ending", ["reset", "empty data", "padding"])
@trio_test
async def test_a_flood_on_streams_is_cut_off(ending: str) -> None:
    """P8, D1: rapid reset (begin a call, take it back, again), and DATA of nothing."""
    async with attacked() as (served, attacker):
        await attacker.begin()
        flood: Iterable[bytes]
        if ending == "reset":
            flood = (
                a_call(ECHO, stream=it) + frame(RST, bytes(4), stream=it)
                for it in count(1, 2)
            )
        elif ending == "empty data":
            flood = chain([a_call(ECHO)], repeat(frame(DATA, stream=1) * 20))
        else:
            padding = frame(DATA, b"\xff" + bytes(255), flags=PADDED, stream=1)
            flood = chain([a_call(ECHO)], repeat(padding * 20))
        await until_cut_off(attacker, flood)
        assert served.statistics.failed == {"protocol": 1}


@trio_test
async def test_endless_headers_are_cut_off() -> None:
    """P8: one block, in as many CONTINUATIONs as the client has patience for."""
    async with attacked() as (served, attacker):
        await attacker.send(HELLO + a_call(flags=0))
        await until_cut_off(
            attacker, repeat(frame(CONTINUATION, bytes(1000), stream=1))
        )
        assert served.statistics.failed == {"protocol": 1}


@trio_test
async def test_headers_that_grow_when_they_are_read_are_cut_off() -> None:
    """P8: a few bytes that refer to a long header, thousands of times."""
    long = hpack.Encoder()
    first: bytes = long.encode([*request("/x"), ("x", "y" * 3000)])
    bomb = first + b"\xbe" * 3000
    async with attacked() as (served, attacker):
        await attacker.send(HELLO + frame(HEADERS, bomb, flags=END_HEADERS, stream=1))
        await attacker.read_to_the_end()
        assert served.statistics.failed == {"protocol": 1}


@trio_test
async def test_more_calls_at_once_than_were_allowed_are_cut_off() -> None:
    """P8."""
    async with attacked(ServerLimits(streams=10)) as (served, attacker):
        await attacker.send(HELLO)
        await attacker.send(b"".join(a_call(ECHO, it) for it in range(1, 41, 2)))
        await attacker.read_to_the_end()
        assert served.statistics.failed == {"protocol": 1}


@pytest.mark.parametrize(
    "said", [b"", PREFACE[:10], PREFACE, HELLO, HELLO + b"\0\0", HELLO + b"\0\0\x40\0"]
)
@trio_test
async def test_who_says_nothing_more_is_let_go(
    clock: trio.testing.MockClock, said: bytes
) -> None:
    """P8, D1: a connection without a call has a deadline, half a frame is no call."""
    async with attacked(IMPATIENT) as (served, attacker):
        await attacker.send(said)
        await attacker.read_to_the_end()
        assert served.statistics.failed == {"idle": 1}


@trio_test
async def test_bytes_do_not_put_off_the_beginning(
    clock: trio.testing.MockClock,
) -> None:
    """P8, D1: a byte now and then is no beginning of HTTP/2."""
    limits = ServerLimits(preface_timeout=0.3, idle_timeout=1000.0)
    async with attacked(limits) as (served, attacker):
        with suppress(trio.BrokenResourceError):
            for byte in PREFACE[:-1]:
                await attacker.send(bytes([byte]))
                await trio.sleep(0.1)
            await attacker.read_to_the_end()
        assert served.statistics.failed == {"idle": 1}


@trio_test
async def test_pings_do_not_keep_a_connection_that_has_no_call(
    clock: trio.testing.MockClock,
) -> None:
    """P8, D1: they are answered, and put nothing off."""
    limits = ServerLimits(idle_timeout=10.0)
    async with attacked(limits) as (served, attacker):
        began = trio.current_time()
        await attacker.send(HELLO)
        with suppress(trio.BrokenResourceError):
            for _ in range(100):
                await attacker.send(frame(PING, bytes(8)))
                await trio.sleep(1.0)
        assert trio.current_time() - began < 15
        assert frame(PING, bytes(8), flags=1) in await attacker.read_to_the_end()
        assert served.statistics.failed == {"idle": 1}


def conversation() -> bytes:
    """All that a good client says for one call."""
    client = RawClient.__new__(RawClient)
    RawClient.__init__(client, None)  # type: ignore[arg-type]
    client.h2.initiate_connection()
    client.h2.send_headers(1, request(ECHO))
    message = proto.JWTSVIDRequest(audience=["a"]).SerializeToString()
    client.h2.send_data(1, b"\0\0\0\0" + bytes([len(message)]) + message, True)
    said: bytes = client.h2.data_to_send()
    return said


@trio_test
async def test_a_conversation_may_be_cut_at_every_byte() -> None:
    """D12: and come in pieces of one byte."""
    said = conversation()
    async with attacked() as (served, _):
        for end in range(len(said)):
            cut = await RawClient.open(served.endpoint)
            await cut.send(said[:end])
            await cut.stream.aclose()
        slow = await RawClient.open(served.endpoint)
        for byte in said:
            await slow.send(bytes([byte]))
        slow.h2.initiate_connection()
        slow.h2.send_headers(1, request(ECHO), end_stream=True)
        assert await slow.status(1) == "0"
        await slow.stream.aclose()


@trio_test
async def test_every_byte_of_a_conversation_may_be_another(
    clock: trio.testing.MockClock,
) -> None:
    """D12: whatever that does, it does to its own connection."""
    said = conversation()
    async with attacked(ServerLimits(request_timeout=0.2)) as (served, _):
        for at in range(len(said)):
            for flip in (0x01, 0x80, 0xFF):
                bad = bytearray(said)
                bad[at] ^= flip
                client = await RawClient.open(served.endpoint)
                await client.send(bytes(bad))
                await client.stream.send_eof()
                await client.read_to_the_end()
                await client.stream.aclose()
        assert served.statistics.accepted > 3 * len(said)
