# SPDX-License-Identifier: Apache-2.0
"""trio's contract for streams: the generic batteries, then what they leave out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    Pair,
    client_config,
    clog,
    over_lockstep,
    over_memory,
    over_tcp,
    over_unix,
    server_config,
    streams_over,
    tcp_pair,
    trio_test,
)

from handfast import NotAuthorized, Truncated, UsageError, authorize
from handfast.net import MtlsStream

Maker = Callable[[], Awaitable[Pair]]
EVERYWHERE = pytest.mark.parametrize(
    "make", [over_tcp, over_unix, over_memory], ids=["tcp", "unix", "memory"]
)


async def clogged() -> Pair:
    """Make streams over sockets through which nothing goes any more, and that for good.

    Local sockets: buffers of TCP grow, and are tidied up, when the kernel gets to it.
    """
    pair = await over_unix()
    for stream in pair:
        await clog(stream)
    return pair


@trio_test
async def test_battery_for_two_way_streams_over_tcp() -> None:
    await trio.testing.check_two_way_stream(over_tcp, clogged)


@trio_test
async def test_battery_for_two_way_streams_over_local_sockets() -> None:
    await trio.testing.check_two_way_stream(over_unix, None)


@trio_test
async def test_battery_for_two_way_streams_in_memory() -> None:
    # A lockstep transport holds nothing, so its sender is clogged from the start.
    await trio.testing.check_two_way_stream(over_memory, over_lockstep)


@trio_test
async def test_battery_for_half_closeable_streams_over_tcp() -> None:
    await trio.testing.check_half_closeable_stream(over_tcp, clogged)


@trio_test
async def test_battery_for_half_closeable_streams_in_memory() -> None:
    await trio.testing.check_half_closeable_stream(over_memory, over_lockstep)


@trio_test
async def test_battery_when_the_first_use_does_the_handshake() -> None:
    async def fresh() -> Pair:
        client, server = await tcp_pair()
        return (
            MtlsStream(client, client_config()),
            MtlsStream(server, server_config()),
        )

    client, server = await fresh()
    async with client, server:
        async with trio.open_nursery() as nursery:
            # Four tasks want it at once, two a side: it is done once.
            nursery.start_soon(client.send_all, b"from the client")
            nursery.start_soon(server.send_all, b"from the server")
            assert await server.receive_some() == b"from the client"
            assert await client.receive_some() == b"from the server"
        assert client.peer.spiffe_id is not None


@EVERYWHERE
@trio_test
async def test_a_sender_and_a_receiver_run_at_the_same_time(make: Maker) -> None:
    client, server = await make()
    async with client, server, trio.open_nursery() as nursery:
        nursery.start_soon(client.receive_some)
        await trio.testing.wait_all_tasks_blocked()
        await client.send_all(b"while a task of ours waits to receive")
        assert await server.receive_some()
        await server.send_all(b"end of the wait")


@EVERYWHERE
@trio_test
async def test_a_second_receiver_is_told_so_and_the_first_one_goes_on(
    make: Maker,
) -> None:
    client, server = await make()
    async with client, server, trio.open_nursery() as nursery:
        nursery.start_soon(client.receive_some)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await client.receive_some()
        await server.send_all(b"for the first one")


@trio_test
async def test_a_second_sender_is_told_so_and_harms_nothing() -> None:
    client, server = await over_tcp()
    async with client, server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send_all, bytes(8_000_000))
            await trio.testing.wait_all_tasks_blocked()
            for attempt in (
                client.send_all(b"second"),
                client.send_eof(),
                client.wait_send_all_might_not_block(),
            ):
                with pytest.raises(trio.BusyResourceError):
                    await attempt
            left = 8_000_000
            while left:
                data = await server.receive_some()
                assert not data.strip(b"\0")
                left -= len(data)
        await client.send_all(b"after")
        assert await server.receive_some() == b"after"


@EVERYWHERE
@trio_test
async def test_a_clean_end_is_empty_every_time_it_is_asked_for(make: Maker) -> None:
    client, server = await make()
    async with client, server:
        await client.send_all(b"all")
        await client.send_eof()
        assert await server.receive_some() == b"all"
        assert await server.receive_some() == b""
        assert await server.receive_some() == b""


@EVERYWHERE
@trio_test
async def test_an_end_without_close_notify_is_an_error_every_time(make: Maker) -> None:
    """D4: truncation is never mistaken for the end of the data."""
    client, server = await make()
    await client.send_all(b"some of it")
    await client.transport_stream.aclose()
    async with server:
        assert await server.receive_some() == b"some of it"
        for _ in range(2):
            with pytest.raises(trio.BrokenResourceError) as broken:
                await server.receive_some()
            assert isinstance(broken.value.__cause__, Truncated)
    await client.aclose()


@EVERYWHERE
@trio_test
async def test_after_our_end_we_receive_and_do_not_send(make: Maker) -> None:
    client, server = await make()
    async with client, server:
        await client.send_eof()
        await client.send_eof()
        with pytest.raises(trio.ClosedResourceError):
            await client.send_all(b"more")
        assert await server.receive_some() == b""
        await server.send_all(b"an answer to all that")
        assert await client.receive_some() == b"an answer to all that"


@EVERYWHERE
@trio_test
async def test_facts_are_the_same_at_both_ends(make: Maker) -> None:
    client, server = await make()
    async with client, server:
        assert str(client.peer.spiffe_id) == "spiffe://a.example/db"
        assert str(server.peer.spiffe_id) == "spiffe://a.example/web"
        assert len(client.channel_binding()) == 32
        assert client.channel_binding() == server.channel_binding()
        assert client.resumed is server.resumed is False
        assert client.alpn is server.alpn is None
        await client.send_all(b"12345")
        assert await server.receive_some() == b"12345"
        assert client.statistics().bytes_sent == 5
        assert server.statistics().bytes_received == 5
    # A10: who it was is known after the close, too.
    assert str(client.peer.spiffe_id) == "spiffe://a.example/db"


@trio_test
async def test_alpn_is_agreed_on() -> None:
    client, server = await over_tcp(alpn=("h2", "http/1.1"))
    async with client, server:
        assert client.alpn == server.alpn == "h2"


@trio_test
async def test_facts_before_the_handshake_are_refused() -> None:
    client, server = await tcp_pair()
    async with server, MtlsStream(client, client_config()) as stream:
        with pytest.raises(UsageError):
            _ = stream.peer
        with pytest.raises(UsageError):
            stream.channel_binding()
        assert "handshake not done" in repr(stream)


@trio_test
async def test_a_refused_peer_breaks_the_first_use_and_every_later_one() -> None:
    raw_client, raw_server = await tcp_pair()
    client = MtlsStream(raw_client, client_config())
    server = MtlsStream(raw_server, server_config(authorize=authorize.nobody()))
    async with client, server, trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        for use in (
            server.receive_some,
            server.receive_some,
            server.wait_send_all_might_not_block,
            server.send_eof,
            lambda: server.send_all(b"x"),
        ):
            with pytest.raises(trio.BrokenResourceError) as broken:
                await use()
            assert isinstance(broken.value.__cause__, NotAuthorized)
        with pytest.raises(NotAuthorized):
            await server.do_handshake()
        assert "refused: not_authorized" in repr(server)
        # What was shown is there for a diagnosis, and is not the peer.
        assert len(server.connection.presented_chain) == 1
        with pytest.raises(NotAuthorized):
            _ = server.peer


@trio_test
async def test_a_use_that_only_waits_shakes_hands_first() -> None:
    raw_client, raw_server = await tcp_pair()
    client = MtlsStream(raw_client, client_config())
    server = MtlsStream(raw_server, server_config())
    async with client, server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.wait_send_all_might_not_block)
            nursery.start_soon(server.send_eof)
        assert await client.receive_some() == b""
        assert server.peer.spiffe_id is not None


@trio_test
async def test_everything_on_a_closed_stream_says_closed() -> None:
    client, server = await over_tcp()
    await server.aclose()
    await client.aclose()
    for attempt in (
        client.do_handshake,
        client.receive_some,
        client.send_eof,
        client.wait_send_all_might_not_block,
        lambda: client.send_all(b""),
    ):
        with pytest.raises(trio.ClosedResourceError):
            await attempt()


@trio_test
async def test_a_transport_closed_behind_our_back_says_closed() -> None:
    # Its number may be another connection's by now: it must not be touched.
    client, server = await over_tcp()
    await client.transport_stream.aclose()
    for attempt in (client.receive_some, lambda: client.send_all(b"x")):
        with pytest.raises(trio.ClosedResourceError):
            await attempt()
    await client.aclose()
    await server.aclose()


@EVERYWHERE
@trio_test
async def test_operations_that_succeed_are_checkpoints(make: Maker) -> None:
    client, server = await make()
    async with client, server:
        with trio.testing.assert_checkpoints():
            await client.do_handshake()
        for size in (0, 1, 200_000):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.send_all, bytes(size))
                left = size
                while left:
                    with trio.testing.assert_checkpoints():
                        left -= len(await server.receive_some())
        await client.send_all(b"ab")
        for expected in (b"a", b"b"):
            with trio.testing.assert_checkpoints():
                assert await server.receive_some(1) == expected
        with trio.testing.assert_checkpoints():
            await client.send_eof()
        with trio.testing.assert_checkpoints():
            assert await server.receive_some() == b""


@trio_test
async def test_views_of_other_items_are_sent_as_their_bytes() -> None:
    client, server = await over_tcp()
    async with client, server:
        numbers = memoryview(bytes(range(16))).cast("I")
        await client.send_all(numbers)
        assert await server.receive_some() == bytes(range(16))


@trio_test
async def test_a_stream_that_nobody_closes_is_reported() -> None:
    client, server = await tcp_pair()
    stream = MtlsStream(client, client_config())
    with pytest.warns(ResourceWarning, match="unclosed <MtlsStream"):
        del stream
    await client.aclose()
    await server.aclose()


@trio_test
async def test_tls_runs_inside_of_tls() -> None:
    """Any stream is a transport, another one of ours included."""
    outer_client, outer_server = await over_tcp()
    client, server = await streams_over(outer_client, outer_server)
    async with client, server:
        await client.send_all(b"two layers down")
        assert await server.receive_some() == b"two layers down"
