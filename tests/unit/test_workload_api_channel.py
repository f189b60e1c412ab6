# SPDX-License-Identifier: Apache-2.0
"""Channels on real sockets: calls and how they end, cancellation, limits."""

from __future__ import annotations

import h2.config
import h2.connection
import pytest
import trio
from google.protobuf.message import Message
from h2.settings import SettingCodes
from tests.support.net_world import PATIENCE, trio_test
from tests.support.wire_world import (
    BREAK,
    COUNT,
    REFUSE,
    SECRET,
    WAIT,
    ask,
    serving,
    socket_pair,
)

from handfast.errors import Reason
from handfast.workload_api import (
    Call,
    Channel,
    ClientLimits,
    PermissionDenied,
    RpcError,
    StatusCode,
    Unary,
    proto,
)


@trio_test
async def test_calls_of_both_kinds() -> None:
    async with serving() as served, await served.open() as channel:
        assert await ask(channel, "a", "b") == ["a", "b"]
        async with channel.stream(
            COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse
        ) as answers:
            found = [it.svids[0].spiffe_id async for it in answers]
        assert found == ["0", "1", "2"]
        assert channel.is_usable
        assert served.statistics.ended == {"OK": 2}


@trio_test
async def test_many_calls_at_once_over_one_connection() -> None:
    async with serving() as served, await served.open() as channel:
        found: dict[str, list[str]] = {}

        async def one(name: str) -> None:
            found[name] = await ask(channel, name)

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(one, str(number))
        assert found == {str(it): [str(it)] for it in range(50)}
        assert served.statistics.accepted == 1


@trio_test
async def test_a_refusal_is_an_error_of_its_own_class() -> None:
    """WAPI-19: PermissionDenied; the server's words arrive, and are shown safely."""
    async with serving() as served, await served.open() as channel:
        with pytest.raises(PermissionDenied) as caught:
            async with channel.stream(
                REFUSE, proto.X509BundlesRequest(), proto.X509BundlesResponse
            ) as answers:
                await anext(answers)
        assert caught.value.message == "nö: 100 % no\n"
        assert caught.value.reason is Reason.SOURCE_REFUSED
        assert "\n" not in str(caught.value)


@trio_test
async def test_what_nobody_serves_is_unimplemented() -> None:
    """WAPI-21, WAPI-70."""
    async with serving() as served, await served.open() as channel:
        with pytest.raises(RpcError) as caught:
            await channel.unary(
                proto.FETCH_WIT_SVID,
                proto.WITSVIDRequest(),
                proto.WITSVIDResponse,
                timeout=PATIENCE,
            )
        assert caught.value.code is StatusCode.UNIMPLEMENTED


@trio_test
async def test_a_broken_handler_is_logged_and_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as served, await served.open() as channel:
        with pytest.raises(RpcError) as caught:
            async with channel.stream(
                BREAK, proto.JWTBundlesRequest(), proto.JWTBundlesResponse
            ) as answers:
                await anext(answers)
        assert caught.value.code is StatusCode.INTERNAL
        assert SECRET not in str(caught.value)
        assert SECRET in caplog.text
        assert await ask(channel, "a") == ["a"]


@trio_test
async def test_a_call_that_takes_too_long_ends_and_the_channel_stays() -> None:
    """Both ends know the deadline; neither works on for nobody."""
    async with serving() as served, await served.open() as channel:
        with pytest.raises(RpcError) as caught:
            await channel.unary(
                WAIT,
                proto.ValidateJWTSVIDRequest(),
                proto.ValidateJWTSVIDResponse,
                timeout=0.05,
            )
        assert caught.value.code is StatusCode.DEADLINE_EXCEEDED
        assert caught.value.reason is Reason.SOURCE_UNAVAILABLE
        assert await ask(channel, "a") == ["a"]
        ended = served.statistics
        await channel.aclose()
        while ended.connections:
            await trio.testing.wait_all_tasks_blocked()
        assert ended.ended["OK"] == 1
        assert ended.ended["DEADLINE_EXCEEDED"] + ended.ended["CANCELLED"] == 1


