# SPDX-License-Identifier: Apache-2.0
"""Several identities on one port: who answers to which server name."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    DB,
    WEB,
    InMemory,
    ask,
    authority,
    client_config,
    server_config,
    serving,
    source,
    trio_test,
)

from handfast import (
    ConfigError,
    PeerAlert,
    PeerIncompatible,
    PeerMisbehaved,
    Reason,
    SessionStore,
    TlsConfig,
    authorize,
)
from handfast.net import MtlsStream, Passthrough, Permissive, PlainStream, ServerNames
from handfast.net.sni import compare_names
from handfast.tls import Connection

PAY = "spiffe://a.example/pay"
SHOP = "spiffe://a.example/shop"


def config_of(spiffe_id: str, **settings: Any) -> TlsConfig:
    return server_config(source=source(spiffe_id), **settings)


def anybody(**settings: Any) -> TlsConfig:
    """Make a client that takes any server of its trust domain."""
    return client_config(authorize=authorize.any_in("a.example"), **settings)


def names(**settings: Any) -> ServerNames:
    return ServerNames(
        {"pay.example.com": config_of(PAY), "*.shop.example": config_of(SHOP)},
        **settings,
    )


async def who_answers(world: InMemory, name: str | None) -> str:
    stream = MtlsStream(world.transport.connect(), anybody(), server_hostname=name)
    async with stream:
        await stream.do_handshake()
        return str(stream.peer.spiffe_id)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pay.example.com", PAY),
        ("PAY.Example.com", PAY),
        ("a.shop.example", SHOP),
        ("b.SHOP.example", SHOP),
        ("a.b.shop.example", None),
        ("shop.example", None),
        ("other.example", None),
        ("xpay.example.com", None),
        ("com", None),
        (None, None),
    ],
)
@trio_test
async def test_the_name_decides_whose_identity_is_shown(
    name: str | None, expected: str | None
) -> None:
    """A2: unknown and absent names are refused; nothing falls back to a default."""
    world = InMemory()
    async with world.serving(sni=names()):
        if expected is not None:
            assert await who_answers(world, name) == expected
            return
        with pytest.raises(PeerAlert) as refused:
            await who_answers(world, name)
        assert refused.value.alert == 112  # unrecognized_name
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.SERVER_NAME_UNKNOWN: 1}


@trio_test
async def test_the_servers_own_configuration_answers_where_it_is_allowed_to() -> None:
    world = InMemory()
    async with world.serving(sni=names(nameless="default")):
        assert await who_answers(world, None) == DB
        with pytest.raises(PeerAlert):
            await who_answers(world, "other.example")
    world = InMemory()
    async with world.serving(sni=names(unknown="default")):
        assert await who_answers(world, "other.example") == DB
        with pytest.raises(PeerAlert):
            await who_answers(world, None)


@trio_test
async def test_each_name_has_its_own_authorizer() -> None:
    """A2: whoever may talk to one name gains nothing at another."""
    closed = config_of(PAY, authorize=authorize.nobody())
    world = InMemory()
    table = ServerNames({"open.example": config_of(SHOP), "pay.example": closed})
    async with world.serving(sni=table):
        for name, refused in (("open.example", False), ("pay.example", True)):
            stream = MtlsStream(
                world.transport.connect(), anybody(), server_hostname=name
            )
            if refused:
                with pytest.raises(trio.BrokenResourceError):
                    await ask(stream)
            else:
                assert await ask(stream) == b"ping"


def hello(name: str, **settings: Any) -> bytes:
    connection = Connection(anybody(**settings), server_hostname=name)
    connection.handshake()
    return connection.to_send()


def in_records_of(size: int, record: bytes) -> bytes:
    """Split the message of a record into more records."""
    body = record[5:]
    return b"".join(
        record[:3] + len(part).to_bytes(2, "big") + part
        for part in (body[i : i + size] for i in range(0, len(body), size))
    )


async def answer_to(world: InMemory, data: bytes, *, cut: int = 0) -> bytes:
    """Send bytes, in two parts, and read the first answer."""
    async with world.transport.connect() as client:
        if cut:
            await client.send_all(data[:cut])
            await trio.testing.wait_all_tasks_blocked()
        await client.send_all(data[cut:])
        return bytes(await client.receive_some(1 << 16))


@trio_test
async def test_a_hello_that_is_split_at_any_byte_is_answered_by_the_same() -> None:
    """A3: at every byte of the transport, and into records of every size."""
    world, whole = InMemory(), hello("pay.example.com")
    async with world.serving(sni=names()):
        for cut in range(1, len(whole)):
            assert (await answer_to(world, whole, cut=cut))[:1] == b"\x16"
        for size in (*range(1, 60), len(whole) // 2):
            answer = await answer_to(world, in_records_of(size, whole))
            assert answer[:1] == b"\x16", size
        await trio.testing.wait_all_tasks_blocked()
        # They broke off after our flight; none was refused for its name or its form.
    assert set(world.statistics.handshakes_failed) == {Reason.TRUNCATED}


@trio_test
async def test_a_hello_in_pieces_gets_whole_handshakes() -> None:
    """A3: what was looked at goes to the engine whole and once."""
    world = InMemory()
    async with world.serving(sni=names()):
        for size in (1, 7, 50):
            client = world.transport.connect()
            connection = Connection(anybody(), server_hostname="a.shop.example")
            connection.handshake()
            flight = in_records_of(size, connection.to_send())
            await client.send_all(flight)
            while not connection.handshake():
                connection.receive(await client.receive_some(100))
            await client.send_all(connection.to_send())
            assert str(connection.peer.spiffe_id) == SHOP
            await client.aclose()
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_ok == 3


@pytest.mark.parametrize(
    ("data", "reason", "alert"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Reason.NOT_TLS, 10),
        (b"\x15\x03\x03\x00\x02\x01\x00", Reason.NOT_TLS, 10),
        (b"\x16\x03\x01\x00\x00", Reason.CLIENT_HELLO_INVALID, 50),
        (b"\x16\x02\x01\x00\x05", Reason.CLIENT_HELLO_INVALID, 50),
        (b"\x16\x03\x01\x00\x04\x02\0\0\0", Reason.CLIENT_HELLO_INVALID, 50),
        (b"\x16\x03\x01\x00\x04\x01\0\x40\x01", Reason.CLIENT_HELLO_INVALID, 50),
    ],
)
@trio_test
async def test_what_is_no_hello_is_refused_even_where_a_default_answers(
    data: bytes, reason: Reason, alert: int
) -> None:
    """A3: what cannot be read chooses nothing, a warning before the hello included."""
    world = InMemory()
    table = names(unknown="default", nameless="default")
    async with world.serving(sni=table):
        answer = await answer_to(world, data)
        assert answer == bytes([0x15, 3, 3, 0, 2, 2, alert])
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {reason: 1}


@trio_test
async def test_a_hello_that_never_ends_is_bounded_in_bytes_and_time() -> None:
    """D1, D2, P8: a record header a time, for ever."""
    world = InMemory()
    async with world.serving(sni=names()):
        record = b"\x16\x03\x01\x00\x01"
        endless = (
            record + b"\x01" + record + b"\0" + record + b"\x3f" + record + b"\xf0"
        )
        answer = await answer_to(world, endless + (record + b"\0") * 6000)
        assert answer == b"\x15\x03\x03\x00\x02\x02\x32"
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.CLIENT_HELLO_INVALID: 1}


@trio_test
async def test_a_hello_that_stops_is_ended_at_the_deadline(
    clock: trio.testing.MockClock,
) -> None:
    """D1: the name is read in the time of the handshake."""
    world = InMemory()
    async with world.serving(sni=names(), handshake_timeout=2):
        start = trio.current_time()
        async with world.transport.connect() as client:
            await client.send_all(hello("pay.example.com")[:-1])
            assert await client.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(2)
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_failed == {Reason.HANDSHAKE_TIMEOUT: 1}


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """A clock that jumps when every task waits."""
    return trio.testing.MockClock(autojump_threshold=0)


@trio_test
async def test_names_and_plain_text_go_together() -> None:
    async def greet(stream: PlainStream) -> None:
        await stream.send_all(b"hello " + await stream.receive_some())

    world = InMemory()
    async with world.serving(sni=names(), mode=Permissive(greet)):
        assert await answer_to(world, b"nobody") == b"hello nobody"
        assert await who_answers(world, "pay.example.com") == PAY
        with pytest.raises(PeerAlert):
            await who_answers(world, "other.example")


@trio_test
async def test_the_application_sees_the_name_as_it_was_written() -> None:
    seen: list[str | None] = []

    async def note(stream: MtlsStream) -> None:
        seen.append(stream.connection.server_name)

    async with serving(note, sni=names()) as server:
        stream = MtlsStream(
            await server.raw(), anybody(), server_hostname="pay.example.com"
        )
        async with stream:
            assert await stream.receive_some() == b""
            assert stream.connection.server_name == "pay.example.com"
    assert seen == ["pay.example.com"]


class Hasty:
    """A connection whose second ClientHello asked for another name."""

    server_name: str | None = "Other.example"
    resumed = False
    version = "1.3"


def test_two_readings_of_a_name_are_refused() -> None:
    """A2, A3: OpenSSL's reading is held against ours."""
    other: Any = Hasty()
    with pytest.raises(PeerMisbehaved) as refused:
        compare_names("pay.example", other)
    assert refused.value.reason is Reason.PROTOCOL
    compare_names("other.example", other)
    other.server_name = None
    with pytest.raises(PeerMisbehaved):
        compare_names("other.example", other)
    compare_names("", other)
    # TLS 1.2 keeps no name in a session without SNI callbacks.
    other.resumed, other.version = True, "1.2"
    compare_names("other.example", other)
    other.version = "1.3"
    with pytest.raises(PeerMisbehaved):
        compare_names("other.example", other)


