# SPDX-License-Identifier: Apache-2.0
"""Several identities on one port: who answers to which server name."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.named import PAY, SHOP, anybody, config_of, names
from tests.support.net_world import (
    DB,
    InMemory,
    ask,
    client_config,
    serving,
    trio_test,
)

from handfast import (
    ConfigError,
    PeerAlert,
    PeerIncompatible,
    PeerMisbehaved,
    Reason,
    authorize,
)
from handfast.net import MtlsStream, Passthrough, Permissive, PlainStream, ServerNames
from handfast.net.sni import compare_names


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


@trio_test
async def test_names_and_plain_text_go_together() -> None:
    async def greet(stream: PlainStream) -> None:
        await stream.send_all(b"hello " + await stream.receive_some())

    world = InMemory()
    async with world.serving(sni=names(), mode=Permissive(greet)):
        async with world.transport.connect() as plain:
            await plain.send_all(b"nobody")
            assert await plain.receive_some() == b"hello nobody"
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
