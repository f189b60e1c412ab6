# SPDX-License-Identifier: Apache-2.0
"""Connecting: what `open_mtls_stream` gives, and what it raises."""

from __future__ import annotations

import socket
from functools import partial

import pytest
import trio
from tests.support.engine import NOT_AUTHORIZED_ALERT
from tests.support.net_world import (
    DB,
    PATIENCE,
    WEB,
    authority,
    client_config,
    server_config,
    serving,
    source,
    trio_test,
)

from handfast import (
    ConfigError,
    HandshakeTimeout,
    NotAuthorized,
    PeerAlert,
    Reason,
    StaticSource,
    TlsConfig,
    TrustBundleSet,
    VerificationError,
    authorize,
)
from handfast.net import MtlsStream, open_mtls_stream
from handfast.testing import forge


async def name_the_caller(stream: MtlsStream) -> None:
    await stream.send_all(f"hello {stream.peer.spiffe_id}".encode())


def imposter(spiffe_id: str, *, trust: tuple[str, ...]) -> StaticSource:
    """Make a SVID for a name in a.example by the authority of b.example."""
    return StaticSource(
        forge(authority("b.example"), spiffe_id),
        TrustBundleSet([authority(it).bundle for it in trust]),
    )


@trio_test
async def test_both_ends_know_each_other() -> None:
    async with serving(name_the_caller) as server:
        stream = await open_mtls_stream("127.0.0.1", server.port, client_config())
        async with stream:
            assert str(stream.peer.spiffe_id) == DB
            assert await stream.receive_some() == f"hello {WEB}".encode()
            assert await stream.receive_some() == b""  # closed politely by the server


@trio_test
async def test_a_host_name_is_resolved_and_not_what_is_verified() -> None:
    async with serving(name_the_caller) as server:
        stream = await open_mtls_stream("localhost", server.port, client_config())
        async with stream:
            assert str(stream.peer.spiffe_id) == DB


@trio_test
async def test_a_server_that_is_not_the_one_we_want_is_refused() -> None:
    wanted = client_config(authorize=authorize.exactly("spiffe://a.example/other"))
    async with serving() as server:
        with pytest.raises(NotAuthorized) as refused:
            await open_mtls_stream("127.0.0.1", server.port, wanted)
        assert refused.value.reason is Reason.NOT_AUTHORIZED


@trio_test
async def test_a_server_of_a_trust_domain_we_do_not_know_is_refused() -> None:
    stranger = server_config(
        source=source("spiffe://b.example/db", trust=("a.example", "b.example")),
    )
    async with serving(config=stranger) as server:
        with pytest.raises(VerificationError):
            await open_mtls_stream("127.0.0.1", server.port, client_config())


@trio_test
async def test_a_client_that_may_not_come_in_learns_it_when_it_receives() -> None:
    nobody = server_config(authorize=authorize.nobody())
    async with serving(config=nobody) as server:
        stream = await open_mtls_stream("127.0.0.1", server.port, client_config())
        async with stream:
            with pytest.raises(trio.BrokenResourceError) as broken:
                await stream.receive_some()
            cause = broken.value.__cause__
            assert isinstance(cause, PeerAlert)
            assert cause.alert == NOT_AUTHORIZED_ALERT
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_failed == {Reason.NOT_AUTHORIZED: 1}


@trio_test
async def test_a_refused_client_that_sends_first_still_learns_why() -> None:
    """P7: the alert is not lost to the reset that our unread bytes provoke."""
    nobody = server_config(authorize=authorize.nobody())
    async with serving(config=nobody) as server:
        stream = await open_mtls_stream("127.0.0.1", server.port, client_config())
        async with stream:
            await stream.send_all(bytes(60_000))
            await server.until(lambda it: bool(it.statistics.handshakes_failed))
            with pytest.raises(trio.BrokenResourceError) as broken:
                await stream.receive_some()
            assert isinstance(broken.value.__cause__, PeerAlert)