class Openssl:
    """Python's ssl as a client that resumes whatever it is told to, under any name."""

    def __init__(self, folder: Path, version: ssl.TLSVersion) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = self._context.maximum_version = version
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        svid, file = authority("a.example").issue(WEB), folder / "web.pem"
        file.write_bytes(svid.to_pem_chain() + svid.to_pem_key())
        self._context.load_cert_chain(file)

    async def meet(
        self, world: InMemory, name: str, session: ssl.SSLSession | None = None
    ) -> tuple[bool, bytes | None, ssl.SSLSession | None]:
        """Shake hands, talk; was it resumed, whom did it see, and the session."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(
            incoming, outgoing, server_hostname=name, session=session
        )
        client = world.transport.connect()

        async def run(step: Callable[[], object]) -> None:
            while True:
                try:
                    step()
                except ssl.SSLWantReadError:
                    await client.send_all(outgoing.read())
                    incoming.write(await client.receive_some())
                else:
                    await client.send_all(outgoing.read())
                    return

        await run(tls.do_handshake)
        await run(lambda: tls.write(b"ping"))
        await run(lambda: tls.read(4))
        await client.aclose()
        return bool(tls.session_reused), tls.getpeercert(binary_form=True), tls.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@trio_test
async def test_a_session_is_resumed_under_its_own_name_alone(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """R1, R9: the CVE-2025-23419 shape; a session of one name is nothing at another.

    Both configurations share a store, and have the same bundles and the same
    authorizer: all that differs is who answers.
    """
    shared, world = SessionStore(), InMemory()
    settings: dict[str, Any] = {"sessions": shared, "min_version": "1.2"}
    table = ServerNames(
        {
            "pay.example": config_of(PAY, **settings),
            "shop.example": config_of(SHOP, **settings),
        }
    )
    client = Openssl(tmp_path, version)
    async with world.serving(sni=table):
        reused, pay, session = await client.meet(world, "pay.example")
        assert not reused
        # The negative control: under its own name it is resumed.
        reused, again, session = await client.meet(world, "pay.example", session)
        assert reused
        assert again == pay
        reused, shop, _ = await client.meet(world, "shop.example", session)
        assert not reused
        assert shop != pay
        await trio.testing.wait_all_tasks_blocked()
    assert world.statistics.handshakes_ok == 3
    assert not world.statistics.handshakes_failed


@trio_test
async def test_tls_12_is_chosen_by_name_too() -> None:
    world = InMemory()
    table = ServerNames({"pay.example": config_of(PAY, min_version="1.2")})
    async with world.serving(sni=table):
        stream = MtlsStream(
            world.transport.connect(),
            anybody(min_version="1.2"),
            server_hostname="pay.example",
        )
        assert await ask(stream) == b"ping"


@pytest.mark.parametrize(
    "table",
    [
        {"": 1},
        {"*": 1},
        {"*.": 1},
        {"a.*": 1},
        {"**.a": 1},
        {"a.example.": 1},
        {"192.0.2.7": 1},
        {"a b": 1},
        {"a.example": 1, "A.example": 1},
        {"*.a.example": 1, "*.A.example": 1},
    ],
)
def test_names_that_are_none_or_twice_are_refused(table: dict[str, int]) -> None:
    target = Passthrough("127.0.0.1", 1)
    with pytest.raises(ConfigError):
        ServerNames(dict.fromkeys(table, target))


def test_settings_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError):
        ServerNames({"a.example": client_config()})
    with pytest.raises(ConfigError):
        ServerNames({"a.example": "b.example"})  # type: ignore[dict-item]
    with pytest.raises(ConfigError):
        ServerNames({}, unknown="accept")  # type: ignore[arg-type]


def test_an_exact_name_goes_before_a_wildcard() -> None:
    one, two = Passthrough("127.0.0.1", 1), Passthrough("127.0.0.1", 2)
    table = ServerNames({"*.a.example": one, "b.a.example": two})
    assert table.find("c.a.example") is one
    assert table.find("b.a.example") is two
    with pytest.raises(PeerIncompatible):
        table.find("a.example")
    with pytest.raises(PeerIncompatible):
        table.find("d.b.a.example")


@trio_test
async def test_a_refused_name_is_in_the_log_as_a_reason_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P7: what a stranger wrote is in the debug log and nowhere else."""
    caplog.set_level(logging.INFO, "handfast.net")
    world = InMemory()
    async with world.serving(sni=names()):
        with pytest.raises(PeerAlert):
            await who_answers(world, "stranger.example")
        await trio.testing.wait_all_tasks_blocked()
    [record] = caplog.records
    assert "server_name_unknown" in record.message
    assert "stranger" not in record.message
