# SPDX-License-Identifier: Apache-2.0
"""The pool: used again when good, never when not, limits in order, nothing left."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    DB,
    WEB,
    Served,
    authority,
    client_config,
    server_config,
    serving,
    source,
    trio_test,
)
from tests.support.sweep import settled_connections

from handfast import ConfigError, Reason, StaticSource, VerificationError, _ffi
from handfast.net import ConnectionPool, Lifetime, MtlsStream
from handfast.net.keeper import TICK

HOST = "127.0.0.1"


async def ping(pool: ConnectionPool, server: Served) -> MtlsStream:
    """Ask once, and say over which stream."""
    async with pool.connection(HOST, server.port) as stream:
        await stream.send_all(b"ping")
        assert await stream.receive_some() == b"ping"
        return stream


async def word_from_peer(stream: MtlsStream) -> None:
    """Wait until something came; that the peer has sent it is not enough."""
    transport = stream.transport_stream
    assert isinstance(transport, trio.SocketStream)
    await trio.lowlevel.wait_readable(transport.socket)


@trio_test
async def test_a_connection_is_used_again() -> None:
    async with serving() as server:
        async with ConnectionPool(client_config()) as pool:
            first = await ping(pool, server)
            assert pool.statistics().idle == 1
            assert await ping(pool, server) is first
            statistics = pool.statistics()
            assert (statistics.opened, statistics.reused) == (1, 1)
            assert (statistics.idle, statistics.busy, statistics.waiting) == (1, 0, 0)
        assert first.closed
        assert server.statistics.handshakes_ok == 1


@trio_test
async def test_connections_of_two_identities_are_never_exchanged() -> None:
    """The key is endpoint, name and configuration."""
    other = client_config(source=source("spiffe://a.example/other"))
    async with serving() as server, ConnectionPool(client_config()) as pool:
        first = await ping(pool, server)
        async with pool.connection(HOST, server.port, config=other) as stream:
            assert stream is not first
        async with pool.connection(
            HOST, server.port, server_hostname="db.example"
        ) as stream:
            assert stream is not first
        assert await ping(pool, server) is first
        assert pool.statistics().opened == 3


@trio_test
async def test_a_body_that_fails_or_closes_keeps_its_connection_from_others() -> None:
    async with serving() as server, ConnectionPool(client_config()) as pool:
        failed: MtlsStream | None = None
        with suppress(KeyError):
            async with pool.connection(HOST, server.port) as failed:
                await failed.send_all(b"a question that nobody will read the answer of")
                raise KeyError
        assert failed is not None
        assert failed.closed
        async with pool.connection(HOST, server.port) as closed:
            await closed.aclose()
        assert await ping(pool, server) not in (failed, closed)
        assert pool.statistics().opened == 3
        assert pool.statistics().busy == 0


@trio_test
async def test_a_connection_that_the_peer_closed_is_not_used() -> None:
    """A close_notify, or any word that nobody asked for, while it was idle."""
    hang_up = trio.Event()

    async def once(stream: MtlsStream) -> None:
        await stream.send_all(await stream.receive_some())
        await hang_up.wait()

    async with serving(once) as server, ConnectionPool(client_config()) as pool:
        first = await ping(pool, server)
        hang_up.set()
        await word_from_peer(first)
        assert await ping(pool, server) is not first
        assert first.closed
        assert pool.statistics().pruned == 1


@trio_test
async def test_a_connection_with_an_answer_left_to_read_is_not_used() -> None:
    async with serving() as server, ConnectionPool(client_config()) as pool:
        async with pool.connection(HOST, server.port) as asked:
            await asked.send_all(b"ping, and more")
            assert await asked.receive_some(4) == b"ping"
        assert asked.closed
        assert await ping(pool, server) is not asked


@trio_test
async def test_the_peers_truncation_and_reset_are_seen_while_idle() -> None:
    async with ConnectionPool(client_config()) as pool:
        cut = trio.Event()

        async def rude(stream: MtlsStream) -> None:
            await stream.send_all(await stream.receive_some())
            await cut.wait()
            await trio.aclose_forcefully(stream)

        async with serving(rude) as server:
            first = await ping(pool, server)
            cut.set()
            await word_from_peer(first)
            assert await ping(pool, server) is not first


@trio_test
async def test_waiters_are_served_in_the_order_of_their_coming() -> None:
    """P8: one place, ten tasks: each in turn, and the newest never first."""
    order: list[int] = []
    async with (
        serving() as server,
        ConnectionPool(client_config(), max_per_endpoint=1) as pool,
    ):
        everybody_waits = trio.Event()

        async def use(number: int) -> None:
            async with pool.connection(HOST, server.port):
                order.append(number)
                await everybody_waits.wait()

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(use, number)
                while len(order) + pool.statistics().waiting <= number:
                    await trio.testing.wait_all_tasks_blocked(0.005)
            everybody_waits.set()
        statistics = pool.statistics()
    assert order == list(range(10))
    assert statistics.opened == 1
    assert statistics.waited == 9


@trio_test
async def test_an_idle_connection_gives_way_to_another_endpoint() -> None:
    """P8: the limit of the pool holds over all endpoints."""
    async with (
        serving() as one,
        serving() as other,
        ConnectionPool(client_config(), max_connections=1) as pool,
    ):
        first = await ping(pool, one)
        await ping(pool, other)
        assert first.closed
        assert pool.statistics().evicted == 1
        waits = trio.Event()

        async def wait_for_one() -> None:
            await ping(pool, one)
            waits.set()

        async with trio.open_nursery() as nursery:
            async with pool.connection(HOST, other.port):
                nursery.start_soon(wait_for_one)
                await trio.testing.wait_all_tasks_blocked(cushion=0.01)
                assert pool.statistics().waiting == 1
                assert not waits.is_set()
            await waits.wait()


@trio_test
async def test_limits_hold_and_nothing_stays_behind_when_tasks_are_cancelled() -> None:
    """D6: tasks that are cancelled at every stage leave no place taken."""
    most = running = 0
    alive = await settled_connections()

    async def use(pool: ConnectionPool, server: Served, steps: int) -> None:
        nonlocal most, running
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def stop() -> None:
                    for _ in range(steps):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()

                nursery.start_soon(stop)
                async with pool.connection(HOST, server.port) as stream:
                    running += 1
                    most = max(most, running)
                    try:
                        await stream.send_all(b"ping")
                        await stream.receive_some()
                    finally:
                        running -= 1
                nursery.cancel_scope.cancel()

    async with (
        serving() as server,
        ConnectionPool(client_config(), max_per_endpoint=3, max_connections=3) as pool,
    ):
        async with trio.open_nursery() as nursery:
            for steps in range(120):
                nursery.start_soon(use, pool, server, steps)
        statistics = pool.statistics()
        assert statistics.busy == statistics.waiting == 0
        assert statistics.idle <= 3
        assert 1 <= most <= 3
        await ping(pool, server)
    assert await settled_connections() <= alive


@trio_test
async def test_a_connection_that_cannot_be_made_takes_no_place() -> None:
    stranger = client_config(source=source(WEB, trust=("b.example",)))
    async with (
        serving() as server,
        ConnectionPool(stranger, max_per_endpoint=1) as pool,
    ):
        for _ in range(3):
            with pytest.raises(VerificationError):
                async with pool.connection(HOST, server.port):
                    pass
        assert pool.statistics().busy == pool.statistics().opened == 0


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """A clock that is moved by hand: sockets are real here."""
    return trio.testing.MockClock()


@trio_test
async def test_old_connections_are_not_used(clock: trio.testing.MockClock) -> None:
    """P6: idle for too long, or at the age at which streams end."""
    lifetime = Lifetime(max_age=100, renew_before=10)
    async with (
        serving() as server,
        ConnectionPool(client_config(), idle_timeout=60, lifetime=lifetime) as pool,
    ):
        first = await ping(pool, server)
        clock.jump(50)
        assert await ping(pool, server) is first
        clock.jump(41)
        await trio.testing.wait_all_tasks_blocked(cushion=0.02)
        second = await ping(pool, server)
        assert second is not first
        clock.jump(61)
        assert await ping(pool, server) is not second
        assert pool.statistics().pruned == 2


@trio_test
async def test_connections_are_not_used_when_their_credentials_end(
    clock: trio.testing.MockClock,
) -> None:
    """P6: by default the last thirty seconds of an identity are left alone."""
    issuer = authority("a.example")
    theirs = StaticSource(issuer.issue(DB, ttl=timedelta(minutes=5)), issuer.bundle)
    try:
        _ffi.fix_clock(_ffi.clock_now())
        async with (
            serving(config=server_config(source=theirs)) as server,
            ConnectionPool(client_config(), idle_timeout=1e6) as pool,
        ):
            first = await ping(pool, server)
            theirs.update(svid=issuer.issue(DB))
            end = int(first.expires_at.timestamp())
            _ffi.fix_clock(end - 40)
            clock.jump(2 * TICK)
            await trio.testing.wait_all_tasks_blocked(cushion=0.02)
            assert await ping(pool, server) is first
            _ffi.fix_clock(end - 29)
            clock.jump(2 * TICK)
            await trio.testing.wait_all_tasks_blocked(cushion=0.02)
            assert await ping(pool, server) is not first
    finally:
        _ffi.reset_clock()


@trio_test
async def test_connections_of_a_removed_authority_are_not_used() -> None:
    """R11: at once, not at the next tick: the newest snapshot is asked at each loan."""
    ours = source(WEB)
    async with (
        serving() as server,
        ConnectionPool(client_config(source=ours)) as pool,
    ):
        first = await ping(pool, server)
        ours.update(bundles=[authority("b.example").bundle])
        with pytest.raises(VerificationError) as refused:
            await ping(pool, server)
        assert refused.value.reason is Reason.UNKNOWN_TRUST_DOMAIN
        assert first.closed


@trio_test
async def test_a_pool_that_is_closed_refuses_and_lends_out_no_more() -> None:
    async with serving() as server:
        pool = ConnectionPool(client_config(), max_per_endpoint=1)
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(trio.ClosedResourceError, match="pool"):
                    await ping(pool, server)

            async with pool.connection(HOST, server.port) as lent:
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked(cushion=0.01)
                await pool.aclose()
                await lent.send_all(b"ping")
                assert await lent.receive_some() == b"ping"
        assert lent.closed
        with pytest.raises(trio.ClosedResourceError):
            await ping(pool, server)


def test_limits_that_make_no_sense_are_refused() -> None:
    config = client_config()
    with pytest.raises(ConfigError, match="max_connections"):
        ConnectionPool(config, max_connections=0)
    with pytest.raises(ConfigError, match="max_per_endpoint"):
        ConnectionPool(config, max_per_endpoint=-1)
    with pytest.raises(ConfigError, match="idle_timeout"):
        ConnectionPool(config, idle_timeout=0)
    with pytest.raises(ConfigError, match="client"):
        ConnectionPool(server_config())
