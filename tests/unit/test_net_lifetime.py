# SPDX-License-Identifier: Apache-2.0
"""Streams end on purpose: by age, with their credentials, because they are told to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.living import Wall, ended_with, living, state, svid_for
from tests.support.net_world import (
    DB,
    WEB,
    InMemory,
    client_config,
    echo,
    over_memory,
    over_tcp,
    server_config,
    trio_test,
)

from handfast import (
    ConfigError,
    ConnectionEnded,
    Reason,
    _ffi,
)
from handfast.net import Lifetime, MtlsStream
from handfast.net.keeper import TICK
from handfast.net.stream_wire import StreamWire

HOUR = 3600.0


@pytest.fixture
def wall() -> Iterator[Wall]:
    """The engine's wall clock, in step with trio's."""
    wall = Wall()
    yield wall
    _ffi.reset_clock()


@trio_test
async def test_a_stream_knows_when_what_it_rests_on_ends() -> None:
    """P6: the earlier one of the peer's whole window and of our own SVID."""
    ours, theirs = svid_for(WEB, 500), svid_for(DB, 1000)
    async with living(Lifetime(), ours=ours, theirs=theirs) as (client, server):
        assert client.expires_at == ours.snapshot().svid.not_after
        assert server.expires_at == client.expires_at
        assert client.peer.not_after > client.expires_at
        assert not client.draining


@trio_test
async def test_a_stream_is_drained_at_its_age_and_closed_later(
    clock: trio.testing.MockClock,
) -> None:
    """P6: the application is asked first, and the peer gets a close_notify."""
    lifetime = Lifetime(max_age=100, drain_timeout=10, renew_before=5)
    async with living(lifetime) as (client, server):
        start = trio.current_time()
        await client.wait_draining()
        assert trio.current_time() - start == pytest.approx(95, abs=0.1)
        await client.send_all(b"still good")
        assert await server.receive_some() == b"still good"
        assert await server.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(105, abs=0.1)
        await ended_with(client, Reason.MAX_AGE)
    assert clock.current_time() >= 105


@trio_test
async def test_a_task_that_waits_is_told_why_the_stream_ended(
    clock: trio.testing.MockClock,
) -> None:
    """P6: an end on purpose does not look like a failure, nor like the peer's end."""
    async with living(Lifetime(max_age=10, drain_timeout=0)) as (client, _):
        with pytest.raises(trio.BrokenResourceError, match="max_age") as broken:
            await client.receive_some()
        assert isinstance(broken.value.__cause__, ConnectionEnded)
        await ended_with(client, Reason.MAX_AGE)
    assert clock.current_time() >= 10


@pytest.mark.parametrize("way", ["close", "drain"])
@trio_test
async def test_a_stream_ends_with_its_credentials(
    way: Any, clock: trio.testing.MockClock, wall: Wall
) -> None:
    """R11: within two seconds of the end of an SVID, with a close_notify."""
    lifetime = Lifetime(on_credentials_end=way, drain_timeout=20, renew_before=60)
    async with living(lifetime, theirs=svid_for(DB, 300)) as (client, server):
        left = client.expires_at.timestamp() - _ffi.clock_now()
        await wall.sleep(left - 62)
        assert state(client) == "open"
        await wall.sleep(4)
        assert state(client) == "draining"
        await wall.sleep(16)
        assert state(client) == "draining"
        await wall.sleep(8 if way == "drain" else 46)
        assert await server.receive_some() == b""
        await ended_with(client, Reason.CREDENTIALS_ENDED)
    assert clock.current_time() > 0


@trio_test
async def test_a_stream_outlives_its_credentials_when_nobody_minds(
    clock: trio.testing.MockClock, wall: Wall
) -> None:
    """R11: the default, as documented."""
    async with living(Lifetime(), theirs=svid_for(DB, 30)) as (client, server):
        await wall.sleep(90)
        await client.send_all(b"still here")
        assert await server.receive_some() == b"still here"
        assert client.expires_at.timestamp() < _ffi.clock_now()
        assert not client.draining
    assert clock.current_time() >= 90


