# SPDX-License-Identifier: Apache-2.0
"""Many client connections at once: bounded, and told one by one."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    PATIENCE,
    ask,
    client_config,
    server_config,
    serving,
    source,
    trio_test,
)

from handfast import ConfigError, HandshakeTimeout, Reason, authorize
from handfast._ffi import NativeAcceptor, live_handles
from handfast._ffi.conn import Conn
from handfast.net import MtlsStream, open_many

STRANGER = "spiffe://b.example/x"


@pytest.fixture(params=[0, 2], ids=["loop", "workers"])
def workers(request: pytest.FixtureRequest) -> int:
    """Who shakes hands: whatever a caller sees is the same."""
    return int(request.param)


@trio_test
async def test_each_target_has_a_result_and_the_streams_outlive_the_block(
    workers: int,
) -> None:
    async with serving() as server:
        streams: list[MtlsStream] = []
        async with open_many(
            [("127.0.0.1", server.port)] * 10,
            client_config(),
            at_once=3,
            workers=workers,
        ) as results:
            async for opened in results:
                assert opened.failure is None
                assert opened.target == ("127.0.0.1", server.port)
                assert 0 <= opened.seconds < PATIENCE
                assert opened.stream is not None
                streams.append(opened.stream)
        assert len(streams) == 10
        for stream in streams:
            assert await ask(stream) == b"ping"


@trio_test
async def test_no_more_than_at_once_are_made_or_wait_to_be_taken(workers: int) -> None:
    """P8: targets that never end are taken as results are."""
    taken = 0

    def endless(port: int) -> Iterator[tuple[str, int]]:
        nonlocal taken
        while True:
            taken += 1
            yield ("127.0.0.1", port)

    async with serving() as server:
        async with open_many(
            endless(server.port), client_config(), at_once=4, workers=workers
        ) as found:
            await server.until(lambda it: it.statistics.active == 4)
            await trio.testing.wait_all_tasks_blocked(cushion=0.05)
            assert taken == 4
            opened = await found.receive()
            await server.until(lambda it: it.statistics.active == 5)
            assert taken == 5
        # What nobody took was closed, what was taken lives.
        await server.until(lambda it: it.statistics.active == 1)
        assert opened.stream is not None
        assert await ask(opened.stream) == b"ping"


@trio_test
async def test_failures_come_with_their_reasons(workers: int) -> None:
    """Each kind beside good ones, and no failure ends the others."""
    [silent] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    [closed] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    other = server_config(source=source(STRANGER), authorize=authorize.anyone())
    async with serving() as good, serving(config=other) as stranger, silent:
        ports = {
            good.port: None,
            stranger.port: Reason.UNKNOWN_TRUST_DOMAIN,
            closed.socket.getsockname()[1]: Reason.IO,
            silent.socket.getsockname()[1]: Reason.HANDSHAKE_TIMEOUT,
        }
        await closed.aclose()
        seen: dict[int, Reason | None] = {}
        targets = [("127.0.0.1", port) for port in ports] * 2
        while seen != ports:
            async with open_many(
                targets, client_config(), timeout=1, workers=workers
            ) as results:
                async for opened in results:
                    assert (opened.stream is None) is (opened.failure is not None)
                    port, reason = opened.target[1], None
                    if opened.stream is not None:
                        await opened.stream.aclose()
                    if opened.failure is not None:
                        reason = opened.failure.reason
                    if reason is Reason.HANDSHAKE_TIMEOUT:
                        assert isinstance(opened.failure, HandshakeTimeout)
                        assert opened.seconds > 0.99  # milliseconds are counted
                        if ports[port] is not reason:
                            continue  # the machine stood still: once more
                    assert reason is ports[port]
                    seen[port] = reason


@trio_test
async def test_a_cancelled_block_closes_what_is_under_way(workers: int) -> None:
    [silent] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = silent.socket.getsockname()[1]
    async with silent:
        with trio.CancelScope() as scope:
            async with open_many(
                [("127.0.0.1", port)] * 3, client_config(), at_once=2, workers=workers
            ) as results:
                ends = [await silent.accept() for _ in range(2)]
                scope.cancel()
                await results.receive()
        assert scope.cancelled_caught
        for end in ends:
            while await end.receive_some():
                pass
            await end.aclose()


@pytest.mark.parametrize("setting", [{"at_once": 0}, {"timeout": 0}, {"workers": -1}])
@trio_test
async def test_limits_that_let_nothing_happen_are_refused(
    setting: dict[str, int],
) -> None:
    with pytest.raises(ConfigError):
        async with open_many([], client_config(), **setting):  # type: ignore[arg-type]
            pass
    with pytest.raises(ConfigError):
        async with open_many([], server_config()):
            pass


@trio_test
async def test_a_target_may_have_all_the_time_there_is(workers: int) -> None:
    async with serving() as server:
        async with open_many(
            [("127.0.0.1", server.port)],
            client_config(),
            timeout=math.inf,
            workers=workers,
        ) as results:
            opened = await results.receive()
        assert opened.stream is not None
        assert await ask(opened.stream) == b"ping"


@trio_test
async def test_no_targets_are_no_results(workers: int) -> None:
    async with open_many([], client_config(), workers=workers) as results:
        assert [it async for it in results] == []


@trio_test
async def test_an_exception_of_the_block_comes_out_as_it_is(workers: int) -> None:
    async def fail(port: int) -> None:
        target = ("127.0.0.1", port)
        async with open_many([target] * 3, client_config(), workers=workers) as results:
            opened = await results.receive()
            assert opened.stream is not None
            await opened.stream.aclose()
            raise KeyError("mine")

    async with serving() as server:
        with pytest.raises(KeyError, match="mine"):
            await fail(server.port)


@trio_test
async def test_workers_judge_as_the_loop_does() -> None:
    """P1: whoever may not come in is refused there, too, with the same reason."""
    config = client_config(authorize=authorize.nobody())
    async with serving() as server:
        target = ("127.0.0.1", server.port)
        async with open_many([target] * 5, config, workers=2) as results:
            seen = [opened.failure async for opened in results]
    assert [it and it.reason for it in seen] == [Reason.NOT_AUTHORIZED] * 5
    assert all("authorize" in str(it) or "spiffe://" in str(it) for it in seen)


@trio_test
async def test_workers_resume_sessions() -> None:
    """P4: the store is the configuration's, whoever shakes hands."""
    config = client_config()
    async with serving() as server:
        target: tuple[str, int] = ("127.0.0.1", server.port)
        resumed: list[bool] = []
        for _ in range(2):
            async with open_many([target], config, workers=2) as results:
                opened = await results.receive()
            assert opened.stream is not None
            assert await ask(opened.stream) == b"ping"
            resumed.append(opened.stream.resumed)
        assert resumed == [False, True]


