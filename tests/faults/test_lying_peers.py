# SPDX-License-Identifier: Apache-2.0
"""Handshakes of a stack that lies (tlslite-ng): each lie ends with its own reason."""

from __future__ import annotations

from typing import Literal

import pytest
from tests.support.lies import (
    CCS,
    CLOSE_NOTIFY,
    USER_CANCELED,
    WARNING,
    alert,
    before,
    hello_with,
    instead,
    skip,
    split,
)
from tests.support.lies_told import (
    EARLY_DATA,
    LIES,
    LIES_OF_CLIENTS,
    LIES_OF_SERVERS,
)
from tests.support.misbehaving import (
    CERTIFICATE,
    CERTIFICATE_VERIFY,
    CLIENT_HELLO,
    ENCRYPTED_EXTENSIONS,
    FINISHED,
    HANDSHAKE,
    Deviation,
    TlslitePeer,
    hear,
    honest,
    meet,
)
from tests.support.net_world import DB, WEB, client_config, server_config, source
from tests.support.sweep import count_one

from handfast import Connection, PeerError, Reason, X509Svid

Role = Literal["client", "server"]
ROLES: tuple[Role, ...] = ("client", "server")
IDS = {"client": WEB, "server": DB}


def pair(
    role: Role, deviation: Deviation = honest, *, key_of: X509Svid | None = None
) -> tuple[Connection, TlslitePeer]:
    """Make a peer in this role, and ours in the other."""
    ours = Connection(server_config() if role == "client" else client_config())
    svid = source(IDS[role]).snapshot().svid
    return ours, TlslitePeer(role, svid, key_of=key_of, deviation=deviation)


CASES = [
    pytest.param(role, *LIES[name], id=f"{role}: {name}")
    for role in ROLES
    for name in LIES
]
CASES += [
    pytest.param("client", *row, id=f"client: {name}")
    for name, row in LIES_OF_CLIENTS.items()
]
CASES += [
    pytest.param("server", *row, id=f"server: {name}")
    for name, row in LIES_OF_SERVERS.items()
]


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
def test_the_stack_alone_is_honest(role: Role) -> None:
    """The negative control of D12 and A9: without a lie, it is let in and heard."""
    ours, peer = pair(role)
    assert meet(ours, peer) is None
    assert str(ours.peer.spiffe_id) == IDS[role]
    assert hear(ours, peer.put((23, b"the truth"))) == b"the truth"


@pytest.mark.interop
@pytest.mark.parametrize(("role", "lie", "reason"), CASES)
def test_each_lie_ends_with_its_reason(
    role: Role, lie: Deviation, reason: Reason
) -> None:
    """D12, A9: what no honest stack sends is refused, told, and gives no data."""
    ours, peer = pair(role, lie)
    refused = meet(ours, peer)
    assert refused is not None
    assert refused.reason is reason
    assert isinstance(refused, PeerError)
    for use in (ours.handshake, ours.read):
        with pytest.raises(PeerError) as again:
            use()
        assert again.value.reason is reason
    count_one(f"lies of a {role}'s stack, handshake")


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
def test_a_certificate_without_its_key_proves_nothing(role: Role) -> None:
    """C14: the SVID of one workload, the key of another of the same authority."""
    thief = source("spiffe://a.example/thief").snapshot().svid
    ours, peer = pair(role, key_of=thief)
    refused = meet(ours, peer)
    assert refused is not None
    assert refused.reason is Reason.BAD_PROOF_OF_POSSESSION


ODD_BUT_HONEST: dict[str, tuple[Role, Deviation]] = {
    "an unknown extension": ("client", hello_with(0x7777, b"xyz")),
    "early data announced, none sent": ("client", hello_with(42)),
    "raw public keys offered": ("client", hello_with(19, b"\x01\x02")),
    "one warning": ("client", before(CERTIFICATE, alert(WARNING, USER_CANCELED))),
    "one ChangeCipherSpec": ("client", before(CERTIFICATE, CCS)),
    "one byte a record": ("client", split(1)),
    "seven bytes a record of the server's": ("server", split(7)),
    "a warning of the server's": (
        "server",
        before(CERTIFICATE, alert(WARNING, USER_CANCELED)),
    ),
}


@pytest.mark.interop
@pytest.mark.parametrize(
    ("role", "deviation"), list(ODD_BUT_HONEST.values()), ids=list(ODD_BUT_HONEST)
)
def test_what_the_standard_allows_is_no_lie(role: Role, deviation: Deviation) -> None:
    """D5, R12: nothing that was offered is used that we do not want."""
    ours, peer = pair(role, deviation)
    assert meet(ours, peer) is None
    assert str(ours.peer.spiffe_id) == IDS[role]
    assert not ours.resumed
    assert hear(ours, peer.put((23, b"the truth"))) == b"the truth"


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
def test_a_flight_in_one_record_is_fine(role: Role) -> None:
    """D5: several messages in one record."""
    ours, peer = pair(role)
    peer.tls.merge_until = FINISHED
    if role == "server":
        # Its hello is on its own: it is not encrypted.
        peer.tls.merge_from = ENCRYPTED_EXTENSIONS
    else:
        peer.tls.merge_from = CERTIFICATE
    assert meet(ours, peer) is None
    assert str(ours.peer.spiffe_id) == IDS[role]


@pytest.mark.interop
def test_early_data_that_was_announced_reaches_nobody() -> None:
    """R8, A9: we take none, and so none of it is to be skipped either."""
    ours, peer = pair(
        "client",
        lambda kind, data: [
            *hello_with(42)(kind, data),
            *[EARLY_DATA] * (kind == CLIENT_HELLO),
        ],
    )
    refused = meet(ours, peer)
    assert refused is not None
    assert refused.reason is Reason.PROTOCOL


@pytest.mark.interop
def test_a_server_that_asks_for_no_certificate_learns_none() -> None:
    """Nothing to refuse: we know who it is, and it does not ask who we are."""
    svid = source(DB).snapshot().svid
    ours = Connection(client_config())
    peer = TlslitePeer("server", svid, ask_for_certificate=False)
    assert meet(ours, peer) is None
    assert str(ours.peer.spiffe_id) == DB
    assert peer.tls.session.clientCertChain is None


@pytest.mark.interop
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("last", [CERTIFICATE, CERTIFICATE_VERIFY, FINISHED])
def test_an_end_before_a_message_is_an_end(role: Role, last: int) -> None:
    """D4: the peer says close_notify, or nothing more, before each of its messages."""
    ours, peer = pair(role, instead(last, alert(WARNING, CLOSE_NOTIFY)))
    refused = meet(ours, peer)
    assert refused is not None
    assert refused.reason is Reason.CLOSED
    ours, peer = pair(role, skip(last) if last == FINISHED else _silent_from(last))
    refused = meet(ours, peer)
    assert refused is not None
    assert refused.reason is Reason.TRUNCATED


def _silent_from(first: int) -> Deviation:
    silent = False

    def deviate(kind: int, data: bytes) -> list[tuple[int, bytes]]:
        nonlocal silent
        silent = silent or kind == first
        return [] if silent else [(HANDSHAKE, data)]

    return deviate
