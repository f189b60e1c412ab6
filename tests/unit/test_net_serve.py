# SPDX-License-Identifier: Apache-2.0
"""Serving: who gets a handler, what is counted, what is logged, and the limits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    DB,
    WEB,
    InMemory,
    ask,
    client_config,
    echo,
    server_config,
    serving,
    source,
    trio_test,
)

from handfast import (
    ConfigError,
    NotAuthorized,
    Reason,
    SourceError,
    SpiffeId,
    TlsConfig,
    authorize,
)
from handfast.errors import detail_for
from handfast.net import MtlsListener, MtlsStream, open_mtls_stream, serve_mtls
from handfast.sources import SourceSnapshot


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """A clock that jumps when every task waits."""
    return trio.testing.MockClock(autojump_threshold=0)


@trio_test
async def test_serving_tells_its_listeners_when_it_is_ready() -> None:
    async with trio.open_nursery() as nursery:
        listeners: list[MtlsListener] = await nursery.start(
            partial(serve_mtls, echo, 0, server_config(), host="127.0.0.1")
        )
        [listener] = listeners
        port = listener.port
        stream = await open_mtls_stream("127.0.0.1", port, client_config())
        assert await ask(stream, b"over TCP") == b"over TCP"
        nursery.cancel_scope.cancel()
    with pytest.raises(ConnectionRefusedError):
        await open_mtls_stream("127.0.0.1", port, client_config())


@trio_test
async def test_a_handler_gets_verified_peers_only() -> None:
    seen: list[SpiffeId | None] = []

    async def note(stream: MtlsStream) -> None:
        seen.append(stream.peer.spiffe_id)

    async with serving(note) as server:
        async with await server.connect() as stream:
            assert await stream.receive_some() == b""
        stranger = TlsConfig.client(
            source("spiffe://b.example/web"), authorize=authorize.anyone()
        )
        async with await server.connect(stranger) as stream:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        statistics = server.statistics
    assert seen == [SpiffeId.parse(WEB)]
    assert statistics.accepted == 2
    assert statistics.handshakes_ok == 1
    assert statistics.handshakes_failed == {Reason.UNKNOWN_TRUST_DOMAIN: 1}
    assert statistics.handshaking == statistics.active == 0


@trio_test
async def test_a_handler_that_returns_ends_the_stream_politely() -> None:
    async def greet(stream: MtlsStream) -> None:
        await stream.send_all(b"hello")

    async with serving(greet) as server, await server.connect() as stream:
        assert await stream.receive_some() == b"hello"
        assert await stream.receive_some() == b""


@trio_test
async def test_a_handler_that_raises_ends_the_server_and_no_stream_politely() -> None:
    async def fail(stream: MtlsStream) -> None:
        raise RuntimeError("the application's own")

    async def connect_and_wait() -> None:
        async with serving(fail) as server:
            streams.append(await server.connect())
            await trio.sleep_forever()

    streams: list[MtlsStream] = []
    with pytest.raises(ExceptionGroup) as ended:
        await connect_and_wait()
    assert ended.group_contains(RuntimeError, match="own")
    async with streams[0] as stream:
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()


@trio_test
async def test_handlers_run_in_the_nursery_that_is_given() -> None:
    """A server can stop accepting and let its handlers end."""
    world = InMemory()
    release = trio.Event()

    async def wait(stream: MtlsStream) -> None:
        await release.wait()
        await stream.send_all(b"still here")

    async with trio.open_nursery() as handlers:
        client = MtlsStream(world.transport.connect(), client_config())
        async with world.serving(wait, handler_nursery=handlers):
            await client.do_handshake()
            await trio.testing.wait_all_tasks_blocked()
        release.set()
        async with client:
            assert await client.receive_some() == b"still here"


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


@trio_test
async def test_refusals_are_logged_by_reason_and_address_and_no_claimed_identity(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P7: a name that nobody verified is not in the log that people read."""
    caplog.set_level(logging.INFO, "handfast.net")
    stranger = TlsConfig.client(
        source("spiffe://b.example/claimed"), authorize=authorize.anyone()
    )
    async with serving() as server:
        async with await server.connect(stranger) as stream:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            transport = stream.transport_stream
            assert isinstance(transport, trio.SocketStream)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.reason == "unknown_trust_domain"  # type: ignore[attr-defined]
    assert "127.0.0.1:" in record.getMessage()
    assert "claimed" not in record.getMessage()
    assert "claimed" not in repr(record.__dict__)


@trio_test
async def test_the_debug_log_calls_what_a_peer_claims_unverified(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "handfast.net")
    nobody = server_config(authorize=authorize.nobody())
    async with serving(config=nobody) as server:
        async with await server.connect() as stream:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
    [warning, debug] = caplog.records
    assert warning.levelno == logging.WARNING
    assert debug.levelno == logging.DEBUG
    assert "not verified" in debug.getMessage()


@pytest.mark.parametrize(
    "limit", ["handshake_timeout", "max_handshakes", "max_connections"]
)
@trio_test
async def test_limits_that_make_no_sense_are_refused(limit: str) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        await serve_mtls(echo, 0, server_config(), **{limit: 0})  # type: ignore[arg-type]


@trio_test
async def test_listeners_work_with_trios_own_server() -> None:
    """Without our limits: for programs that have limits of their own."""

    async def answer(stream: MtlsStream) -> None:
        async with stream:
            await echo(stream)

    [plain] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listener = MtlsListener(plain, server_config())
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, answer, [listener])
        transport = await trio.testing.open_stream_to_socket_listener(plain)
        assert await ask(MtlsStream(transport, client_config())) == b"ping"
        assert listener.statistics().accepted == 1
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_client_refuses_and_the_server_goes_on() -> None:
    picky = client_config(authorize=authorize.nobody())
    async with serving() as server:
        with pytest.raises(NotAuthorized):
            await server.connect(picky)
        assert await ask(await server.connect()) == b"ping"
