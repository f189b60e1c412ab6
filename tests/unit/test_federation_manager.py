# SPDX-License-Identifier: Apache-2.0
"""Federations watched: over real TLS on loopback, with a clock that tests move."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import trio
from tests.support.bundle_server import (
    LOOPBACK,
    PARTNER,
    Web,
    endpoint_of,
    http,
)
from tests.support.federation_watching import (
    document,
    watching,
)
from tests.support.net_world import authority, trio_test
from trio.testing import MockClock

from handfast import (
    ConfigError,
    FederationError,
    HandfastError,
    Reason,
    StaticSource,
    TrustBundleSet,
    UsageError,
)
from handfast.authority import Authority
from handfast.federation import (
    BundleEndpoint,
    FederatedSource,
    FederationManager,
)
from handfast.net import secure_endpoint


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


# ---- pacing ----


@pytest.mark.parametrize(
    ("hint", "interval"),
    [(None, 300), (120, 120), (0, 60), (-5, 60), (2**31, 86400), (10**30, 86400)],
)
def test_polls_come_at_the_hint(
    web: Web, clock: MockClock, hint: int | None, interval: int
) -> None:
    """FED-04, FED-05, BUN-09 and BUN-20: at the hint, five minutes without one."""

    @trio_test
    async def run(clock: MockClock) -> None:
        fields = json.loads(document())
        if hint is not None:
            fields["spiffe_refresh_hint"] = hint
        answers = {"/": http(json.dumps(fields).encode())}
        async with (
            endpoint_of(web.context(), answers) as served,
            watching(web.endpoint(served), clock=clock) as world,
        ):
            await world.until_attempts(1)
            assert world.facts().interval == interval
            await world.pass_time(interval - 0.01)
            assert len(served.requests) == 1
            await world.pass_time(0.02)
            await world.until_attempts(2)
            assert len(served.requests) == 2

    run(clock=clock)


@trio_test
async def test_after_a_failure_the_next_interval_is_waited_for(
    web: Web, clock: MockClock
) -> None:
    """FED-53: no aggressive retry; the last bundle stays in use, and it says so."""
    async with (
        endpoint_of(web.context(), {"/": http(document(1, hint=100))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        served.answers.clear()
        for attempt in range(2, 6):
            await world.pass_time(99.9)
            assert len(served.requests) == attempt - 1
            await world.pass_time(0.2)
            await world.until_attempts(attempt)
            assert world.facts().failures_in_a_row == attempt - 1
            assert world.manager.bundles[PARTNER].sequence == 1
        facts = world.facts()
        assert facts.is_stale
        assert not world.manager.statistics().is_healthy
        assert facts.failures == {Reason.FEDERATION_RESPONSE: 4}
        assert "404" in (facts.last_failure or "")
        served.answers["/"] = http(document(2, hint=100))
        await world.pass_time(100)
        await world.until_attempts(6)
        facts = world.facts()
        assert (facts.failures_in_a_row, facts.last_failure) == (0, None)
        assert world.manager.statistics().is_healthy


@trio_test
async def test_a_mistake_of_ours_is_a_failed_fetch_and_the_end_of_nothing(
    web: Web,
    clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """F2: whatever a server makes of us, the other bundles go on, and it is told."""

    async def broken(*_args: object, **_settings: object) -> None:
        await trio.lowlevel.checkpoint()
        raise KeyError("nobody thought of that")

    async with (
        endpoint_of(web.context(), {"/": http(document(1, hint=100))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        with monkeypatch.context() as patched:
            patched.setattr("handfast.federation.fetch.get", broken)
            await world.pass_time(100.1)
            await world.until_attempts(2)
        assert world.facts().failures == {Reason.INTERNAL: 1}
        assert "nobody thought of that" in caplog.text
        assert world.manager.bundles[PARTNER].sequence == 1
        await world.pass_time(100.1)
        await world.until_attempts(3)
        assert world.facts().failures_in_a_row == 0


# ---- what others see ----


@trio_test
async def test_fetches_are_logged_for_an_inquiry(
    web: Web, clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """FED-61: from where, by whom, what; failures, too, and rollbacks the loudest."""
    caplog.set_level(logging.INFO, "handfast.federation")
    async with (
        endpoint_of(web.context(), {"/": http(document(3))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        [record] = caplog.records
        fields = vars(record)
        assert record.levelno == logging.INFO
        assert fields["trust_domain"] == PARTNER
        assert fields["url"] == served.url()
        assert fields["profile"] == "https_web"
        assert fields["sequence"] == 3
        assert len(fields["document_sha256"]) == 64
        assert f"200 {served.url()} 127.0.0.1 localhost " in fields["hops"][0]
        for bad, level in ((b"x", logging.WARNING), (document(1), logging.ERROR)):
            caplog.clear()
            served.answers["/"] = http(bad)
            with pytest.raises(HandfastError):
                await world.manager.refresh(PARTNER)
            [record] = caplog.records
            assert record.levelno == level


@trio_test
async def test_bundles_are_side_by_side_and_never_merged(
    web: Web, clock: MockClock
) -> None:
    """FED-09, FED-60: the own one is the source's, another one is whole or absent."""
    ours, theirs = authority("a.example"), authority(PARTNER)
    stranger = Authority("a.example")
    async with endpoint_of(web.context(), {}) as served:
        served.answers |= {
            "/a": http(stranger.bundle.to_json()),
            "/b": http(theirs.bundle.to_json()),
        }
        own = BundleEndpoint.https_web(
            "a.example",
            served.url("/a"),
            roots=[web.root.der],
            allow_networks=LOOPBACK,
        )
        async with watching(own, web.endpoint(served, "/b"), clock=clock) as world:
            await world.manager.wait_ready(10)
            svid = ours.issue("spiffe://a.example/web")
            old = Authority(PARTNER).bundle
            inner = StaticSource(svid, TrustBundleSet([ours.bundle, old]))
            trusting = FederatedSource(inner, world.manager)
            snapshot = trusting.snapshot()
            assert snapshot.bundles["a.example"] == ours.bundle
            assert snapshot.bundles[PARTNER] == theirs.bundle
            assert trusting.snapshot() is snapshot
            inner.update(svid=svid)
            assert trusting.snapshot().generation == snapshot.generation + 1


@trio_test
async def test_readiness_says_what_is_missing(web: Web, clock: MockClock) -> None:
    async with (
        endpoint_of(web.context(), {}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        clock.autojump_threshold = 0.01
        with pytest.raises(FederationError) as caught:
            await world.manager.wait_ready(5)
        assert caught.value.reason is Reason.FEDERATION_TIMEOUT
        assert PARTNER in caught.value.seen
        assert "404" in caught.value.seen
        clock.autojump_threshold = float("inf")
        served.answers["/"] = http(document())
        await world.manager.refresh(PARTNER)
        await world.manager.wait_ready(5)
        generation = world.manager.current.generation
        served.answers["/"] = http(document(1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.manager.refresh, PARTNER)
            assert await world.manager.wait_changed(generation) == generation + 1


@trio_test
async def test_one_endpoint_a_trust_domain_and_one_run(
    web: Web, clock: MockClock
) -> None:
    async with (
        endpoint_of(web.context(), {}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        with pytest.raises(ConfigError):
            world.manager.add(web.endpoint(served, "/other"))
        with pytest.raises(UsageError):
            await world.manager.run()
        await world.until_attempts(1)


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 0},
        {"min_interval": 0},
        {"min_interval": 10, "max_interval": 5},
    ],
)
def test_limits_that_are_none_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        FederationManager(secure=secure_endpoint, **settings)
