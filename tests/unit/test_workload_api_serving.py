# SPDX-License-Identifier: Apache-2.0
"""The server's loop on real sockets: who may connect, how often, with what."""

from __future__ import annotations

import pytest
import trio
from tests.support.net_world import PATIENCE, trio_test
from tests.support.wire_world import (
    ECHO,
    TALK,
    WAIT,
    ask,
    serving,
)

from handfast.errors import ConfigError, Reason, TransportError, detail_for
from handfast.workload_api import (
    RpcError,
    ServerLimits,
    StatusCode,
    proto,
)
from handfast.workload_api.client_wire import CallEnded, Event


@pytest.mark.parametrize(
    "failure",
    [
        TransportError(detail_for(Reason.IO)),
        ConfigError(detail_for(Reason.CONFIG_INVALID)),
        OSError("no such process"),
        trio.TooSlowError(),
        ZeroDivisionError(),
    ],
)
@trio_test
async def test_a_caller_that_cannot_be_identified_gets_nothing(
    failure: Exception,
) -> None:
    """WAPI-15: and the server serves on, whatever the attestor did."""
    bad = [True]

    async def identify(stream: trio.SocketStream) -> str:
        await trio.lowlevel.checkpoint()
        if bad.pop() if bad else False:
            raise failure
        return "somebody"

    async with serving(identify=identify) as served:
        async with await served.open() as channel:
            with pytest.raises(RpcError) as caught:
                await ask(channel, "a")
            assert caught.value.code is StatusCode.UNAVAILABLE
        async with await served.open() as channel:
            assert await ask(channel, "a") == ["a"]


@trio_test
async def test_one_caller_cannot_have_all_connections() -> None:
    """P8: neither can all of them together have more than there are."""
    names = iter(["one", "one", "one", "other", "third", "one"])

    async def identify(stream: trio.SocketStream) -> str:
        await trio.lowlevel.checkpoint()
        return next(names)

    def share_of(caller: str) -> str:
        return caller

    limits = ServerLimits(connections=3, connections_per_caller=2)
    async with serving(identify=identify, share_of=share_of, limits=limits) as served:
        kept = [await served.open(), await served.open()]
        for channel in kept:
            assert await ask(channel, "a") == ["a"]
        async with await served.open() as third:
            with pytest.raises(RpcError):
                await ask(third, "a")
        async with await served.open() as other:
            assert await ask(other, "a") == ["a"]
            async with await served.open() as beyond:
                with pytest.raises(RpcError):
                    await ask(beyond, "a")
        for channel in kept:
            await channel.aclose()
        while served.statistics.connections:
            await trio.testing.wait_all_tasks_blocked()
        async with await served.open() as again:
            assert await ask(again, "a") == ["a"]
        assert served.statistics.refused == 2


@trio_test
async def test_one_caller_cannot_have_all_calls() -> None:
    """P8."""

    def share_of(caller: str) -> str:
        return caller

    limits = ServerLimits(calls_per_caller=2)
    async with serving(limits=limits, share_of=share_of) as served:  # noqa: SIM117
        async with await served.open() as channel, await served.open() as second:
            async with trio.open_nursery() as nursery:

                async def waits() -> None:
                    await channel.unary(
                        WAIT,
                        proto.ValidateJWTSVIDRequest(),
                        proto.ValidateJWTSVIDResponse,
                        timeout=60,
                    )

                nursery.start_soon(waits)
                nursery.start_soon(waits)
                await trio.testing.wait_all_tasks_blocked()
                with pytest.raises(RpcError) as caught:
                    await ask(second, "a")
                assert caught.value.code is StatusCode.RESOURCE_EXHAUSTED
                nursery.cancel_scope.cancel()


@trio_test
async def test_a_conversation_answers_each_request() -> None:
    """Our client asks once in a call; grpcio asks more often, see tests/interop."""
    async with serving() as served, await served.open() as channel:
        answer = await channel.unary(
            TALK,
            proto.JWTSVIDRequest(audience=["a"]),
            proto.JWTSVIDResponse,
            timeout=PATIENCE,
        )
        assert answer.svids[0].svid == "a"


@trio_test
async def test_garbage_for_a_request_is_an_invalid_argument() -> None:
    async with serving() as served, await served.open() as channel:
        channel._wire.start(ECHO, b"\xff\xff\xff", timeout=None)
        await channel._flush()
        found: list[Event] = []
        while not found:
            data = await channel._transport.receive_some(9999)
            found = channel._wire.receive(bytes(data), 0)
        (end,) = found
        assert isinstance(end, CallEnded)
        assert end.error is not None
        assert end.error.code is StatusCode.INVALID_ARGUMENT
