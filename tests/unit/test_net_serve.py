# SPDX-License-Identifier: Apache-2.0
"""Serving: who gets a handler, what is counted and what is logged."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    WEB,
    InMemory,
    ask,
    client_config,
    echo,
    server_config,
    serving,
    source,
    trio_test,
)

from handfast import (
    NotAuthorized,
    Reason,
    SpiffeId,
    TlsConfig,
    TransportError,
    authorize,
)
from handfast.errors import detail_for
from handfast.net import (
    MtlsListener,
    MtlsStream,
    open_mtls_stream,
    serve_mtls,
    serve_mtls_listeners,
)
from handfast.net.log import log_failure

#: Handshakes in the event loop and on threads: nothing of this may differ.
EITHER = pytest.mark.parametrize("workers", [0, 2])


@EITHER
@trio_test
async def test_serving_tells_its_listeners_when_it_is_ready(workers: int) -> None:
    async with trio.open_nursery() as nursery:
        listeners: list[MtlsListener] = await nursery.start(
            partial(
                serve_mtls, echo, 0, server_config(), host="127.0.0.1", workers=workers
            )
        )
        [listener] = listeners
        port = listener.port
        stream = await open_mtls_stream("127.0.0.1", port, client_config())
        assert await ask(stream, b"over TCP") == b"over TCP"
        nursery.cancel_scope.cancel()
    with pytest.raises(ConnectionRefusedError):
        await open_mtls_stream("127.0.0.1", port, client_config())


@EITHER
@trio_test
async def test_a_handler_gets_verified_peers_only(workers: int) -> None:
    seen: list[SpiffeId | None] = []

    async def note(stream: MtlsStream) -> None:
        seen.append(stream.peer.spiffe_id)

    async with serving(note, workers=workers) as server:
        async with await server.connect() as stream:
            assert await stream.receive_some() == b""
        stranger = TlsConfig.client(
            source("spiffe://b.example/web"), authorize=authorize.anyone()
        )
        async with await server.connect(stranger) as stream:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        statistics = server.statistics
    assert seen == [SpiffeId.parse(WEB)]
    assert statistics.accepted == 2
    assert statistics.handshakes_ok == 1
    assert statistics.handshakes_failed == {Reason.UNKNOWN_TRUST_DOMAIN: 1}
    assert statistics.handshaking == statistics.active == 0


@EITHER
@trio_test
async def test_a_handler_that_returns_ends_the_stream_politely(workers: int) -> None:
    async def greet(stream: MtlsStream) -> None:
        await stream.send_all(b"hello")

    async with (
        serving(greet, workers=workers) as server,
        await server.connect() as stream,
    ):
        assert await stream.receive_some() == b"hello"
        assert await stream.receive_some() == b""


@EITHER
@trio_test
async def test_a_handler_that_raises_ends_the_server_and_no_stream_politely(
    workers: int,
) -> None:
    async def fail(stream: MtlsStream) -> None:
        raise RuntimeError("the application's own")

    async def connect_and_wait() -> None:
        async with serving(fail, workers=workers) as server:
            streams.append(await server.connect())
            await trio.sleep_forever()

    streams: list[MtlsStream] = []
    with pytest.raises(ExceptionGroup) as ended:
        await connect_and_wait()
    assert ended.group_contains(RuntimeError, match="own")
    async with streams[0] as stream:
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()


@trio_test
async def test_handlers_run_in_the_nursery_that_is_given() -> None:
    """A server can stop accepting and let its handlers end."""
    world = InMemory()
    release = trio.Event()

    async def wait(stream: MtlsStream) -> None:
        await release.wait()
        await stream.send_all(b"still here")

    async with trio.open_nursery() as handlers:
        client = MtlsStream(world.transport.connect(), client_config())
        async with world.serving(wait, handler_nursery=handlers):
            await client.do_handshake()
            await trio.testing.wait_all_tasks_blocked()
        release.set()
        async with client:
            assert await client.receive_some() == b"still here"


@EITHER
@trio_test
async def test_serving_on_a_local_socket(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handfast.net")
    name = str(tmp_path / "socket")
    listening = trio.socket.socket(trio.socket.AF_UNIX)
    await listening.bind(name)
    listening.listen()
    listener = MtlsListener(trio.SocketListener(listening), server_config())
    with pytest.raises(AttributeError):
        _ = listener.port
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, echo, [listener], workers=workers)
        )
        stream = MtlsStream(await trio.open_unix_socket(name), client_config())
        assert await ask(stream) == b"ping"
        async with await trio.open_unix_socket(name) as babbling:
            await babbling.send_all(b"GET / HTTP/1.1\r\n\r\n")
            while await babbling.receive_some():
                pass
        while not listener.statistics().handshakes_failed:
            await trio.testing.wait_all_tasks_blocked(cushion=0.005)
        nursery.cancel_scope.cancel()
    [record] = caplog.records
    assert "with a local socket failed: not_tls" in record.getMessage()


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        (("192.0.2.7", 80), "192.0.2.7:80"),
        (("2001:db8::1", 80, 0, 0), "[2001:db8::1]:80"),
        (None, "a peer that is gone"),
    ],
)
def test_addresses_are_written_as_people_write_them(
    remote: object, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handfast.net")
    log_failure(remote, TransportError(detail_for(Reason.CONNECTION_RESET)))
    assert f"with {expected} failed" in caplog.text


@EITHER
@trio_test
async def test_refusals_are_logged_by_reason_and_address_and_no_claimed_identity(
    workers: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P7: a name that nobody verified is not in the log that people read."""
    caplog.set_level(logging.INFO, "handfast.net")
    stranger = TlsConfig.client(
        source("spiffe://b.example/claimed"), authorize=authorize.anyone()
    )
    async with serving(workers=workers) as server:
        async with await server.connect(stranger) as stream:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            transport = stream.transport_stream
            assert isinstance(transport, trio.SocketStream)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.reason == "unknown_trust_domain"  # type: ignore[attr-defined]
    assert "127.0.0.1:" in record.getMessage()
    assert "claimed" not in record.getMessage()
    assert "claimed" not in repr(record.__dict__)


@EITHER
@trio_test
async def test_the_debug_log_calls_what_a_peer_claims_unverified(
    workers: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "handfast.net")
    nobody = server_config(authorize=authorize.nobody())
    async with serving(config=nobody, workers=workers) as server:
        async with await server.connect() as stream:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
    [warning, debug] = caplog.records
    assert warning.levelno == logging.WARNING
    assert debug.levelno == logging.DEBUG
    assert "not verified" in debug.getMessage()


@trio_test
async def test_listeners_work_with_trios_own_server() -> None:
    """Without our limits: for programs that have limits of their own."""

    async def answer(stream: MtlsStream) -> None:
        async with stream:
            await echo(stream)

    [plain] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listener = MtlsListener(plain, server_config())
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, answer, [listener])
        transport = await trio.testing.open_stream_to_socket_listener(plain)
        assert await ask(MtlsStream(transport, client_config())) == b"ping"
        assert listener.statistics().accepted == 1
        nursery.cancel_scope.cancel()


@EITHER
@trio_test
async def test_a_client_refuses_and_the_server_goes_on(workers: int) -> None:
    picky = client_config(authorize=authorize.nobody())
    async with serving(workers=workers) as server:
        with pytest.raises(NotAuthorized):
            await server.connect(picky)
        assert await ask(await server.connect()) == b"ping"