@trio_test
async def test_a_wall_clock_that_jumps_moves_validity_and_no_deadline(
    clock: trio.testing.MockClock, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    """D11: ages are monotonic, credentials are not, and a jump is logged."""
    by_age = Lifetime(max_age=HOUR, drain_timeout=0)
    by_time = Lifetime(on_credentials_end="close")
    async with (
        living(by_age, theirs=svid_for(DB, 300)) as (aged, _),
        living(by_time, theirs=svid_for(DB, 300)) as (timed, _),
    ):
        await wall.sleep(3)
        wall.jump(-HOUR)
        await wall.sleep(310)
        assert not timed.closed  # by the clock on the wall it has most of an hour
        wall.jump(HOUR)
        await wall.sleep(2 * TICK)
        await ended_with(timed, Reason.CREDENTIALS_ENDED)
        assert not aged.closed
        assert aged.age < HOUR
    told = [it for it in caplog.records if it.levelno == logging.WARNING]
    assert [it.getMessage()[:26] for it in told] == ["the wall clock was set by "] * 2
    assert clock.current_time() > 300


@trio_test
async def test_an_end_in_the_middle_of_a_send_is_no_clean_end() -> None:
    """P6, D4: what is missing is not called complete."""
    client, server = await over_tcp()
    async with client, server, trio.open_nursery() as nursery:

        async def send_much() -> None:
            with pytest.raises(trio.BrokenResourceError) as broken:
                await client.send_all(bytes(1 << 26))
            assert isinstance(broken.value.__cause__, ConnectionEnded)

        nursery.start_soon(send_much)
        await trio.testing.wait_all_tasks_blocked(cushion=0.05)
        await client.end(Reason.DRAINED)
        with pytest.raises(trio.BrokenResourceError):
            async for _ in server:
                pass


@trio_test
async def test_ending_twice_and_closing_afterwards_do_nothing() -> None:
    client, server = await over_memory()
    async with client, server:
        await client.end()
        await client.end(Reason.MAX_AGE)
        await client.aclose()
        await ended_with(client, Reason.DRAINED)
        client.start_draining()
        await client.wait_draining()
        assert await server.receive_some() == b""


@trio_test
async def test_a_handshake_on_a_stream_that_was_ended_says_so() -> None:
    """P6: in handfast's own words, as a server counts them: it goes on."""
    ours, _theirs = trio.testing.memory_stream_pair()
    stream = MtlsStream(ours, server_config())
    await stream.end(Reason.DRAINED)
    for _ in range(2):
        with pytest.raises(ConnectionEnded) as ended:
            await stream.do_handshake()
        assert ended.value.reason is Reason.DRAINED
    await ended_with(stream, Reason.DRAINED)
    await stream.aclose()


@trio_test
async def test_a_stream_that_ends_as_its_handshake_does_has_no_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P6: nobody is given a stream that is closed already."""
    client, server = (
        MtlsStream(end, config)
        for end, config in zip(
            trio.testing.memory_stream_pair(),
            (client_config(), server_config()),
            strict=True,
        )
    )
    handshake = StreamWire.handshake

    async def and_end(wire: StreamWire) -> None:
        await handshake(wire)
        if wire.transport is server.transport_stream:
            await server.end(Reason.DRAINED)

    monkeypatch.setattr(StreamWire, "handshake", and_end)
    async with client, trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        with pytest.raises(ConnectionEnded):
            await server.do_handshake()
    await ended_with(server, Reason.DRAINED)


@trio_test
async def test_listeners_give_their_streams_a_lifetime_and_count(
    clock: trio.testing.MockClock,
) -> None:
    """P6: per listener; statistics say what ended why."""
    world = InMemory()
    world.listener.lifetime = Lifetime(max_age=30, drain_timeout=1)
    async with world.serving(echo):
        client = MtlsStream(world.transport.connect(), client_config())
        async with client:
            await client.send_all(b"ping")
            assert await client.receive_some() == b"ping"
            assert await client.receive_some() == b""
        assert world.statistics.ended == {Reason.MAX_AGE: 1}
    assert clock.current_time() >= 31


@trio_test
async def test_nobody_watches_when_there_is_nothing_to_watch(
    clock: trio.testing.MockClock,
) -> None:
    """The task that watches is there only as long as a stream needs it."""

    def watchers() -> int:
        root = trio.lowlevel.current_root_task()
        assert root is not None
        tasks = {
            it.name for nursery in root.child_nurseries for it in nursery.child_tasks
        }
        return int("handfast.net.keeper" in tasks)

    async with living(Lifetime()):
        await trio.sleep(2 * TICK)
        assert watchers() == 0
    for _ in range(2):
        async with living(Lifetime(max_age=50)):
            await trio.sleep(TICK)
            assert watchers() == 1
        await trio.sleep(2 * TICK)
        assert watchers() == 0
    assert clock.current_time() > 0


@pytest.mark.parametrize(
    "settings",
    [
        {"max_age": 0},
        {"max_age": float("nan")},
        {"renew_before": -1},
        {"drain_timeout": float("inf")},
        {"on_credentials_end": "renew"},
        {"on_revoked": ""},
        {"key_update_bytes": 0},
        {"key_update_seconds": -1.0},
    ],
)
def test_lifetimes_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Lifetime(**settings)
