# SPDX-License-Identifier: Apache-2.0
"""Permissive mode: who is plain text, what becomes of them, and what is recorded."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    InMemory,
    ask,
    client_config,
    echo,
    server_config,
    serving,
    trio_test,
)

from handfast import ConfigError, Reason, authorize
from handfast.errors import HandfastError
from handfast.net import (
    Lifetime,
    MtlsStream,
    Permissive,
    PlainStream,
    PlainTextReport,
    ProxyProtocol,
    serve_mtls,
)
from handfast.net.log import RareLines
from handfast.tls import Connection


async def plain_echo(stream: PlainStream) -> None:
    """Say who it is not, then send back what comes."""
    with suppress(trio.BrokenResourceError):
        await stream.send_all(f"{stream.peer}:".encode())
        async for data in stream:
            await stream.send_all(data)


async def plain_ask(stream: trio.StapledStream[Any, Any], data: bytes) -> bytes:
    answer = b""
    async with stream:
        await stream.send_all(data)
        await stream.send_eof()
        async for part in stream:
            answer += part
    return answer


@trio_test
async def test_both_are_served_on_one_port_and_told_apart_by_their_streams() -> None:
    """A8: a peer in plain text has no identity, and a handler of its own."""
    permissive = Permissive(plain_echo)
    async with serving(mode=permissive) as server:
        async with await server.raw() as plain:
            await plain.send_all(b"GET / HTTP/1.1\r\n\r\n")
            await plain.send_eof()
            answer = b"".join([part async for part in plain])
        assert answer == b"None:GET / HTTP/1.1\r\n\r\n"
        stream = await server.connect()
        assert await ask(stream, b"in TLS") == b"in TLS"
        await server.until(lambda it: not it.statistics.active)
        statistics = server.statistics
    assert (statistics.handshakes_ok, statistics.plain_text) == (1, 1)
    assert not statistics.handshakes_failed
    report = permissive.report()
    assert (report.mutual_tls, report.plain_text, report.overflow) == (1, 1, 0)
    [peer] = report.peers
    assert (peer.address, peer.via) == ("127.0.0.1", None)
    assert (peer.connections, peer.active) == (1, 0)
    assert report.since <= peer.first_seen <= peer.last_seen <= report.until


@trio_test
async def test_every_first_byte_but_that_of_a_handshake_is_plain_text() -> None:
    """A8: the first byte decides; what begins like TLS never gets to plain text."""
    world, permissive = InMemory(), Permissive(plain_echo, max_connections=256)
    async with world.serving(mode=permissive):
        for byte in range(256):
            first = bytes([byte])
            answer = await plain_ask(world.transport.connect(), first + b"\x2e\1\3\1")
            if byte == 0x16:
                # Our alert: unexpected_message, and no byte of an application.
                assert answer == b"\x15\x03\x03\x00\x02\x02\x0a"
            else:
                assert answer == b"None:" + first + b"\x2e\1\3\1"
    assert world.statistics.plain_text == 255
    assert world.statistics.handshakes_failed == {Reason.NOT_TLS: 1}
    assert permissive.report().plain_text == 255


@trio_test
async def test_a_handshake_that_breaks_off_never_becomes_plain_text() -> None:
    """A8: after half a ClientHello, a whole one, and half of our last flight."""
    for stop in ("in the hello", "after the hello", "in the last flight"):
        world, permissive = InMemory(), Permissive(plain_echo)
        async with world.serving(mode=permissive):
            client, connection = world.transport.connect(), Connection(client_config())
            connection.handshake()
            flight = connection.to_send()
            if stop == "in the hello":
                flight = flight[: len(flight) // 2]
            await client.send_all(flight)
            if stop == "in the last flight":
                while not connection.handshake():
                    connection.receive(await client.receive_some())
                await client.send_all(connection.to_send()[:100])
            await client.send_all(b"GET / HTTP/1.1\r\n\r\n")
            await client.send_eof()
            rest = b"".join([part async for part in client])
            assert b"None:" not in rest
            assert b"HTTP/1.1\r\n" not in rest  # three letters come by chance
            await client.aclose()
        assert world.statistics.handshakes_ok == world.statistics.plain_text == 0
        assert permissive.report().plain_text == 0


@trio_test
async def test_a_peer_without_a_good_certificate_is_closed_not_anonymous() -> None:
    """A8: permissive is about plain text, not about weaker TLS."""
    permissive = Permissive(plain_echo)
    nobody = server_config(authorize=authorize.nobody())
    async with serving(config=nobody, mode=permissive) as server:
        async with await server.connect() as stream:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_failed == {Reason.NOT_AUTHORIZED: 1}
        assert server.statistics.plain_text == 0


@trio_test
async def test_a_split_after_any_byte_is_the_same_handshake() -> None:
    """A3: what was looked at is not lost, however it came."""
    world, permissive = InMemory(), Permissive(plain_echo)
    async with world.serving(mode=permissive):
        for size in (1, 2, 3, 5, 100):
            client, connection = world.transport.connect(), Connection(client_config())
            while not connection.handshake():
                flight = connection.to_send()
                for start in range(0, len(flight), size):
                    await client.send_all(flight[start : start + size])
                    await trio.testing.wait_all_tasks_blocked()
                connection.receive(await client.receive_some())
            await client.send_all(connection.to_send())
            assert str(connection.peer.spiffe_id).startswith("spiffe://a.example/")
            await client.aclose()
    assert permissive.report().mutual_tls == 5


@trio_test
async def test_silence_ends_at_the_deadline(clock: trio.testing.MockClock) -> None:
    """D1: sniffing has the handshake's deadline; a first byte of TLS, too."""
    world, permissive = InMemory(), Permissive(plain_echo)
    async with world.serving(mode=permissive, handshake_timeout=3):
        start = trio.current_time()
        for said in (b"", b"\x16"):
            async with world.transport.connect() as client:
                if said:
                    await client.send_all(said)
                assert await client.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(6)
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.HANDSHAKE_TIMEOUT: 2}
    assert world.statistics.plain_text == 0


