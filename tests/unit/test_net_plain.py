# SPDX-License-Identifier: Apache-2.0
"""Streams in plain text: they keep trio's contract, and are no TLS streams."""

from __future__ import annotations

import gc

import pytest
import trio
import trio.testing
from tests.support.net_world import tcp_pair, trio_test

from handfast import Reason, UsageError
from handfast.net import MtlsStream, PlainStream

PlainPair = tuple[PlainStream, PlainStream]


async def over_tcp() -> PlainPair:
    client, server = await tcp_pair()
    return PlainStream(client), PlainStream(server)


async def over_memory() -> PlainPair:
    client, server = trio.testing.memory_stream_pair()
    return PlainStream(client), PlainStream(server)


async def over_lockstep() -> PlainPair:
    client, server = trio.testing.lockstep_stream_pair()
    return PlainStream(client), PlainStream(server)


@trio_test
async def test_they_keep_the_contract_of_streams() -> None:
    await trio.testing.check_half_closeable_stream(over_tcp, None)
    await trio.testing.check_half_closeable_stream(over_memory, over_lockstep)


@trio_test
async def test_what_was_read_before_comes_first_in_any_pieces() -> None:
    client, server = trio.testing.memory_stream_pair()
    async with PlainStream(server, b"early") as stream, client:
        await client.send_all(b" late")
        assert not stream.is_quiet()
        assert await stream.receive_some(2) == b"ea"
        assert await stream.receive_some() == b"rly"
        assert stream.is_quiet()
        assert await stream.receive_some() == b" late"
        await client.send_eof()
        assert await stream.receive_some() == b""
        assert not stream.is_quiet()
        with pytest.raises(ValueError, match="max_bytes"):
            await stream.receive_some(0)


@trio_test
async def test_they_are_of_nobody_and_have_nothing_of_tls() -> None:
    """A8: an application cannot take one for a verified peer's."""
    client, server = trio.testing.memory_stream_pair()
    stream = PlainStream(server)
    assert stream.peer is None
    kind: type[object] = type(stream)
    assert not issubclass(kind, MtlsStream)
    assert stream.transport_stream is server
    assert stream.source_address is stream.socket_address is None
    with pytest.raises(UsageError):
        _ = stream.connection
    with pytest.raises(UsageError):
        _ = stream.expires_at
    assert repr(stream) == "<PlainStream of nobody known>"
    await stream.aclose()
    await stream.aclose()
    assert repr(stream) == "<PlainStream of nobody known, closed>"
    await client.aclose()


@trio_test
async def test_an_end_on_purpose_says_why() -> None:
    """P6: whoever waits inside, or comes later, is told the reason."""
    client, server = await tcp_pair()
    stream = PlainStream(server)

    async def receive() -> None:
        with pytest.raises(trio.BrokenResourceError) as broken:
            await stream.receive_some()
        assert getattr(broken.value.__cause__, "reason", None) is Reason.DRAINED

    async with client, trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await stream.end()
    for use in (
        stream.receive_some,
        stream.send_eof,
        stream.wait_send_all_might_not_block,
    ):
        with pytest.raises(trio.BrokenResourceError):
            await use()
    assert stream.ended is Reason.DRAINED


@trio_test
async def test_addresses_are_those_of_the_socket_unless_a_proxy_told_another() -> None:
    client, server = await tcp_pair()
    async with PlainStream(server) as stream, client:
        assert stream.socket_address == client.socket.getsockname()
        assert stream.source_address == stream.socket_address
        stream.come_from(("192.0.2.7", 5555))
        assert stream.source_address == ("192.0.2.7", 5555)
        assert stream.socket_address == client.socket.getsockname()


@trio_test
async def test_a_transport_with_one_end_cannot_be_ended_by_half() -> None:
    class Whole(trio.abc.Stream):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            raise NotImplementedError

        async def wait_send_all_might_not_block(self) -> None:
            raise NotImplementedError

        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            raise NotImplementedError

        async def aclose(self) -> None:
            await trio.lowlevel.checkpoint()

    async with PlainStream(Whole()) as stream:
        with pytest.raises(UsageError):
            await stream.send_eof()


@trio_test
async def test_one_that_is_forgotten_says_so() -> None:
    client, server = trio.testing.memory_stream_pair()

    def forget() -> None:
        PlainStream(server)
        gc.collect()

    with pytest.warns(ResourceWarning, match="unclosed <PlainStream"):
        forget()
    await client.aclose()
