# SPDX-License-Identifier: Apache-2.0
"""Many client connections at once: bounded, and told one by one."""

from __future__ import annotations

from collections.abc import Iterator

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
from handfast.net import MtlsStream, open_many

STRANGER = "spiffe://b.example/x"


@trio_test
async def test_each_target_has_a_result_and_the_streams_outlive_the_block() -> None:
    async with serving() as server:
        streams: list[MtlsStream] = []
        async with open_many(
            [("127.0.0.1", server.port)] * 10, client_config(), at_once=3
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
async def test_no_more_than_at_once_are_made_or_wait_to_be_taken() -> None:
    """P8: targets that never end are taken as results are."""
    taken = 0

    def endless(port: int) -> Iterator[tuple[str, int]]:
        nonlocal taken
        while True:
            taken += 1
            yield ("127.0.0.1", port)

    async with serving() as server:
        async with open_many(endless(server.port), client_config(), at_once=4) as found:
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
async def test_failures_come_with_their_reasons() -> None:
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
        seen = {}
        targets = [("127.0.0.1", port) for port in ports] * 2
        async with open_many(targets, client_config(), timeout=2) as results:
            async for opened in results:
                assert (opened.stream is None) is (opened.failure is not None)
                reason = opened.failure and opened.failure.reason
                seen[opened.target[1]] = reason
                if opened.stream is not None:
                    await opened.stream.aclose()
                if reason is Reason.HANDSHAKE_TIMEOUT:
                    assert isinstance(opened.failure, HandshakeTimeout)
    assert seen == ports


@trio_test
async def test_a_cancelled_block_closes_what_is_under_way() -> None:
    [silent] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = silent.socket.getsockname()[1]
    async with silent:
        with trio.CancelScope() as scope:
            async with open_many(
                [("127.0.0.1", port)] * 3, client_config(), at_once=2
            ) as results:
                ends = [await silent.accept() for _ in range(2)]
                scope.cancel()
                await results.receive()
        assert scope.cancelled_caught
        for end in ends:
            while await end.receive_some():
                pass
            await end.aclose()


@pytest.mark.parametrize("setting", [{"at_once": 0}, {"timeout": 0}])
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
async def test_no_targets_are_no_results() -> None:
    async with open_many([], client_config()) as results:
        assert [it async for it in results] == []


@trio_test
async def test_an_exception_of_the_block_comes_out_as_it_is() -> None:
    async def fail(port: int) -> None:
        target = ("127.0.0.1", port)
        async with open_many([target] * 3, client_config()) as results:
            opened = await results.receive()
            assert opened.stream is not None
            await opened.stream.aclose()
            raise KeyError("mine")

    async with serving() as server:
        with pytest.raises(KeyError, match="mine"):
            await fail(server.port)