@trio_test
async def test_a_server_that_speaks_first_may_take_silence_for_plain_text(
    clock: trio.testing.MockClock,
) -> None:
    async def greet(stream: PlainStream) -> None:
        await stream.send_all(b"220 ready\r\n")
        assert await stream.receive_some() == b"EHLO"

    world = InMemory()
    async with (
        world.serving(mode=Permissive(greet, silent_after=0.5)),
        world.transport.connect() as client,
    ):
        start = trio.current_time()
        assert await client.receive_some() == b"220 ready\r\n"
        assert trio.current_time() - start == pytest.approx(0.5)
        await client.send_all(b"EHLO")
        assert await client.receive_some() == b""
        # And a byte of TLS that came in time is no silence.
        async with world.transport.connect() as other:
            await other.send_all(b"\x16")
            assert await other.receive_some() == b""
            await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.HANDSHAKE_TIMEOUT: 1}


@trio_test
async def test_a_peer_that_says_nothing_and_goes_is_no_caller() -> None:
    """A health check that connects and closes does not keep strict mode away."""
    world, permissive = InMemory(), Permissive(plain_echo)
    async with world.serving(mode=permissive):
        await world.transport.connect().aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert world.statistics.handshakes_failed == {Reason.TRUNCATED: 1}
    assert permissive.report().peers == ()


