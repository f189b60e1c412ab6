# SPDX-License-Identifier: Apache-2.0
"""Handshakes and revocation lists: who asks, when, and what a source brings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from tests.support import pki, workloads
from tests.support.revoking import HOUR, Chain, crl, lists

from handfast import (
    ChainCache,
    Connection,
    InvalidCrl,
    Reason,
    RevocationLists,
    StaticSource,
    TlsConfig,
    TrustDomain,
    VerificationError,
    _ffi,
    authorize,
)
from handfast.testing import (
    HandshakeOutcome,
    attempt_handshake,
    connection_pair,
)

A, B = TrustDomain("a.example"), TrustDomain("b.example")
DELTA = (x509.DeltaCRLIndicator(3), True)


@pytest.fixture(scope="module")
def world() -> Chain:
    return Chain()


def attempt(client: TlsConfig, server: TlsConfig) -> HandshakeOutcome:
    return attempt_handshake(Connection(client), Connection(server))


@pytest.mark.parametrize("min_version", ["1.2", "1.3"])
def test_a_handshake_refuses_a_revoked_svid_on_both_sides(
    world: Chain, min_version: Any
) -> None:
    """WAPI-47: the engine does, before anybody can ask afterwards."""
    crls = lists(crl(world.root), crl(world.middle, world.leaf))
    good = pki.leaf(world.middle, workloads.SERVER)

    def ends(client: pki.Issued, server: pki.Issued) -> Any:
        anyone = authorize.any_in("a.example")
        how: Any = {"authorize": anyone, "crl_policy": "required", "sessions": None}
        ours, theirs = (
            StaticSource(it.svid(), world.bundle, crls=crls) for it in (client, server)
        )
        return attempt(
            TlsConfig.client(ours, **how),
            TlsConfig.server(theirs, min_version=min_version, **how),
        )

    assert ends(good, good).ok
    refused = ends(world.leaf, good).server
    assert isinstance(refused, VerificationError)
    assert refused.reason is Reason.CERTIFICATE_REVOKED
    refused = ends(good, world.leaf).client
    assert isinstance(refused, VerificationError)
    assert refused.reason is Reason.CERTIFICATE_REVOKED


def test_lists_that_are_replaced_reach_the_next_handshake(world: Chain) -> None:
    """WAPI-47, P5: by the generation of the source, in either direction."""
    source = StaticSource(
        pki.leaf(world.middle, workloads.SERVER).svid(),
        world.bundle,
        crls=lists(*world.good),
    )
    server = workloads.server(source, crl_policy="required")
    ours = StaticSource(world.leaf.svid(), world.bundle)
    client = workloads.client(ours)
    assert attempt(client, server).ok
    source.update(crls=lists(crl(world.root), crl(world.middle, world.leaf)))
    refused = attempt(client, server).server
    assert refused is not None
    assert refused.reason is Reason.CERTIFICATE_REVOKED
    source.update(crls=RevocationLists())
    refused = attempt(client, server).server
    assert refused is not None
    assert refused.reason is Reason.CRL_MISSING
    source.update(crls=lists(*world.good))
    assert attempt(client, server).ok


def test_a_handshake_that_began_on_older_lists_is_judged_by_the_newest(
    world: Chain,
) -> None:
    """P5: a list that comes in the middle counts."""
    source = StaticSource(
        pki.leaf(world.middle, workloads.SERVER).svid(),
        world.bundle,
        crls=lists(*world.good),
    )
    client = workloads.client(StaticSource(world.leaf.svid(), world.bundle))
    _, server = connection_pair(client, workloads.server(source, crl_policy="required"))
    server.judge_again()
    source.update(crls=lists(crl(world.root), crl(world.middle, world.leaf)))
    with pytest.raises(VerificationError) as caught:
        server.judge_again()
    assert caught.value.reason is Reason.CERTIFICATE_REVOKED


@pytest.mark.parametrize("late", [-1, 0, 3600 * 3])
def test_a_chain_that_has_ended_was_not_revoked(
    world: Chain, late: int, engine_now: dt.datetime
) -> None:
    """R11: lists that are newer than its end say nothing of it, unless they name it."""
    source = StaticSource(
        pki.leaf(world.middle, workloads.SERVER).svid(),
        world.bundle,
        crls=lists(*world.good),
    )
    client = workloads.client(StaticSource(world.leaf.svid(), world.bundle))
    _, server = connection_pair(client, workloads.server(source, crl_policy="required"))
    now = server.peer.not_after + dt.timedelta(seconds=late)
    _ffi.fix_clock(int(now.timestamp()))

    def newer(*revoked: pki.Issued) -> RevocationLists:
        dates: Any = {"since": now - dt.timedelta(seconds=1), "until": now + HOUR}
        return lists(
            crl(world.root, **dates),
            crl(world.middle, *revoked, **dates),
        )

    source.update(crls=newer())
    server.judge_again()
    source.update(crls=newer(world.leaf))
    with pytest.raises(VerificationError) as caught:
        server.judge_again()
    assert caught.value.reason is Reason.CERTIFICATE_REVOKED


def test_one_way_clients_ask_too(world: Chain) -> None:
    server = TlsConfig.one_way_server(StaticSource(world.leaf.svid(), world.bundle))

    def meet(crls: RevocationLists | None) -> Any:
        anyone = authorize.anyone()
        client = TlsConfig.one_way_client(world.bundle, authorize=anyone, crls=crls)
        return attempt(client, server).client

    assert meet(None) is None
    assert meet(lists(*world.good)) is None
    revoked = meet(lists(crl(world.root), crl(world.middle, world.leaf)))
    assert revoked.reason is Reason.CERTIFICATE_REVOKED
    assert meet(RevocationLists()).reason is Reason.CRL_MISSING
    with pytest.raises(InvalidCrl):
        meet(lists(b"garbage"))


@pytest.mark.parametrize("policy", ["required", "if_available"])
def test_a_source_with_lists_that_cannot_be_used_trusts_nobody_they_are_about(
    policy: Any,
) -> None:
    """WAPI-47, P7: and nobody else is the worse for it."""
    a, b = Chain("a.example"), Chain("b.example")
    cache = ChainCache()
    source = StaticSource(a.leaf.svid(), [a.bundle, b.bundle])
    server = TlsConfig.server(
        source, authorize=authorize.anyone(), crl_policy="if_available", cache=cache
    )

    def visit(who: Chain) -> Any:
        ours = StaticSource(who.leaf.svid(), a.bundle)
        client = TlsConfig.client(ours, authorize=authorize.anyone())
        return attempt(client, server).server

    for who in (a, b):
        assert visit(who) is None
    broken = (*b.good, crl(b.middle, extra=DELTA))
    source.update(crls=RevocationLists({A: a.good, B: broken}))
    if policy == "required":
        server = TlsConfig.server(
            source, authorize=authorize.anyone(), crl_policy=policy, cache=cache
        )
    assert visit(a) is None
    assert visit(b).reason is Reason.CRL_INVALID
