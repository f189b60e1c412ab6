# SPDX-License-Identifier: Apache-2.0
"""After a good handshake: what a stack that lies (tlslite-ng) sends then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.test_lying_peers import ROLES, Role, pair
from tests.support.lies import (
    CCS,
    CLOSE_NOTIFY,
    FATAL,
    USER_CANCELED,
    WARNING,
    alert,
)
from tests.support.lies_told import TICKET
from tests.support.misbehaving import (
    ALERT,
    APPLICATION_DATA,
    CERTIFICATE_REQUEST,
    CLIENT_HELLO,
    FINISHED,
    HANDSHAKE,
    HEARTBEAT,
    KEY_UPDATE,
    NEW_SESSION_TICKET,
    RAW,
    Record,
    TlslitePeer,
    hear,
    meet,
    message,
)
from tests.support.sweep import count_one

from handfast import Connection, HandfastError, Reason

#: More messages than this between data are a flood (docs: 32 at once).
LIMIT = 32
FLOOD = 10_000
MANY = 40


def met(role: Role) -> tuple[Connection, TlslitePeer]:
    """Make a pair that has shaken hands."""
    ours, peer = pair(role)
    assert meet(ours, peer) is None
    return ours, peer


def one(kind: int, body: bytes = b"") -> list[Record]:
    """Make one handshake message in a record."""
    return [(HANDSHAKE, message(kind, body))]


#: In one record each; the reason that both roles give.
LIES: dict[str, tuple[list[Record], Reason]] = {
    "Finished again": (one(FINISHED, bytes(32)), Reason.PROTOCOL),
    "a ClientHello": (one(CLIENT_HELLO, bytes(60)), Reason.PROTOCOL),
    "an unknown message": (one(99, b"abc"), Reason.PROTOCOL),
    "a KeyUpdate that asks for 2": (one(KEY_UPDATE, b"\x02"), Reason.PROTOCOL),
    "a KeyUpdate without a word": (one(KEY_UPDATE, b""), Reason.PROTOCOL),
    "a KeyUpdate of two bytes": (one(KEY_UPDATE, b"\0\0"), Reason.PROTOCOL),
    "a KeyUpdate that says 16 MB": (
        [(HANDSHAKE, bytes([KEY_UPDATE]) + b"\xff\xff\xff\0")],
        Reason.PROTOCOL,
    ),
    "an empty handshake record": ([(HANDSHAKE, b"")], Reason.PROTOCOL),
    "many ChangeCipherSpecs": ([CCS] * MANY, Reason.PROTOCOL),
    "a heartbeat": ([(HEARTBEAT, b"\x01\0\x05hello")], Reason.PROTOCOL),
    "a record of an unknown type": ([(99, b"x")], Reason.PROTOCOL),
    "a record that is only padding": ([(0, b"")], Reason.PROTOCOL),
    "a record that is too long": (
        [(RAW, b"\x17\x03\x03\x45\x00" + bytes(0x4500))],
        Reason.PROTOCOL,
    ),
    "a record that nobody encrypted": ([(RAW, b"GET / HTTP/1.1\r\n")], Reason.PROTOCOL),
    "data in the middle of a message": (
        [(HANDSHAKE, bytes([KEY_UPDATE])), (APPLICATION_DATA, b"x")],
        Reason.PROTOCOL,
    ),
    "a flood of warnings": ([alert(WARNING, USER_CANCELED)] * MANY, Reason.PROTOCOL),
    "a flood of empty records": ([(APPLICATION_DATA, b"")] * MANY, Reason.PROTOCOL),
    "half an alert": ([(ALERT, b"\x02")], Reason.PROTOCOL),
    "a fatal alert": ([alert(FATAL, 40)], Reason.PEER_ALERT),
    "a close_notify": ([alert(WARNING, CLOSE_NOTIFY)], Reason.CLOSED),
}


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("lie", "reason"), list(LIES.values()), ids=list(LIES))
def test_each_lie_ends_the_connection_with_its_reason(
    role: Role, lie: list[Record], reason: Reason
) -> None:
    """D12, D3: what came before the lie is given out; nothing of it or after it is."""
    ours, peer = met(role)
    assert hear(ours, peer.put((APPLICATION_DATA, b"good"))) == b"good"
    heard = hear(ours, peer.put(*lie), peer.put((APPLICATION_DATA, b"never")))
    if reason is Reason.CLOSED:
        assert heard == b""
        assert ours.closed_by_peer
        return
    assert isinstance(heard, HandfastError)
    assert heard.reason is reason
    with pytest.raises(HandfastError) as again:
        ours.read()
    assert again.value.reason is reason
    count_one(f"lies of a {role}'s stack, connection")


@pytest.mark.interop
def test_only_a_server_gives_tickets() -> None:
    """R12: a ticket of a client is a message that it must not send."""
    ours, peer = met("client")
    heard = hear(ours, peer.put((HANDSHAKE, TICKET)))
    assert isinstance(heard, HandfastError)
    assert heard.reason is Reason.PROTOCOL


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
def test_nobody_authenticates_again_after_the_handshake(role: Role) -> None:
    """R12: a CertificateRequest then, which we did not offer to answer."""
    body = b"\x01c\0\x08\0\x0d\0\x04\0\x02\x04\x03"
    ours, peer = met(role)
    who = ours.peer
    heard = hear(ours, peer.put(*one(CERTIFICATE_REQUEST, body)))
    assert isinstance(heard, HandfastError)
    assert heard.reason is Reason.PROTOCOL
    assert ours.peer == who


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
def test_the_handshake_is_over(role: Role) -> None:
    """R12: TLS 1.3 has no renegotiation; a HelloRequest does not begin one."""
    ours, peer = met(role)
    heard = hear(ours, peer.put(*one(0)))
    assert isinstance(heard, HandfastError)
    assert heard.reason is Reason.PROTOCOL


def messages_until_the_end(ours: Connection, make: Callable[[], bytes]) -> int:
    """Send messages one by one; return how many were taken before ours was enough."""
    for count in range(FLOOD):
        heard = hear(ours, make())
        if isinstance(heard, HandfastError):
            assert heard.reason is Reason.PROTOCOL
            return count
    return FLOOD


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("ask", [0, 1], ids=["told", "asked"])
def test_a_flood_of_key_updates_ends_early(role: Role, ask: int) -> None:
    """D3: as in CVE-2026-32283, though our peer would go on ten thousand times."""
    ours, peer = met(role)
    assert messages_until_the_end(ours, lambda: peer.update_keys(ask)) == LIMIT
    assert ours.pending[1] < LIMIT * 64


@pytest.mark.interop
def test_a_flood_of_tickets_ends_early() -> None:
    """D3: a server that gives tickets for ever."""
    ours, peer = met("server")

    def ticket() -> bytes:
        return peer.put((HANDSHAKE, TICKET))

    assert messages_until_the_end(ours, ticket) == LIMIT


@pytest.mark.interop
def test_key_updates_between_data_are_answered() -> None:
    """The negative control of D3: who also sends data may go on updating his keys."""
    ours, peer = met("client")
    for _ in range(LIMIT + 4):
        assert hear(ours, peer.update_keys(0)) == b""
        said = bytes(16_384)
        assert hear(ours, peer.put((APPLICATION_DATA, said))) == said


@pytest.mark.interop
def test_a_ticket_that_is_too_large_is_refused() -> None:
    """D12: a length of 16 MB in a message that ends a connection's silence."""
    ours, peer = met("server")
    claim = bytes([NEW_SESSION_TICKET]) + b"\xff\xff\xff" + bytes(100)
    heard = hear(ours, peer.put((HANDSHAKE, claim)))
    assert isinstance(heard, HandfastError)
    assert heard.reason is Reason.PROTOCOL