@trio_test
async def test_a_cancelled_call_is_reset_and_the_channel_stays() -> None:
    started, cancelled = trio.Event(), trio.Event()

    async def handler(call: Call[str], request: Message) -> Message:
        started.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        raise AssertionError

    methods = {WAIT: Unary(proto.ValidateJWTSVIDRequest, handler)}
    async with serving(methods) as served, await served.open() as channel:
        async with trio.open_nursery() as nursery:

            async def call() -> None:
                await channel.unary(
                    WAIT,
                    proto.ValidateJWTSVIDRequest(),
                    proto.ValidateJWTSVIDResponse,
                    timeout=60,
                )

            nursery.start_soon(call)
            await started.wait()
            nursery.cancel_scope.cancel()
        await cancelled.wait()
        assert channel.is_usable


@trio_test
async def test_leaving_a_stream_early_ends_it_at_the_server() -> None:
    async with serving() as served, await served.open() as channel:
        async with channel.stream(
            COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse
        ) as answers:
            await anext(answers)
        assert await ask(channel, "a") == ["a"]
        await channel.aclose()
        while served.statistics.connections:
            await trio.testing.wait_all_tasks_blocked()
        assert served.statistics.ended == {"CANCELLED": 1, "OK": 1}


@trio_test
async def test_waiting_for_an_answer_can_be_cancelled_and_nothing_is_lost() -> None:
    async with serving() as served, await served.open() as channel:
        async with channel.stream(
            COUNT, proto.X509SVIDRequest(), proto.X509SVIDResponse
        ) as answers:
            found: list[str] = []
            for attempt in range(1000):
                with trio.CancelScope() as scope:
                    if attempt % 2:
                        scope.cancel()
                    answer = await anext(answers, None)
                    if answer is None:
                        break
                    found.append(answer.svids[0].spiffe_id)
        assert found == ["0", "1", "2"]


@trio_test
async def test_whoever_waits_reads_for_the_others() -> None:
    """The task that reads is cancelled: another one reads on."""
    async with serving() as served, await served.open() as channel:  # noqa: SIM117
        async with trio.open_nursery() as nursery:
            first, last = trio.CancelScope(), trio.Event()

            async def reads_first() -> None:
                with first:
                    await channel.unary(
                        WAIT,
                        proto.ValidateJWTSVIDRequest(),
                        proto.ValidateJWTSVIDResponse,
                        timeout=60,
                    )

            async def waits_behind() -> None:
                with pytest.raises(RpcError):
                    await channel.unary(
                        WAIT,
                        proto.ValidateJWTSVIDRequest(),
                        proto.ValidateJWTSVIDResponse,
                        timeout=0.2,
                    )
                last.set()

            nursery.start_soon(reads_first)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(waits_behind)
            await trio.testing.wait_all_tasks_blocked()
            first.cancel()
            await last.wait()
            assert await ask(channel, "a") == ["a"]


@trio_test
async def test_a_server_that_goes_away_ends_all_calls() -> None:
    ours, theirs = socket_pair()
    async with Channel(ours) as channel, trio.open_nursery() as nursery:

        async def goes() -> None:
            await theirs.receive_some(10)
            await theirs.aclose()

        nursery.start_soon(goes)
        with pytest.raises(RpcError, match="has ended") as caught:
            await ask(channel, "a")
        assert caught.value.code is StatusCode.UNAVAILABLE
        assert not channel.is_usable
        with pytest.raises(RpcError):
            await ask(channel, "a")


@trio_test
async def test_a_server_that_reads_nothing_is_given_up() -> None:
    """P8: it has opened all its windows, and then takes nothing for send_timeout."""
    ours, theirs = socket_pair()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
    server.increment_flow_control_window(2**31 - 1 - 65535)
    async with Channel(ours, limits=ClientLimits(send_timeout=0.05)) as channel, theirs:
        await theirs.send_all(server.data_to_send())
        with pytest.raises(RpcError):
            await ask(channel, "a", within=0.05)  # reads how much may be sent
        with pytest.raises(RpcError, match="has ended"):
            await ask(channel, *["x" * 60_000] * 40)
        assert not channel.is_usable


@trio_test
async def test_a_closed_channel_says_that_it_is_closed() -> None:
    async with serving() as served:
        channel = await served.open()
        async with trio.open_nursery() as nursery:

            async def waits() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await channel.unary(
                        WAIT,
                        proto.ValidateJWTSVIDRequest(),
                        proto.ValidateJWTSVIDResponse,
                        timeout=60,
                    )

            nursery.start_soon(waits)
            nursery.start_soon(waits)
            await trio.testing.wait_all_tasks_blocked()
            await channel.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await ask(channel, "a")
