# SPDX-License-Identifier: Apache-2.0
"""How a stream ends: politely when it can, in bounded time, and never with a lie."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    clog,
    over_lockstep,
    over_memory,
    over_tcp,
    over_unix,
    server_config,
    source,
    trio_test,
)

from handfast import (
    ConfigError,
    Reason,
    SourceError,
    StaticSource,
    TlsConfig,
    Truncated,
    authorize,
)
from handfast.errors import detail_for
from handfast.net import MtlsListener, MtlsStream, open_mtls_listeners, socket_wire
from handfast.sources import SourceSnapshot


async def read_to_the_end(stream: MtlsStream) -> int:
    """Read until the clean end, and count."""
    size = 0
    async for data in stream:
        size += len(data)
    return size


@trio_test
async def test_a_close_waits_for_a_slow_reader_and_ends_cleanly() -> None:
    """D4: a full socket is not a reason to make the peer believe in an attack."""
    client, server = await over_tcp()
    async with client, server:
        await clog(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.aclose)
            await trio.testing.wait_all_tasks_blocked()
            assert await read_to_the_end(server) > 0


@trio_test
async def test_a_close_does_not_wait_for_ever_on_a_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """D4: a peer that never reads cannot hold a close."""
    monkeypatch.setattr(socket_wire, "CLOSE_TIMEOUT", 0.05)
    # Through a local one: TCP may find room again after it was full.
    client, server = await over_unix()
    async with server:
        await clog(client)
        await client.aclose()
        assert client.closed
        with pytest.raises(trio.BrokenResourceError) as broken:
            await read_to_the_end(server)
        assert isinstance(broken.value.__cause__, Truncated)


@trio_test
async def test_a_close_does_not_wait_for_ever_in_memory(
    clock: trio.testing.MockClock,
) -> None:
    client, server = await over_lockstep()
    before = trio.current_time()
    await client.aclose()  # nobody receives the close_notify
    assert trio.current_time() - before == 5.0
    await server.aclose()


@trio_test
async def test_both_ends_may_close_at_the_same_time() -> None:
    for make in (over_tcp, over_memory):
        client, server = await make()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.aclose)
            nursery.start_soon(server.aclose)


@trio_test
async def test_a_listener_whose_source_is_empty_closes_what_it_accepted() -> None:
    class Empty:
        def snapshot(self) -> SourceSnapshot:
            raise SourceError(detail_for(Reason.CONFIG_INVALID))

    config = TlsConfig.server(Empty(), authorize=authorize.anyone())
    [listener] = await open_mtls_listeners(0, config, host="127.0.0.1")
    async with listener:
        client = await trio.open_tcp_stream("127.0.0.1", listener.port)
        async with client:
            with pytest.raises(SourceError):
                await listener.accept()
            assert await client.receive_some() == b""


@trio_test
async def test_a_listener_needs_a_servers_configuration() -> None:
    identity: StaticSource = source("spiffe://a.example/web")
    config = TlsConfig.client(identity, authorize=authorize.anyone())
    with pytest.raises(ConfigError, match=r"TlsConfig\.server"):
        await open_mtls_listeners(0, config)
    [plain] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with plain:
        with pytest.raises(ConfigError, match=r"TlsConfig\.server"):
            MtlsListener(plain, config)
        assert MtlsListener(plain, server_config()).port > 0
