# SPDX-License-Identifier: Apache-2.0
"""Handshakes on threads of the engine: limits, rotation, and how it ends.

What does not differ from handshakes in the event loop is in test_net_serve.py, which
runs for both.
"""

from __future__ import annotations

import gc
import socket
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    DB,
    InMemory,
    Served,
    ask,
    client_config,
    echo,
    hangs_up,
    in_another_loop,
    over_tcp,
    server_config,
    serving,
    source,
    trio_test,
)

from handfast import (
    ConfigError,
    HandfastError,
    Reason,
    SourceError,
    TlsConfig,
    authorize,
)
from handfast._ffi import live_handles
from handfast.errors import detail_for
from handfast.net import (
    MtlsStream,
    open_mtls_listeners,
    open_mtls_stream,
    serve_mtls,
    serve_mtls_listeners,
)
from handfast.sources import SourceSnapshot


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Changing:
    """A source whose snapshot tests change."""

    def __init__(self, snapshot: SourceSnapshot | None = None) -> None:
        self.now = snapshot

    def snapshot(self) -> SourceSnapshot:
        if self.now is None:
            raise SourceError(detail_for(Reason.CONFIG_INVALID))
        return self.now


def snapshot(spiffe_id: str, generation: int, *trust: str) -> SourceSnapshot:
    made = source(spiffe_id, trust=trust or ("a.example",)).snapshot()
    return SourceSnapshot(svid=made.svid, bundles=made.bundles, generation=generation)


@trio_test
async def test_the_stream_is_the_same_as_one_of_the_event_loop() -> None:
    """Facts, bindings, half close and closing: it is the same class over the same C."""
    facts: list[object] = []

    async def look(stream: MtlsStream) -> None:
        transport = stream.transport_stream
        assert isinstance(transport, trio.SocketStream)
        nodelay = transport.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        facts.append((stream.peer.spiffe_id, stream.resumed, bool(nodelay)))
        facts.append(stream.channel_binding())
        await stream.do_handshake()
        await echo(stream)

    async with serving(look, workers=2) as server:
        stream = await server.connect()
        binding = stream.channel_binding()
        assert await ask(stream, b"x" * 9_000) == b"x" * 9_000
        await server.until(lambda it: not it.statistics.active)
    client, plain = await over_tcp()
    assert facts[0] == (plain.peer.spiffe_id, False, True)
    assert facts[1] == binding
    for other in (client, plain):
        await trio.aclose_forcefully(other)


@trio_test
async def test_sessions_are_resumed_whichever_worker_meets_the_peer() -> None:
    """P4: the workers' contexts share one store; the server knows whom it resumed."""
    seen: list[tuple[bool, object]] = []

    async def note(stream: MtlsStream) -> None:
        seen.append((stream.resumed, stream.peer.spiffe_id))
        await echo(stream)

    config = client_config()
    async with serving(note, workers=2) as server:
        resumed = 0
        while resumed < 4:
            stream = await open_mtls_stream("127.0.0.1", server.port, config)
            resumed += stream.resumed
            assert await ask(stream) == b"ping"
        await server.until(lambda it: not it.statistics.active)
    assert sum(it for it, _ in seen) == resumed
    assert len({peer for _, peer in seen}) == 1


@trio_test
async def test_a_new_identity_is_shown_without_a_lost_handshake() -> None:
    """P5: identities change under a stream of clients; each succeeds."""
    changing = Changing(snapshot(DB, 1))
    config = TlsConfig.server(changing, authorize=authorize.any_in("a.example"))
    other = "spiffe://a.example/other"
    either = client_config(authorize=authorize.any_in("a.example"))
    async with serving(config=config, workers=2) as server:
        seen = set()
        generation = 1
        while str(other) not in seen:
            stream = await server.connect(either)
            seen.add(str(stream.peer.spiffe_id))
            assert await ask(stream) == b"ping"
            generation += 1
            changing.now = snapshot(DB if len(seen) < 1 else other, generation)
        assert seen == {DB, other}
        assert not server.statistics.handshakes_failed


