# SPDX-License-Identifier: Apache-2.0
"""Draining when the engine's workers accept: test_net_drain.py, on sockets (P6)."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    PATIENCE,
    Served,
    ask,
    client_config,
    echo,
    polite,
    server_config,
    source,
    trio_test,
)

from handfast import Reason, authorize
from handfast.net import (
    Lifetime,
    MtlsListener,
    MtlsStream,
    open_mtls_listeners,
    open_mtls_stream,
    serve_mtls,
    serve_mtls_listeners,
)


async def open_listeners(count: int) -> list[MtlsListener]:
    listeners: list[MtlsListener] = []
    for _ in range(count):
        listeners += await open_mtls_listeners(0, server_config(), host="127.0.0.1")
    return listeners


@trio_test
async def test_a_drained_server_asks_its_streams_to_end_and_returns() -> None:
    [listener] = await open_listeners(1)
    server = Served(listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, polite, [listener], workers=2)
        )
        port = server.port
        async with await server.connect() as stream:
            await stream.send_all(b"ping")
            assert await stream.receive_some() == b"ping"
            await listener.drain(PATIENCE)
            assert await stream.receive_some() == b""
        with pytest.raises(ConnectionRefusedError):
            await open_mtls_stream("127.0.0.1", port, client_config())
    statistics = listener.statistics()
    assert statistics.ended == {}
    assert statistics.active == statistics.handshaking == 0
    assert statistics.accepted == statistics.handshakes_ok == 1


@trio_test
async def test_a_handshake_under_way_goes_on_and_its_stream_is_asked_to_end() -> None:
    [listener] = await open_listeners(1)
    server = Served(listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, polite, [listener], workers=2)
        )
        transport = await server.raw()
        await server.until(lambda it: it.statistics.handshaking == 1)
        nursery.start_soon(listener.drain, PATIENCE)
        await trio.testing.wait_all_tasks_blocked(cushion=0.05)
        async with MtlsStream(transport, client_config()) as stream:
            await stream.do_handshake()
            assert await stream.receive_some() == b""
    assert listener.statistics().handshakes_ok == 1


@trio_test
async def test_a_handshake_that_stalls_is_ended_at_the_deadline() -> None:
    """D1: a peer that stalls does not hold a drain."""
    [listener] = await open_listeners(1)
    server = Served(listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_mtls_listeners, echo, [listener], workers=2))
        silent = await server.raw()
        await server.until(lambda it: it.statistics.handshaking == 1)
        await listener.drain(0.1)
        assert await silent.receive_some() == b""
        await silent.aclose()
    statistics = listener.statistics()
    assert statistics.handshakes_failed == {Reason.DRAINED: 1}
    assert statistics.ended == {Reason.DRAINED: 1}
    assert statistics.handshaking == 0


@trio_test
async def test_one_listener_drains_and_the_other_goes_on() -> None:
    one, two = await open_listeners(2)
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, polite, [one, two], workers=2)
        )
        port = one.port
        assert await ask(await Served(one).connect()) == b"ping"
        await one.drain(PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            await open_mtls_stream("127.0.0.1", port, client_config())
        assert await ask(await Served(two).connect()) == b"ping"
        await two.drain(PATIENCE)
    assert [it.statistics().handshakes_ok for it in (one, two)] == [1, 1]


@trio_test
async def test_listeners_that_were_drained_before_are_not_served() -> None:
    one, two = await open_listeners(2)
    await one.drain(0)
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, polite, [one, two], workers=1)
        )
        assert await ask(await Served(two).connect()) == b"ping"
        await two.drain(PATIENCE)
    await serve_mtls_listeners(polite, [one, two], workers=1)


@trio_test
async def test_streams_know_their_lifetime_and_when_they_end() -> None:
    """P6: with workers, too, a stream knows what it rests on and is ended by age."""
    ends: list[object] = []

    async def look(stream: MtlsStream) -> None:
        ends.append(stream.expires_at)
        ends.append(stream.lifetime.max_age)
        await stream.wait_draining()
        ends.append(stream.age >= 0.05)

    async with trio.open_nursery() as nursery:
        listeners: list[MtlsListener] = await nursery.start(
            partial(
                serve_mtls,
                look,
                0,
                server_config(
                    source=source("spiffe://a.example/db"),
                    authorize=authorize.any_in("a.example"),
                ),
                host="127.0.0.1",
                workers=2,
                lifetime=Lifetime(max_age=0.05, drain_timeout=PATIENCE),
            )
        )
        [listener] = listeners
        async with await Served(listener).connect() as stream:
            assert await stream.receive_some() == b""
            assert ends == [stream.expires_at, 0.05, True]
        await listener.drain(0)