@trio_test
async def test_a_refused_client_that_only_sends_learns_why_when_sending_fails() -> None:
    """P7: not that the peer hung up, but what it said before."""
    nobody = server_config(authorize=authorize.nobody())
    async with serving(config=nobody) as server:
        stream = await open_mtls_stream("127.0.0.1", server.port, client_config())
        async with stream:
            await server.until(lambda it: bool(it.statistics.handshakes_failed))
            for _ in range(2):
                with pytest.raises(trio.BrokenResourceError) as broken:
                    await send_until_it_breaks(stream)
                assert isinstance(broken.value.__cause__, PeerAlert)
            with pytest.raises(trio.BrokenResourceError) as broken:
                await stream.receive_some()
            assert isinstance(broken.value.__cause__, PeerAlert)


async def send_until_it_breaks(stream: MtlsStream) -> None:
    while True:
        await stream.send_all(bytes(100_000))


@trio_test
async def test_a_server_that_says_nothing_is_given_up() -> None:
    """D1: there is a total deadline, and its error is ours and trio's."""
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(HandshakeTimeout) as late:
        await open_mtls_stream(
            "127.0.0.1",
            silent.getsockname()[1],
            client_config(),
            handshake_timeout=0.05,
        )
    assert late.value.reason is Reason.HANDSHAKE_TIMEOUT
    assert isinstance(late.value.__cause__, trio.TooSlowError)
    assert "0.05 seconds" in str(late.value)


@trio_test
async def test_a_silent_server_is_given_up_in_its_own_time() -> None:
    """D1: also while somebody else has much more."""
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    with silent:
        async with trio.open_nursery() as nursery:
            patient = partial(open_mtls_stream, handshake_timeout=PATIENCE)
            nursery.start_soon(patient, "127.0.0.1", port, client_config())
            for _ in range(2):
                begin = trio.current_time()
                with pytest.raises(HandshakeTimeout):
                    await open_mtls_stream(
                        "127.0.0.1", port, client_config(), handshake_timeout=0.1
                    )
                assert trio.current_time() - begin >= 0.1
            nursery.cancel_scope.cancel()


@trio_test
async def test_cancelling_closes_the_connection() -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(open_mtls_stream, "127.0.0.1", port, client_config())
        async with await listener.accept() as accepted:
            assert await accepted.receive_some()
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                while await accepted.receive_some():
                    pass


@trio_test
async def test_a_port_where_nobody_listens_is_trios_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await open_mtls_stream("127.0.0.1", port, client_config())


@trio_test
async def test_a_server_name_that_is_none_is_refused_and_nothing_stays_open() -> None:
    async with serving() as server:
        with pytest.raises(ConfigError):
            await open_mtls_stream(
                "127.0.0.1",
                server.port,
                client_config(),
                server_hostname="not a name",
            )
        await server.until(lambda it: not it.statistics.handshaking)


@trio_test
async def test_connecting_needs_a_clients_configuration() -> None:
    with pytest.raises(ConfigError, match=r"TlsConfig\.client"):
        await open_mtls_stream("127.0.0.1", 1, server_config())


@pytest.mark.parametrize("wrong", ["client", "server"])
@trio_test
async def test_a_name_of_a_by_the_authority_of_b_is_refused_in_both_roles(
    wrong: str,
) -> None:
    """P1, C5: both authorities are trusted, each for its own trust domain only."""
    both = ("a.example", "b.example")
    honest_client = TlsConfig.client(
        source(WEB, trust=both), authorize=authorize.anyone()
    )
    honest_server = TlsConfig.server(
        source(DB, trust=both), authorize=authorize.anyone()
    )
    false_client = TlsConfig.client(
        imposter(WEB, trust=both), authorize=authorize.anyone()
    )
    false_server = TlsConfig.server(
        imposter(DB, trust=both), authorize=authorize.anyone()
    )
    if wrong == "server":
        async with serving(config=false_server) as server:
            with pytest.raises(VerificationError) as refused:
                await open_mtls_stream("127.0.0.1", server.port, honest_client)
            assert refused.value.reason is Reason.UNKNOWN_AUTHORITY
        return
    async with serving(config=honest_server) as server:
        stream = await open_mtls_stream("127.0.0.1", server.port, false_client)
        async with stream:
            with pytest.raises(trio.BrokenResourceError) as broken:
                await stream.receive_some()
            assert isinstance(broken.value.__cause__, PeerAlert)
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        statistics = server.statistics
        assert statistics.handshakes_failed == {Reason.UNKNOWN_AUTHORITY: 1}
        assert statistics.handshakes_ok == 0
