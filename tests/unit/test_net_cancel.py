# SPDX-License-Identifier: Apache-2.0
"""What cancellation leaves behind: at every checkpoint, in every operation (D6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trio.testing
from tests.support.cancelling import cancelled_at
from tests.support.net_world import (
    Pair,
    client_config,
    over_lockstep,
    over_memory,
    over_tcp,
    server_config,
    tcp_pair,
    trio_test,
)

from handfast import Truncated
from handfast.net import MtlsStream

Maker = Callable[[], Awaitable[Pair]]
EVERYWHERE = pytest.mark.parametrize(
    "make", [over_tcp, over_memory], ids=["tcp", "memory"]
)
MANY = 1000


@pytest.mark.parametrize("role", ["client", "server"])
@trio_test
async def test_a_handshake_cancelled_anywhere_goes_on(role: str) -> None:
    for k in range(MANY):
        raw_client, raw_server = await tcp_pair()
        client = MtlsStream(raw_client, client_config())
        server = MtlsStream(raw_server, server_config())
        ours, theirs = (client, server) if role == "client" else (server, client)
        async with client, server:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(theirs.do_handshake)
                was_cancelled = await cancelled_at(k, ours.do_handshake)
                await ours.do_handshake()
            await ours.send_all(b"works")
            assert await theirs.receive_some() == b"works"
        if not was_cancelled:
            break
    assert 0 < k < MANY


@trio_test
async def test_another_task_takes_a_cancelled_handshake_over() -> None:
    client, raw_server = await tcp_pair()
    ours = MtlsStream(client, client_config())
    theirs = MtlsStream(raw_server, server_config())
    async with ours, theirs:
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as first:

                async def wait_for_the_first() -> None:
                    nursery.start_soon(ours.send_all, b"by the second")
                    await trio.testing.wait_all_tasks_blocked()
                    first.cancel()
                    nursery.start_soon(theirs.do_handshake)

                nursery.start_soon(wait_for_the_first)
                await ours.do_handshake()
        assert first.cancelled_caught
        assert await theirs.receive_some() == b"by the second"


@EVERYWHERE
@trio_test
async def test_no_data_is_lost_when_receiving_is_cancelled_anywhere(
    make: Maker,
) -> None:
    client, server = await make()
    got = bytearray()
    expected = bytearray()

    async def receive() -> None:
        got.extend(await server.receive_some(3))

    async with client, server:
        for k in range(MANY):
            message = b"%06d" % k
            expected += message
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.send_all, message)
                was_cancelled = await cancelled_at(k, receive)
            if not was_cancelled:
                break
        assert 0 < k < MANY
        while len(got) < len(expected):
            await receive()
        assert got == expected


@trio_test
async def test_a_socket_is_good_for_sending_after_a_send_is_cancelled_anywhere() -> (
    None
):
    message, more = b"a" * 3_000_000, b"b" * 100_000
    for k in range(0, MANY, 7):
        client, server = await over_tcp()
        reader = Reader(server)
        async with client, server:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reader.read_to_the_end)
                was_cancelled = await cancelled_at(k, partial(client.send_all, message))
                # Whatever went, went whole; what comes now, comes after it.
                await client.send_all(more)
                await client.aclose()
            cut = len(reader.got) - len(more)
            assert reader.got == message[:cut] + more
            # A part of the message is never followed by a clean end.
            assert reader.ended_cleanly is (cut in {0, len(message)})
        if not was_cancelled:
            break
    assert 7 < k < MANY


@trio_test
async def test_in_memory_a_cut_message_is_never_followed_by_a_clean_end() -> None:
    message = b"m" * 300_000
    for k in range(MANY):
        client, server = await over_memory()
        reader = Reader(server)
        async with client, server:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reader.read_to_the_end)
                was_cancelled = await cancelled_at(k, partial(client.send_all, message))
                await client.aclose()
            assert reader.got == message[: len(reader.got)]
            # How much a transport took when it was cancelled cannot be known, so an
            # end that says "all" is said only when it is certain.
            assert not reader.ended_cleanly or len(reader.got) in {0, len(message)}
            assert was_cancelled or reader.ended_cleanly
        if not was_cancelled:
            break
    assert 2 < k < MANY


class Reader:
    """Keeps what a stream gave, and how it ended."""

    def __init__(self, stream: MtlsStream) -> None:
        self.stream, self.got, self.ended_cleanly = stream, bytearray(), False

    async def read_to_the_end(self) -> None:
        try:
            async for data in self.stream:
                self.got += data
            self.ended_cleanly = True
        except trio.BrokenResourceError as error:
            assert isinstance(error.__cause__, Truncated)  # noqa: PT017


@trio_test
async def test_a_cancelled_send_that_took_nothing_leaves_a_clean_end() -> None:
    client, server = await over_tcp()
    async with client, server:
        assert await cancelled_at(0, lambda: client.send_all(b"nothing of this"))
        await client.aclose()
        assert await server.receive_some() == b""


@trio_test
async def test_a_message_cut_by_cancellation_ends_as_truncated() -> None:
    """D4: our close_notify never says "this is all" when it is not."""
    client, server = await over_tcp()
    async with client, server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send_all, bytes(8_000_000))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        with pytest.raises(trio.BrokenResourceError, match="in the middle"):
            await client.send_eof()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.aclose)
            with pytest.raises(trio.BrokenResourceError) as broken:
                async for _ in server:
                    pass
            assert isinstance(broken.value.__cause__, Truncated)


@trio_test
async def test_memory_is_broken_for_sending_after_a_send_is_cut() -> None:
    client, server = await over_lockstep()
    async with client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send_all, b"nobody receives this")
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        with pytest.raises(trio.BrokenResourceError):
            await client.send_all(b"more")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.send_all, b"the other direction is good")
            assert await client.receive_some() == b"the other direction is good"
        await trio.aclose_forcefully(server)


@EVERYWHERE
@trio_test
async def test_a_cancelled_close_closes_at_once_and_the_peer_sees_truncation(
    make: Maker,
) -> None:
    client, server = await make()
    with trio.CancelScope() as scope:
        scope.cancel()
        await client.aclose()
    assert scope.cancelled_caught
    assert client.closed
    async with server:
        with pytest.raises(trio.BrokenResourceError) as broken:
            await server.receive_some()
        assert isinstance(broken.value.__cause__, Truncated)


@EVERYWHERE
@trio_test
async def test_closing_wakes_a_task_that_receives(make: Maker) -> None:
    client, server = await make()
    async with server, trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await client.receive_some()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await client.aclose()


@trio_test
async def test_closing_wakes_a_task_that_sends_and_says_no_clean_end() -> None:
    client, server = await over_tcp()
    async with server, trio.open_nursery() as nursery:

        async def send() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await client.send_all(bytes(8_000_000))

        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        await client.aclose()
        with pytest.raises(trio.BrokenResourceError):
            async for _ in server:
                pass


@trio_test
async def test_closing_wakes_a_task_that_shakes_hands() -> None:
    client, server = await tcp_pair()
    stream = MtlsStream(client, client_config())
    async with server, trio.open_nursery() as nursery:

        async def shake() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await stream.do_handshake()

        nursery.start_soon(shake)
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()