@trio_test
async def test_names_are_looked_up_for_workers_too() -> None:
    async with serving() as server:
        target = ("localhost", server.port)
        async with open_many([target], client_config(), workers=1) as results:
            opened = await results.receive()
        assert opened.stream is not None
        assert await ask(opened.stream) == b"ping"


def test_workers_give_back_what_they_have_at_the_end_of_the_run() -> None:
    """D1: to a system task, too, which trio cancels together with ours."""

    async def connect(port: int) -> None:
        target = ("127.0.0.1", port)
        async with open_many([target], client_config(), workers=1) as results:
            await results.receive()

    async def main() -> trio.SocketStream:
        [silent] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = silent.socket.getsockname()[1]
        async with silent:
            trio.lowlevel.spawn_system_task(connect, port)
            end = await silent.accept()
            await end.receive_some()  # a worker has begun
            return end

    end = trio.run(main)

    async def see() -> None:
        with trio.fail_after(PATIENCE):
            while await end.receive_some():
                pass
        await end.aclose()

    trio.run(see)


@trio_test
async def test_no_interrupt_comes_between_lending_and_the_return(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection that Python forgets would be freed under its worker."""
    hand_in, seen = NativeAcceptor.hand_in, list[bool]()

    def watched(
        self: NativeAcceptor, worker: int, conn: Conn, fd: int, tag: int
    ) -> None:
        seen.append(trio.lowlevel.currently_ki_protected())
        hand_in(self, worker, conn, fd, tag)

    monkeypatch.setattr(NativeAcceptor, "hand_in", watched)
    async with serving() as server:
        target = ("127.0.0.1", server.port)
        async with open_many([target], client_config(), workers=1) as results:
            opened = await results.receive()
        assert opened.stream is not None
        await opened.stream.aclose()
    assert seen == [True]


def test_nothing_is_left_of_workers() -> None:
    """P8: threads, connections and descriptors; also of a run that was interrupted."""

    async def cut() -> None:
        [silent] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        target = ("127.0.0.1", silent.socket.getsockname()[1])
        async with silent:
            with trio.move_on_after(0.05):
                async with open_many(
                    [target] * 20, client_config(), at_once=20, workers=2
                ) as results:
                    await results.receive()

    trio.run(cut)
    gc.collect()  # what earlier tests left, too
    before, threads = (live_handles()["conn"], len(descriptors())), system_threads()
    for _ in range(3):
        trio.run(cut)
    gc.collect()
    assert (live_handles()["conn"], len(descriptors())) == before
    # The system lists a thread for a moment after it was joined.
    for _ in range(10_000):
        if system_threads() <= threads:
            break
        os.sched_yield()
    # Of those that were there some may have ended: trio's are idle for ten seconds.
    assert system_threads() <= threads


def system_threads() -> set[str]:
    """Name the system's threads of this process: the engine's are not Python's."""
    return {it.name for it in Path("/proc/self/task").iterdir()}


def descriptors() -> list[str]:
    return [it.name for it in Path("/proc/self/fd").iterdir()]
