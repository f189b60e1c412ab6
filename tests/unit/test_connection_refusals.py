# SPDX-License-Identifier: Apache-2.0
"""Refusals in handshakes, in both roles: the reason here, the alert there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from tests.support import pki, workloads
from tests.support.engine import NOT_AUTHORIZED_ALERT

from handfast import (
    Connection,
    ConnectionClosed,
    HandfastError,
    NotAuthorized,
    PeerAlert,
    PeerError,
    Reason,
    StaticSource,
    TlsConfig,
    UsageError,
    VerificationError,
    authorize,
)
from handfast.reasons import ROWS
from handfast.testing import attempt_handshake

ROLES = ("client", "server")
CLOSE_NOTIFY = bytes([21, 3, 3, 0, 2, 1, 0])  # nothing is encrypted yet
# As RFC 8446 names them, whatever our own table says.
ALERTS = {
    Reason.UNKNOWN_AUTHORITY: 48,
    Reason.UNKNOWN_TRUST_DOMAIN: 48,
    Reason.CERTIFICATE_EXPIRED: 45,
    Reason.CERTIFICATE_NOT_YET_VALID: 45,
    Reason.NOT_AUTHORIZED: 49,
}


def refusal(
    judge: str, judge_config: TlsConfig, judged_config: TlsConfig
) -> HandfastError:
    """Let one side refuse the other; check both ends, and return the refusal."""
    ours, theirs = Connection(judge_config), Connection(judged_config)
    client, server = (ours, theirs) if judge == "client" else (theirs, ours)
    outcome = attempt_handshake(client, server)
    error = outcome.client if judge == "client" else outcome.server
    told = outcome.server if judge == "client" else outcome.client
    assert error is not None, "it was accepted"
    # The other end knows what the alert says, and nothing more.
    assert isinstance(told, PeerAlert), told
    alert = ROWS[error.reason].alert
    assert alert == ALERTS.get(error.reason, alert)
    if error.reason is Reason.NOT_AUTHORIZED:
        alert = NOT_AUTHORIZED_ALERT
    assert told.alert == error.detail.alert == alert
    # Nobody who was refused is a peer, and nothing flows (C14, A9).
    for action in (lambda: ours.peer, ours.read, lambda: ours.send(b"x")):
        with pytest.raises((VerificationError, UsageError)):
            action()
    with pytest.raises(type(error)) as again:
        ours.handshake()
    assert again.value.reason is error.reason
    assert ours.presented_chain[0] == theirs_leaf(judged_config)
    return error


def theirs_leaf(config: TlsConfig) -> bytes:
    source: Any = config._source
    return bytes(source.snapshot().svid.chain[0])


def config(role: str, identity: StaticSource, **settings: Any) -> TlsConfig:
    make = workloads.client if role == "client" else workloads.server
    return make(identity, **settings)


def other(role: str) -> str:
    return "server" if role == "client" else "client"


@pytest.mark.parametrize("judge", ROLES)
def test_another_trust_domains_authority_is_refused_although_it_is_trusted(
    judge: str,
) -> None:
    """C5, P1, ID-22: the peer names A and chains to B; A and B are both trusted."""
    a, b = workloads.authority("a.example"), workloads.authority("b.example")
    trusted = [a.bundle("a.example"), b.bundle("b.example")]
    ours = StaticSource(pki.leaf(a, workloads.SERVER).svid(), trusted)
    evil = StaticSource(pki.leaf(b, workloads.CLIENT).svid(), trusted)
    error = refusal(judge, config(judge, ours), config(other(judge), evil))
    assert isinstance(error, VerificationError)
    assert error.reason is Reason.UNKNOWN_AUTHORITY
    assert error.claimed_id == workloads.CLIENT
    assert "b.example" in error.seen
    # The very same authority is fine for its own names.
    honest = StaticSource(pki.leaf(b, "spiffe://b.example/w").svid(), trusted)
    everyone = authorize.anyone()
    fine = [
        config(judge, ours, who=everyone),
        config(other(judge), honest, who=everyone),
    ]
    pair = [Connection(each) for each in (fine if judge == "client" else fine[::-1])]
    assert attempt_handshake(*pair).ok


@pytest.mark.parametrize("judge", ROLES)
@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [
        (-7200, -600, Reason.CERTIFICATE_EXPIRED),
        (600, 7200, Reason.CERTIFICATE_NOT_YET_VALID),
    ],
)
def test_a_peer_outside_of_its_validity_is_refused(
    judge: str, begin: int, end: int, reason: Reason
) -> None:
    """X509-27, P7: with the distance to the window, so that clocks can be suspected."""
    late = workloads.source(
        workloads.CLIENT,
        not_before=pki.now() + dt.timedelta(seconds=begin),
        not_after=pki.now() + dt.timedelta(seconds=end),
    )
    ours = workloads.source(workloads.SERVER)
    error = refusal(judge, config(judge, ours), config(other(judge), late))
    assert isinstance(error, VerificationError)
    assert error.reason is reason
    assert error.depth == 0
    assert error.certificate == theirs_leaf(config(judge, late))
    assert error.skew is not None
    assert 590 <= abs(error.skew.total_seconds()) < 700


@pytest.mark.parametrize("judge", ROLES)
def test_a_peer_of_an_unknown_trust_domain_is_refused(judge: str) -> None:
    """X509-34: whoever signed it."""
    stranger = pki.root("c.example")
    theirs = StaticSource(
        pki.leaf(stranger, "spiffe://c.example/x").svid(),
        workloads.authority().bundle("a.example"),
    )
    ours = workloads.source(workloads.SERVER)
    error = refusal(judge, config(judge, ours), config(other(judge), theirs))
    assert error.reason is Reason.UNKNOWN_TRUST_DOMAIN


@pytest.mark.parametrize("judge", ROLES)
def test_a_peer_that_may_not_come_in_is_refused_before_any_data(judge: str) -> None:
    """I7, P7: authenticated, not authorized, and told so by access_denied."""
    ours, theirs = (workloads.source(x) for x in (workloads.SERVER, workloads.CLIENT))
    only = authorize.exactly("spiffe://a.example/somebody-else")
    error = refusal(judge, config(judge, ours, who=only), config(other(judge), theirs))
    assert isinstance(error, NotAuthorized)
    assert error.detail.alert == NOT_AUTHORIZED_ALERT


def test_no_application_protocol_in_common_is_told() -> None:
    """P7: with the alert that RFC 7301 has for it."""
    client = Connection(workloads.client(alpn=["h2"]))
    server = Connection(workloads.server(alpn=["http/1.1"]))
    outcome = attempt_handshake(client, server)
    assert outcome.server is not None
    assert outcome.server.reason is Reason.NO_APPLICATION_PROTOCOL
    assert isinstance(outcome.client, PeerAlert)
    assert outcome.client.alert == 120


def test_no_group_in_common_is_told() -> None:
    """P7: both ends are honest and have nothing in common."""
    client = Connection(workloads.client(groups="P-256"))
    server = Connection(workloads.server(groups="P-384"))
    outcome = attempt_handshake(client, server)
    assert outcome.server is not None
    assert outcome.server.reason is Reason.INCOMPATIBLE
    assert isinstance(outcome.client, PeerAlert)


def test_a_refused_client_learns_nothing_of_the_servers_policy() -> None:
    """P7: the alert, and no text of ours, crosses the wire."""
    client = Connection(workloads.client())
    server = Connection(
        workloads.server(who=authorize.exactly("spiffe://a.example/secret-name"))
    )
    outcome = attempt_handshake(client, server)
    assert isinstance(outcome.client, PeerAlert)
    assert "secret-name" not in str(outcome.client)


def test_a_clean_end_in_mid_handshake_is_an_error_of_the_peers() -> None:
    """D4, A9: a stranger does not choose what escapes `except PeerError`."""
    ours = Connection(workloads.client())
    assert not ours.handshake()
    ours.receive(CLOSE_NOTIFY)
    for action in (ours.handshake, ours.handshake, ours.read, lambda: ours.send(b"x")):
        with pytest.raises(PeerError) as ended:
            action()
        assert type(ended.value) is ConnectionClosed
        assert ended.value.reason is Reason.CLOSED
    assert not ours.closed_by_peer
