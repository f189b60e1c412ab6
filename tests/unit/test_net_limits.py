# SPDX-License-Identifier: Apache-2.0
"""What a server does at its limits, and when something of its own is missing."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    DB,
    InMemory,
    client_config,
    echo,
    server_config,
    source,
    trio_test,
)

from handfast import (
    ConfigError,
    Reason,
    SourceError,
    TlsConfig,
    UsageError,
    authorize,
)
from handfast.errors import detail_for
from handfast.net import (
    MtlsStream,
    serve_mtls,
)
from handfast.net.sources import Sources
from handfast.sources import SourceSnapshot


@pytest.mark.parametrize("count", [1, 3])
@trio_test
async def test_the_oldest_handshake_gives_way_at_the_limit(
    count: int, clock: trio.testing.MockClock
) -> None:
    """P8, D1: holding every place keeps nobody out, and it is counted."""
    world = InMemory()
    async with world.serving(max_handshakes=count):
        silent = [world.transport.connect() for _ in range(count)]
        await trio.testing.wait_all_tasks_blocked()
        assert world.statistics.handshaking == count
        assert await world.ask() == b"ping"
        assert await silent[0].receive_some() == b""  # the oldest one was closed
        await trio.testing.wait_all_tasks_blocked()
        assert world.statistics.gave_way == 1
        assert world.statistics.handshakes_failed == {Reason.LIMIT: 1}
        assert world.statistics.handshaking == count - 1
    assert trio.current_time() == clock.current_time()


@trio_test
async def test_no_more_handlers_run_than_connections_are_allowed(
    clock: trio.testing.MockClock,
) -> None:
    world = InMemory()
    running = 0
    most = 0

    async def work(stream: MtlsStream) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1
        await stream.send_all(b"done")

    async def client() -> None:
        assert await world.ask() == b"done"

    async with world.serving(work, max_connections=2), trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(client)
    assert most == 2
    assert world.statistics.handshakes_ok == 6


@trio_test
async def test_nothing_is_accepted_while_every_place_is_taken() -> None:
    world = InMemory()
    release = trio.Event()

    async def wait(stream: MtlsStream) -> None:
        await release.wait()
        await echo(stream)

    async def client() -> None:
        assert await world.ask() == b"ping"

    async with world.serving(wait, max_connections=1), trio.open_nursery() as nursery:
        nursery.start_soon(client)
        await trio.testing.wait_all_tasks_blocked()
        waiting = [world.transport.connect() for _ in range(5)]
        await trio.testing.wait_all_tasks_blocked()
        # One more was waited for before the place was taken; four wait outside.
        assert world.statistics.accepted == 2
        for stream in waiting:
            await stream.aclose()
        nursery.start_soon(client)
        release.set()
    assert world.statistics.handshakes_ok == 2


class Failing(trio.abc.Stream):
    """A transport on which the system's calls fail."""

    def __init__(self) -> None:
        self.closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:  # noqa: ARG002
        await trio.lowlevel.checkpoint()
        raise OSError(errno.ENOSPC, "no room in epoll")

    async def send_all(self, data: object) -> None:  # noqa: ARG002
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


@trio_test
async def test_a_failing_system_call_costs_one_connection() -> None:
    world = InMemory()
    failing = Failing()
    async with world.serving():
        world.transport.connect(failing)
        assert await world.ask() == b"ping"
        await trio.testing.wait_all_tasks_blocked()
    assert failing.closed
    assert world.statistics.handshakes_failed == {Reason.IO: 1}


@trio_test
async def test_a_verified_peer_that_finds_no_place_in_time_is_dropped(
    clock: trio.testing.MockClock,
) -> None:
    world = InMemory()

    async def for_ever(stream: MtlsStream) -> None:
        await trio.sleep_forever()

    async def shake(client: MtlsStream) -> None:
        await client.do_handshake()

    first = MtlsStream(world.transport.connect(), client_config())
    second = MtlsStream(world.transport.connect(), client_config())
    async with world.serving(for_ever, max_connections=1, handshake_timeout=7):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shake, first)
            nursery.start_soon(shake, second)
        await trio.sleep(8)
        assert world.statistics.active == 1
        assert world.statistics.handshakes_failed == {Reason.LIMIT: 1}
    for stream in (first, second):
        await trio.aclose_forcefully(stream)


class EmptySource:
    """A source that has nothing yet."""

    def __init__(self, full: Callable[[], SourceSnapshot]) -> None:
        self.full, self.ready = full, False

    def snapshot(self) -> SourceSnapshot:
        if not self.ready:
            raise SourceError(detail_for(Reason.CONFIG_INVALID))
        return self.full()


@trio_test
async def test_a_source_that_is_empty_costs_connections_and_not_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    empty = EmptySource(source(DB).snapshot)
    world = InMemory(TlsConfig.server(empty, authorize=authorize.any_in("a.example")))
    async with world.serving():
        refused = world.transport.connect()
        assert await refused.receive_some() == b""
        empty.ready = True
        assert await world.ask() == b"ping"
    [record] = [it for it in caplog.records if it.levelno == logging.ERROR]
    assert record.name == "handfast.net"


@pytest.mark.parametrize(
    "limit", ["handshake_timeout", "max_handshakes", "max_connections"]
)
@trio_test
async def test_limits_that_make_no_sense_are_refused(limit: str) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        await serve_mtls(echo, 0, server_config(), **{limit: 0})  # type: ignore[arg-type]


@trio_test
async def test_an_ipv4_address_is_the_same_on_a_socket_of_both_families() -> None:
    """D1, P8: mapped into IPv6 all of IPv4 would be one /64."""
    both = trio.socket.socket(trio.socket.AF_INET6)
    both.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 0)
    await both.bind(("::", 0))
    both.listen()
    port = both.getsockname()[1]
    sources = Sources(1)
    async with trio.SocketListener(both) as listener, AsyncExitStack() as closing:
        ends: list[trio.SocketStream] = []
        for local in ("127.0.0.1", "127.0.0.1", "127.0.0.2"):
            client = await trio.open_tcp_stream("127.0.0.1", port, local_address=local)
            await closing.enter_async_context(client)
            ends.append(await listener.accept())
            await closing.enter_async_context(ends[-1])
        assert ends[0].socket.getpeername()[0] == "::ffff:127.0.0.1"
        leave = sources.enter(ends[0])
        with pytest.raises(UsageError):
            sources.enter(ends[1])
        sources.enter(ends[2])()
        leave()
        sources.enter(ends[1])()
