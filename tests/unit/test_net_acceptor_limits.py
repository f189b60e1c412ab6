# SPDX-License-Identifier: Apache-2.0
"""Workers that shake hands under load: shares, floods, shortages, deadlines."""

from __future__ import annotations

import re
import resource
import socket
import time
from contextlib import AsyncExitStack, suppress

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    ask,
    client_config,
    echo,
    hangs_up,
    in_another_loop,
    serving,
    trio_test,
)

from handfast import HandfastError, Reason
from handfast.net import MtlsStream

EITHER = pytest.mark.parametrize("workers", [0, 2])


@EITHER
@trio_test
async def test_one_address_has_its_share_of_handshakes(workers: int) -> None:
    """P8: past it more are refused, by reason; the share comes back."""
    async with serving(workers=workers, max_handshakes_per_source=2) as server:
        silent = [await server.raw() for _ in range(2)]
        await server.until(lambda it: it.statistics.handshaking == 2)
        await hangs_up(await server.raw())
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_failed == {Reason.LIMIT: 1}
        assert server.statistics.gave_way == 0
        for stream in silent:
            await stream.aclose()
        await server.until(lambda it: not it.statistics.handshaking)
        assert await ask(await server.connect()) == b"ping"
        assert server.statistics.accepted == 4


@EITHER
@trio_test
async def test_a_flood_of_silent_peers_keeps_nobody_out(workers: int) -> None:
    """D1: the oldest gives way, so a good peer gets in, and all are counted."""
    async with serving(workers=workers, max_handshakes=20) as server:
        async with AsyncExitStack() as flood:
            for index in range(60):
                stream = await flood.enter_async_context(await server.raw())
                if index % 2:
                    await stream.send_all(b"\x16\x03\x01\x02\x00\x01")
            assert await ask(await server.connect()) == b"ping"
            await server.until(lambda it: it.statistics.gave_way >= 40)
            assert server.statistics.handshaking <= 20
            assert server.statistics.handshakes_ok == 1
        await server.until(lambda it: not it.statistics.handshaking)
        statistics = server.statistics
    assert statistics.accepted == 61
    failed = statistics.handshakes_failed
    assert sum(failed.values()) == 60
    assert failed[Reason.LIMIT] == statistics.gave_way


@trio_test
async def test_stuck_handshakes_end_at_their_deadline() -> None:
    """D1, D2: at each stage that a peer can stop at."""
    async with serving(workers=2, handshake_timeout=1) as server:
        async with AsyncExitStack() as stack:
            for start in (b"", b"\x16", b"\x16\x03\x01\x02\x00" + b"\x01\x00"):
                stream = await stack.enter_async_context(await server.raw())
                await stream.send_all(start)
            await server.until(lambda it: it.statistics.timeouts == 3)
        assert server.statistics.handshaking == 0
        answer = b""
        while not answer:  # a good one may be late, too, where the machine stands still
            with suppress(HandfastError, trio.BrokenResourceError):
                answer = await ask(await server.connect())
        assert answer == b"ping"


@trio_test
async def test_a_handler_that_computes_does_not_stop_handshakes() -> None:
    """It holds the event loop until another client has shaken hands."""
    streams: list[MtlsStream] = []

    async def handle(stream: MtlsStream) -> None:
        if not streams:
            streams.append(in_another_loop(server.connect))

    async with serving(handle, workers=1) as server:
        async with await server.connect() as stream:
            assert await stream.receive_some() == b""
        await server.until(lambda it: it.statistics.handshakes_ok == 2)
        await trio.aclose_forcefully(streams[0])


@pytest.mark.parametrize("workers", [1, 2])
@trio_test
async def test_no_more_handlers_than_places_and_nothing_accepted_meanwhile(
    workers: int,
) -> None:
    """`max_connections` means the same with workers.

    But for one connection in the hands of each other worker: it may have seen that it
    may accept before the place was taken, and do so afterwards.
    """
    release = trio.Event()

    async def wait(stream: MtlsStream) -> None:
        await release.wait()
        await echo(stream)

    async with serving(wait, workers=workers, max_connections=1) as server:
        first = await server.connect()
        await server.until(lambda it: it.statistics.active == 1)
        async with trio.open_nursery() as nursery:
            outside = [await server.raw() for _ in range(6)]
            await trio.testing.wait_all_tasks_blocked(cushion=0.05)
            assert 1 <= server.statistics.accepted <= workers
            release.set()
            for stream in outside:
                nursery.start_soon(stream.aclose)
            assert await ask(first) == b"ping"
        assert await ask(await server.connect()) == b"ping"


@trio_test
async def test_running_out_of_descriptors_ends_and_the_server_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """D10: accepting stops, is logged once a second at most, and works again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(workers=2) as server:
        late = trio.socket.socket()
        begin = time.monotonic()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            await late.connect(("127.0.0.1", server.port))
            while "cannot accept" not in caplog.text:
                await trio.testing.wait_all_tasks_blocked(cushion=0.005)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        seconds = time.monotonic() - begin
        stream = MtlsStream(trio.SocketStream(late), client_config())
        assert await ask(stream) == b"ping"
    # Both workers try ten times a second.
    assert 1 <= caplog.text.count("cannot accept") <= 1 + seconds


@trio_test
async def test_many_refusals_at_once_are_all_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Past what is kept they are counted by reason: the loop is held meanwhile."""
    caplog.set_level("INFO", "handfast.net")
    async with serving(workers=1) as server:
        for _ in range(300):
            # Blocking on purpose: nothing takes from the queue until the loop is left.
            with socket.create_connection(("127.0.0.1", server.port)) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while plain.recv(100):
                    pass
        await server.until(lambda it: it.statistics.accepted == 300)
        await server.until(lambda it: not it.statistics.handshaking)
        assert server.statistics.handshakes_failed == {Reason.NOT_TLS: 300}
    # 256 are kept; the last ones may come when these were taken already.
    assert re.search(r"4\d more handshakes failed: not_tls", caplog.text)
