# SPDX-License-Identifier: Apache-2.0
"""Connections cut at every place: an end is never taken for more than it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    InMemory,
    ask,
    client_config,
    over_tcp,
    reset,
    server_config,
    serving,
    tcp_pair,
    trio_test,
)

from handfast import (
    Connection,
    HandfastError,
    Reason,
    TransportError,
    Truncated,
)
from handfast.net import MtlsStream

Cut = Callable[[trio.SocketStream], Awaitable[None]]


async def end(stream: trio.SocketStream) -> None:
    """Cut with a FIN."""
    await stream.aclose()


WITH_FIN_OR_RST = pytest.mark.parametrize("cut", [end, reset], ids=["FIN", "RST"])


async def exchange(stream: trio.abc.Stream, connection: Connection) -> bytes:
    """Send what is there, receive an answer, and return what is to be said to it."""
    connection.handshake()
    await stream.send_all(connection.to_send())
    connection.receive(await stream.receive_some())
    assert connection.handshake()
    return connection.to_send()


async def before_the_first_byte(stream: trio.SocketStream) -> None:
    """Connect, no more."""


async def in_the_hello(stream: trio.SocketStream) -> None:
    connection = Connection(client_config())
    connection.handshake()
    await stream.send_all(connection.to_send()[:-1])


async def after_the_hello(stream: trio.SocketStream) -> None:
    connection = Connection(client_config())
    connection.handshake()
    await stream.send_all(connection.to_send())


async def after_the_servers_flight(stream: trio.SocketStream) -> None:
    await exchange(stream, Connection(client_config()))


async def in_our_certificate(stream: trio.SocketStream) -> None:
    flight = await exchange(stream, Connection(client_config()))
    await stream.send_all(flight[: len(flight) // 2])


@WITH_FIN_OR_RST
@pytest.mark.parametrize(
    "until",
    [
        before_the_first_byte,
        in_the_hello,
        after_the_hello,
        after_the_servers_flight,
        in_our_certificate,
    ],
)
@trio_test
async def test_a_client_that_is_cut_in_its_handshake_has_no_handler(
    until: Callable[[trio.SocketStream], Awaitable[None]], cut: Cut
) -> None:
    """A9, D4: and the server says why, and serves the next one."""
    handled: list[MtlsStream] = []

    async def handle(stream: MtlsStream) -> None:
        handled.append(stream)

    async with serving(handle) as server:
        stream = await server.raw()
        await until(stream)
        await cut(stream)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        [reason] = server.statistics.handshakes_failed
        assert reason in {Reason.TRUNCATED, Reason.CONNECTION_RESET}
        assert handled == []
        async with await server.connect() as good:
            assert await good.receive_some() == b""
        assert len(handled) == 1


@trio_test
async def test_a_handshake_cut_at_every_byte_ends_as_truncated() -> None:
    """D4: none of the prefixes of a handshake is a handshake."""
    world = InMemory()
    async with world.serving():
        for flight in (0, 1):
            length, at = 1, 0
            while at < length:
                stream = world.transport.connect()
                connection = Connection(client_config())
                if flight == 0:
                    connection.handshake()
                    data = connection.to_send()
                else:
                    data = await exchange(stream, connection)
                length = len(data)
                await stream.send_all(data[:at])
                await stream.send_stream.aclose()
                with suppress(trio.BrokenResourceError):
                    while await stream.receive_some():
                        pass
                await stream.aclose()
                at += 1 if flight == 0 else 13
        await trio.testing.wait_all_tasks_blocked()
        assert world.statistics.handshakes_ok == 0
        assert set(world.statistics.handshakes_failed) == {Reason.TRUNCATED}
        assert await world.ask() == b"ping"


@WITH_FIN_OR_RST
@trio_test
async def test_a_server_that_is_cut_in_the_handshake_fails_the_client(cut: Cut) -> None:
    flights = [b"", b"\x16\x03\x03\x40\x00", None]
    for flight in flights:
        raw_client, raw_server = await tcp_pair()
        client = MtlsStream(raw_client, client_config())
        async with client, trio.open_nursery() as nursery:

            async def fail(client: MtlsStream = client) -> None:
                with pytest.raises(HandfastError) as failed:
                    await client.do_handshake()
                assert isinstance(failed.value, Truncated | TransportError)

            nursery.start_soon(fail)
            hello = await raw_server.receive_some()
            if flight is None:
                connection = Connection(server_config())
                connection.receive(hello)
                connection.handshake()
                await raw_server.send_all(connection.to_send()[:-1])
            else:
                await raw_server.send_all(flight)
            await cut(raw_server)


@WITH_FIN_OR_RST
@trio_test
async def test_data_that_is_cut_is_given_out_and_then_an_error(cut: Cut) -> None:
    """D4: what came whole is good; the end that did not come is not made up."""
    client, server = await over_tcp()
    transport = client.transport_stream
    assert isinstance(transport, trio.SocketStream)
    await client.send_all(b"whole")
    assert await server.receive_some() == b"whole"
    await cut(transport)
    async with server:
        with pytest.raises(trio.BrokenResourceError) as broken:
            await server.receive_some()
        assert isinstance(broken.value.__cause__, Truncated | TransportError)
    await client.aclose()


@trio_test
async def test_a_record_that_is_cut_gives_nothing() -> None:
    """D4: no prefix of a record is data: it has not been authenticated."""
    raw_client, raw_server = trio.testing.memory_stream_pair()
    server = MtlsStream(raw_server, server_config())
    connection = Connection(client_config())
    async with server, trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        await raw_client.send_all(await exchange(raw_client, connection))
        connection.send(b"a record")
        await raw_client.send_all(connection.to_send()[:-1])
        await raw_client.aclose()
        with pytest.raises(trio.BrokenResourceError) as broken:
            await server.receive_some()
        assert isinstance(broken.value.__cause__, Truncated)


@trio_test
async def test_a_client_that_resets_a_running_stream_costs_one_handler() -> None:
    broken: list[BaseException | None] = []

    async def handle(stream: MtlsStream) -> None:
        try:
            async for data in stream:
                await stream.send_all(data)
        except trio.BrokenResourceError as error:
            broken.append(error.__cause__)

    async with serving(handle) as server:
        stream = await server.connect()
        transport = stream.transport_stream
        assert isinstance(transport, trio.SocketStream)
        await stream.send_all(b"x")
        await reset(transport)
        await stream.aclose()
        await server.until(lambda it: it.statistics.active == 0 and bool(broken))
        assert isinstance(broken[0], HandfastError)
        assert await ask(await server.connect()) == b"ping"


@trio_test
async def test_sending_to_a_peer_that_is_gone_is_broken_and_stays_so() -> None:
    client, server = await over_tcp()
    transport = server.transport_stream
    assert isinstance(transport, trio.SocketStream)
    await reset(transport)
    await server.aclose()

    async def send_until_it_breaks() -> None:
        while True:
            await client.send_all(bytes(65536))

    async with client:
        with pytest.raises(trio.BrokenResourceError) as broken:
            await send_until_it_breaks()
        assert isinstance(broken.value.__cause__, TransportError)
        with pytest.raises(trio.BrokenResourceError):
            await client.send_all(b"x")
        with pytest.raises(trio.BrokenResourceError):
            await client.send_eof()


@trio_test
async def test_data_that_came_before_a_reset_is_there_after_sending_has_failed() -> (
    None
):
    """D4: looking for the reason of a failure loses nothing of what was received."""
    client, server = await over_tcp()
    transport = server.transport_stream
    assert isinstance(transport, trio.SocketStream)
    answer = bytes(range(256)) * 20
    await server.send_all(answer)
    # Not read yet, the answer lies in the client's socket when the reset comes.
    await client.send_all(b"never read")
    await trio.testing.wait_all_tasks_blocked()
    await transport.aclose()
    await server.aclose()

    async def send_until_it_breaks() -> None:
        while True:
            await client.send_all(bytes(65536))

    async with client:
        with pytest.raises(trio.BrokenResourceError):
            await send_until_it_breaks()
        got = b""
        while len(got) < len(answer):
            got += await client.receive_some(1000)
        assert got == answer
        with pytest.raises(trio.BrokenResourceError):
            await client.receive_some()


@trio_test
async def test_a_record_that_was_changed_breaks_the_stream_and_tells_the_peer() -> None:
    raw_client, raw_server = trio.testing.memory_stream_pair()
    server = MtlsStream(raw_server, server_config())
    connection = Connection(client_config())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        await raw_client.send_all(await exchange(raw_client, connection))
    connection.send(b"pay 10")
    record = bytearray(connection.to_send())
    record[-1] ^= 1
    await raw_client.send_all(record)
    with pytest.raises(trio.BrokenResourceError):
        await server.receive_some()
    with pytest.raises(trio.BrokenResourceError):
        await server.receive_some()
    await server.aclose()
    connection.receive(await raw_client.receive_some())
    with pytest.raises(HandfastError) as told:
        connection.read()
    assert told.value.reason is Reason.PEER_ALERT
    await raw_client.aclose()