@trio_test
async def test_strict_mode_refuses_plain_text_with_an_alert_and_a_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A8: not a byte of an application in the clear."""
    caplog.set_level(logging.INFO, "handfast.net")
    world = InMemory()
    async with world.serving(mode="strict"):
        answer = await plain_ask(world.transport.connect(), b"GET / HTTP/1.1\r\n\r\n")
    assert answer == b"\x15\x03\x03\x00\x02\x02\x0a"
    [record] = [it for it in caplog.records if it.levelno == logging.INFO]
    assert "not_tls: the peer does not speak TLS" in record.message


@trio_test
async def test_plain_text_has_places_of_its_own() -> None:
    """P8: strangers cannot take the places of verified peers, nor more than theirs."""
    permissive = Permissive(plain_echo, max_connections=2)
    async with serving(mode=permissive, max_connections=1) as server:
        held = [await server.raw() for _ in range(3)]
        for stream in held:
            await stream.send_all(b"hello")
        await server.until(lambda it: bool(it.statistics.handshakes_failed))
        assert server.statistics.handshakes_failed == {Reason.LIMIT: 1}
        assert await ask(await server.connect(), b"still") == b"still"
        for stream in held:
            await stream.aclose()
        await server.until(lambda it: not it.statistics.active)
        assert await ask(await server.connect(), b"again") == b"again"
    report = permissive.report()
    assert (report.plain_text, report.refused) == (3, 1)
    assert report.peers[0].active == 0


@trio_test
async def test_a_drain_ends_plain_text_too() -> None:
    """P6: plain text, too, ends on purpose."""
    permissive = Permissive(plain_echo)
    async with serving(mode=permissive) as server:
        async with await server.raw() as client:
            await client.send_all(b"x")
            assert await client.receive_some(5) == b"None:"
            await server.listener.drain(timeout=0)
            assert await client.receive_some() in {b"", b"x"}
        assert server.statistics.ended == {Reason.DRAINED: 1}
    assert permissive.report().peers[0].active == 0


@trio_test
async def test_a_limit_on_age_holds_for_plain_text(
    clock: trio.testing.MockClock,
) -> None:
    """P6, and what is said of credentials does not disturb those who have none."""
    world = InMemory()
    world.listener.lifetime = Lifetime(
        max_age=5, drain_timeout=1, on_credentials_end="close", on_revoked="close"
    )
    ended: list[Reason | None] = []

    async def wait(stream: PlainStream) -> None:
        assert await stream.receive_some() == b"x"
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        ended.append(stream.ended)

    async with (
        world.serving(mode=Permissive(wait)),
        world.transport.connect() as client,
    ):
        await client.send_all(b"x")
        start = trio.current_time()
        assert await client.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(6, abs=1.5)
    assert ended == [Reason.MAX_AGE]


@trio_test
async def test_the_record_is_bounded_and_says_what_it_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P8: addresses that are known stay; later ones are counted, and log lines, too."""
    caplog.set_level(logging.WARNING, "handfast.net")
    permissive = Permissive(plain_echo, max_peers=1)
    proxied = "PROXY TCP4 192.0.2.{} 10.0.0.1 5555 443\r\nhello"
    async with serving(
        mode=permissive, proxy_protocol=ProxyProtocol(["127.0.0.0/8"])
    ) as server:
        for number in [1, 1, *range(2, 32)]:
            async with await server.raw() as client:
                await client.send_all(proxied.format(number).encode())
                assert (await client.receive_some())[:5] == b"None:"
        await server.until(lambda it: not it.statistics.active)
    report = permissive.report()
    assert [(it.address, it.via) for it in report.peers] == [("192.0.2.1", "127.0.0.1")]
    assert report.peers[0].connections == 2
    assert (report.overflow, report.is_complete, report.plain_text) == (30, False, 32)
    lines = [it.message for it in caplog.records]
    assert len(lines) == 20
    assert "192.0.2.1:5555 by way of 127.0.0.1:" in lines[0]
    assert "speaks plain text" in lines[0]
    permissive.clear()
    assert permissive.report().plain_text == 0
    assert permissive.report().is_complete


@trio_test
async def test_log_lines_are_given_out_again_after_a_while(
    clock: trio.testing.MockClock,
) -> None:
    lines = RareLines(2, 60)
    assert [lines.may_say() for _ in range(5)] == [0, 0, None, None, None]
    await trio.sleep(60)
    assert [lines.may_say() for _ in range(3)] == [3, 0, None]


def test_a_report_is_json() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    report = PlainTextReport(
        since=now,
        until=now,
        mutual_tls=3,
        plain_text=0,
        refused=0,
        overflow=0,
        peers=(),
    )
    facts = json.loads(report.to_json())
    assert facts["since"] == "2026-11-22T00:00:00+00:00"
    assert facts["mutual_tls"] == 3
    assert facts["is_complete"] is True
    assert facts["peers"] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"max_connections": 0},
        {"max_peers": 0},
        {"silent_after": 0},
        {"silent_after": float("inf")},
    ],
)
def test_limits_that_are_none_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Permissive(plain_echo, **settings)


def test_a_handler_for_plain_text_is_asked_for() -> None:
    with pytest.raises(ConfigError):
        Permissive(None)  # type: ignore[arg-type]


@trio_test
async def test_a_mode_that_is_not_one_is_refused() -> None:
    world = InMemory()
    with pytest.raises((ConfigError, ExceptionGroup)):
        async with world.serving(mode="permissive"):
            pass  # pragma: no cover
    with pytest.raises(ConfigError) as refused:
        await serve_mtls(
            echo, 0, server_config(), mode=Permissive(plain_echo), workers=1
        )
    assert "workers=0" in str(refused.value)
    await world.listener.aclose()


@trio_test
async def test_clients_never_fall_back_to_plain_text() -> None:
    """A8: a server that answers in plain text is refused; nothing is sent to it."""
    client, server = trio.testing.memory_stream_pair()
    stream = MtlsStream(client, client_config())
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _() -> None:
            assert (await server.receive_some())[0] == 0x16
            await server.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        with pytest.raises(HandfastError) as refused:
            await stream.do_handshake()
    assert refused.value.reason is Reason.NOT_TLS
    await trio.aclose_forcefully(stream)
