# SPDX-License-Identifier: Apache-2.0
"""Streams end when trust is withdrawn: of an authority, of our own identity."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from tests.support.living import ended_with, living, state
from tests.support.net_world import (
    WEB,
    authority,
    client_config,
    server_config,
    shake_hands,
    source,
    trio_test,
)

from handfast import (
    Reason,
    SourceError,
    StaticSource,
    TrustBundleSet,
    authorize,
)
from handfast.authority import Authority
from handfast.errors import detail_for
from handfast.net import Lifetime, MtlsStream
from handfast.net.keeper import TICK
from handfast.sources import SourceSnapshot

HOUR = 3600.0


@pytest.mark.parametrize("way", ["close", "drain"])
@trio_test
async def test_a_removed_authority_ends_what_rests_on_it(
    way: Any, clock: trio.testing.MockClock
) -> None:
    """R11: on_revoked, at the next snapshot, and no other stream."""
    old, new = Authority("b.example"), Authority("b.example")
    ours = source(WEB, trust=("a.example",))
    both = TrustBundleSet([authority("a.example").bundle, old.bundle])
    ours.update(bundles=both)
    config = client_config(source=ours, authorize=authorize.anyone())
    lifetime = Lifetime(on_revoked=way, drain_timeout=5)
    theirs = StaticSource(
        old.issue("spiffe://b.example/db"),
        TrustBundleSet([authority("a.example").bundle]),
    )
    rests, other = (
        (
            MtlsStream(a, config, lifetime=lifetime),
            MtlsStream(b, server_config(source=s)),
        )
        for (a, b), s in (
            (trio.testing.memory_stream_pair(), theirs),
            (trio.testing.memory_stream_pair(), None),
        )
    )
    await shake_hands(*rests)
    await shake_hands(*other)
    async with rests[0], rests[1], other[0], other[1]:
        ours.update(bundles=both)  # the same content again
        await trio.sleep(3 * TICK)
        assert state(rests[0]) == "open"
        ours.update(bundles=both.with_bundle(new.bundle))
        await trio.sleep(2 * TICK)
        assert state(rests[0]) == ("closed" if way == "close" else "draining")
        await trio.sleep(6)
        assert await rests[1].receive_some() == b""
        await ended_with(rests[0], Reason.CREDENTIALS_REVOKED)
        assert state(other[0]) == "open"
        await other[0].send_all(b"good")
        assert await other[1].receive_some() == b"good"
    assert clock.current_time() > 0


@pytest.mark.parametrize("way", ["close", "drain"])
@trio_test
async def test_a_stream_that_drains_already_is_closed_when_trust_is_withdrawn(
    way: Any, clock: trio.testing.MockClock
) -> None:
    """R11: with "close", a long drain is no way to outlive it; it was asked to end."""
    issuer = authority("a.example")
    ours = StaticSource(issuer.issue(WEB), issuer.bundle)
    lifetime = Lifetime(max_age=10, on_revoked=way, drain_timeout=HOUR)
    async with living(lifetime, ours=ours) as (client, server):
        await client.wait_draining()
        ours.update(svid=issuer.issue("spiffe://a.example/another"))
        await trio.sleep(2 * TICK)
        if way == "close":
            assert await server.receive_some() == b""
            await ended_with(client, Reason.CREDENTIALS_REVOKED)
        else:
            assert state(client) == "draining"
    assert clock.current_time() < HOUR


@trio_test
async def test_a_withdrawn_identity_ends_what_rests_on_it(
    clock: trio.testing.MockClock,
) -> None:
    """R11: a renewed SVID changes nothing; another identity, or none, does."""

    class Withdrawn(StaticSource):
        gone = False

        def snapshot(self) -> SourceSnapshot:
            if self.gone:
                raise SourceError(detail_for(Reason.CONFIG_INVALID))
            return super().snapshot()

    issuer = authority("a.example")
    for withdraw in ("other", "none"):
        ours = Withdrawn(issuer.issue(WEB), issuer.bundle)
        async with living(Lifetime(on_revoked="close"), ours=ours) as (client, server):
            ours.update(svid=issuer.issue(WEB))
            await trio.sleep(3 * TICK)
            assert not client.closed
            if withdraw == "other":
                ours.update(svid=issuer.issue("spiffe://a.example/another"))
            else:
                ours.gone = True
            await trio.sleep(2 * TICK)
            assert await server.receive_some() == b""
            await ended_with(client, Reason.CREDENTIALS_REVOKED)
    assert clock.current_time() > 0


@trio_test
async def test_a_source_with_a_bug_ends_neither_streams_nor_the_program(
    clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails while streams are watched is told once, and they live on."""

    class Buggy(StaticSource):
        broken = False

        def snapshot(self) -> SourceSnapshot:
            if self.broken:
                raise ZeroDivisionError
            return super().snapshot()

    issuer = authority("a.example")
    ours = Buggy(issuer.issue(WEB), issuer.bundle)
    async with living(Lifetime(on_revoked="close"), ours=ours) as (client, server):
        ours.broken = True
        await trio.sleep(5 * TICK)
        await client.send_all(b"still here")
        assert await server.receive_some() == b"still here"
    assert len([it for it in caplog.records if it.exc_info]) == 1
    assert clock.current_time() > 0