@trio_test
async def test_an_authority_that_goes_during_a_handshake_lets_nobody_in() -> None:
    """P5: judged again by the newest bundles before a handler sees the stream."""
    changing = Changing(snapshot(DB, 1, "a.example", "b.example"))
    config = TlsConfig.server(changing, authorize=authorize.anyone())
    stranger = client_config(source=source("spiffe://b.example/x"))
    seen: list[MtlsStream] = []

    async def note(stream: MtlsStream) -> None:
        seen.append(stream)

    async with serving(note, config, workers=1) as server:
        async with await server.connect(stranger) as stream:
            assert await stream.receive_some() == b""
        assert len(seen) == 1
        # The loop is held from before the handshake until the authority is gone: the
        # worker, which still trusts b.example, cannot be told.
        held = in_another_loop(partial(server.connect, stranger))
        changing.now = snapshot(DB, 2, "a.example")
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        await trio.aclose_forcefully(held)
        assert server.statistics.handshakes_failed == {Reason.UNKNOWN_TRUST_DOMAIN: 1}
        assert server.statistics.accepted == 2
    assert len(seen) == 1


@trio_test
async def test_a_source_that_is_empty_costs_connections_and_not_the_server() -> None:
    changing = Changing()
    config = TlsConfig.server(changing, authorize=authorize.any_in("a.example"))
    async with serving(config=config, workers=2) as server:
        await hangs_up(await server.raw())
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_failed == {Reason.CONFIG_INVALID: 1}
        changing.now = snapshot(DB, 1)
        stream = None
        while stream is None:  # until the source was looked at again
            with suppress(HandfastError):
                stream = await server.connect()
        assert await ask(stream) == b"ping"


@pytest.mark.parametrize("stage", ["silent", "half", "queued", "handler"])
@trio_test
async def test_stopping_at_each_stage_leaves_nothing_open(stage: str) -> None:
    stream = tls = None
    gc.collect()
    handles, before = live_handles(), descriptors()
    async with AsyncExitStack() as stack:
        async with serving(workers=2) as server:
            if stage in {"silent", "half"}:
                stream = await stack.enter_async_context(await server.raw())
                if stage == "half":
                    await stream.send_all(b"\x16\x03\x01\x02\x00\x01")
                await server.until(lambda it: it.statistics.handshaking == 1)
            else:
                tls = await stack.enter_async_context(await server.connect())
                if stage == "handler":
                    await tls.send_all(b"x")
                    assert await tls.receive_some() == b"x"
        assert server.statistics.accepted <= 1
        assert server.statistics.handshaking == server.statistics.active == 0
        listener = server.listener
    stream = tls = None
    del server, stack, listener
    gc.collect()
    after = live_handles()
    assert after["acceptor"] == handles["acceptor"]
    assert after["conn"] == handles["conn"]
    assert descriptors() == before


@trio_test
async def test_a_listener_that_is_closed_ends_the_server() -> None:
    [listener] = await open_mtls_listeners(0, server_config(), host="127.0.0.1")
    with pytest.RaisesGroup(trio.ClosedResourceError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            serve = partial(serve_mtls_listeners, echo, [listener], workers=1)
            await nursery.start(serve)
            await listener.aclose()


@trio_test
async def test_several_listeners_with_configurations_of_their_own() -> None:
    other = "spiffe://a.example/other"
    [one] = await open_mtls_listeners(0, server_config(), host="127.0.0.1")
    [two] = await open_mtls_listeners(
        0, server_config(source=source(other)), host="127.0.0.1"
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_mtls_listeners, echo, [one, two], workers=2))
        for listener, name in ((one, DB), (two, other)):
            wanted = client_config(authorize=authorize.exactly(name))
            assert await ask(await Served(listener).connect(wanted)) == b"ping"
            assert listener.statistics().handshakes_ok == 1
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("workers", [-1, 65])
@trio_test
async def test_numbers_of_workers_that_make_no_sense_are_refused(workers: int) -> None:
    with pytest.raises(ConfigError, match="workers="):
        await serve_mtls(echo, 0, server_config(), host="127.0.0.1", workers=workers)


@trio_test
async def test_workers_need_sockets() -> None:
    world = InMemory()
    with pytest.RaisesGroup(ConfigError):
        async with world.serving(workers=1):
            raise AssertionError("it must not start")  # pragma: no cover
