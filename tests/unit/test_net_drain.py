# SPDX-License-Identifier: Apache-2.0
"""A listener that is drained: nobody is cut off early, nobody lives on."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    InMemory,
    ask,
    client_config,
    echo,
    polite,
    server_config,
    trio_test,
)

from handfast import ConfigError, Reason
from handfast.net import (
    MtlsListener,
    MtlsStream,
    open_mtls_stream,
    serve_mtls,
    serve_mtls_listeners,
)


async def serve_until_drained(world: InMemory, handler: object) -> None:
    """Serve, and say by ending that there is nothing left."""
    await serve_mtls_listeners(handler, [world.listener])  # type: ignore[arg-type]


@trio_test
async def test_streams_that_end_when_asked_end_the_drain_at_once(
    clock: trio.testing.MockClock,
) -> None:
    """P6: the server returns, and every peer got a close_notify."""
    world = InMemory()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_until_drained, world, polite)
        client = MtlsStream(world.transport.connect(), client_config())
        async with client:
            await client.send_all(b"ping")
            assert await client.receive_some() == b"ping"
            start = trio.current_time()
            await world.listener.drain(30)
            assert trio.current_time() == start
            assert world.listener.draining
            assert await client.receive_some() == b""
    assert world.statistics.ended == {}
    assert world.statistics.active == 0
    assert clock.current_time() >= start


@trio_test
async def test_streams_that_do_not_end_are_ended_at_the_deadline(
    clock: trio.testing.MockClock,
) -> None:
    """P6: and until then they work."""
    world = InMemory()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_until_drained, world, echo)
        client = MtlsStream(world.transport.connect(), client_config())
        async with client:
            await client.do_handshake()
            nursery.start_soon(world.listener.drain, 30)
            await trio.sleep(29)
            await client.send_all(b"ping")
            assert await client.receive_some() == b"ping"
            start = trio.current_time()
            assert await client.receive_some() == b""
            assert trio.current_time() - start == pytest.approx(1, abs=0.1)
    assert world.statistics.ended == {Reason.DRAINED: 1}
    assert clock.current_time() > 29


@trio_test
async def test_a_handshake_that_is_under_way_is_ended_at_the_deadline_too(
    clock: trio.testing.MockClock,
) -> None:
    """D1: a peer that stalls does not hold a drain."""
    world = InMemory()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_until_drained, world, echo)
        silent = world.transport.connect()
        await trio.testing.wait_all_tasks_blocked()
        assert world.statistics.handshaking == 1
        await world.listener.drain(5)
        assert await silent.receive_some() == b""
    assert world.statistics.handshakes_failed == {Reason.DRAINED: 1}
    assert world.statistics.handshaking == 0
    assert clock.current_time() == pytest.approx(5, abs=0.1)


@trio_test
async def test_a_second_drain_can_only_be_shorter(
    clock: trio.testing.MockClock,
) -> None:
    world = InMemory()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_until_drained, world, echo)
        client = MtlsStream(world.transport.connect(), client_config())
        async with client:
            await client.do_handshake()
            nursery.start_soon(world.listener.drain, 100)
            await trio.sleep(1)
            await world.listener.drain(2)
            assert await client.receive_some() == b""
            assert trio.current_time() == pytest.approx(3, abs=0.1)
            await world.listener.drain(1000)
    assert clock.current_time() < 5


@trio_test
async def test_a_drain_that_is_cancelled_at_once_has_asked_all_the_same(
    clock: trio.testing.MockClock,
) -> None:
    """P6: nothing is accepted any more, and the streams end when the time is over."""
    world = InMemory()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_until_drained, world, echo)
        async with MtlsStream(world.transport.connect(), client_config()) as client:
            await client.send_all(b"ping")
            assert await client.receive_some() == b"ping"
            with trio.CancelScope() as scope:
                scope.cancel()
                await world.listener.drain(5)
            assert scope.cancelled_caught
            assert await client.receive_some() == b""
    assert world.statistics.ended == {Reason.DRAINED: 1}
    assert clock.current_time() >= 5


@trio_test
async def test_a_drained_server_refuses_new_connections_and_returns() -> None:
    async with trio.open_nursery() as nursery:
        listeners: list[MtlsListener] = await nursery.start(
            partial(serve_mtls, polite, 0, server_config(), host="127.0.0.1")
        )
        [listener] = listeners
        port = listener.port
        stream = await open_mtls_stream("127.0.0.1", port, client_config())
        assert await ask(stream) == b"ping"
        await listener.drain()
        with pytest.raises(ConnectionRefusedError):
            await open_mtls_stream("127.0.0.1", port, client_config())


@trio_test
async def test_a_listener_that_is_closed_under_a_server_is_still_an_error() -> None:
    """Only a drain ends serving in good order."""
    world = InMemory()

    async def serve_and_close() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_until_drained, world, echo)
            await trio.testing.wait_all_tasks_blocked()
            await world.listener.aclose()

    with pytest.raises(ExceptionGroup) as ended:
        await serve_and_close()
    assert ended.group_contains(trio.ClosedResourceError)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
@trio_test
async def test_a_drain_has_a_deadline(seconds: float) -> None:
    world = InMemory()
    with pytest.raises(ConfigError):
        await world.listener.drain(seconds)
    assert not world.listener.draining
