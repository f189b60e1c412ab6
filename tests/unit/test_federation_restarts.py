# SPDX-License-Identifier: Apache-2.0
"""Federations over restarts, and when a relationship ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from tests.support.bundle_server import (
    ENDPOINT_ID,
    PARTNER,
    Web,
    endpoint_of,
    http,
    spiffe_endpoint,
    svid_context,
)
from tests.support.federation_watching import (
    document,
    files,
    watching,
)
from tests.support.net_world import source, trio_test
from trio.testing import MockClock

from handfast import (
    FederationError,
    Reason,
    TrustDomain,
)
from handfast.authority import Authority
from handfast.federation import (
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


@trio_test
async def test_a_restart_goes_on_with_what_was_known(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """FED-06, FED-07, F2: the bundle is there at once, and its number still counts."""
    state = tmp_path / "state"
    async with endpoint_of(web.context(), {"/": http(document(5))}) as served:
        async with watching(web.endpoint(served), clock=clock, state=state) as world:
            await world.until_attempts(1)
        served.answers["/"] = http(document(4))
        async with watching(web.endpoint(served), clock=clock, state=state) as world:
            assert world.manager.bundles[PARTNER].sequence == 5
            await world.until_attempts(1)
            assert world.facts().rollbacks == 1
            assert world.manager.bundles[PARTNER].sequence == 5


@trio_test
async def test_a_restart_verifies_by_the_latest_bundle(
    clock: MockClock, tmp_path: Path
) -> None:
    """FED-48: by the kept one, not by the first one of the configuration."""
    old, new = Authority(PARTNER), Authority(PARTNER)
    answers = {"/": http(document(of=new))}
    async with endpoint_of(svid_context(old.issue(ENDPOINT_ID)), answers) as served:
        endpoint = spiffe_endpoint(served, old)
        async with watching(endpoint, clock=clock, state=tmp_path) as world:
            await world.until_attempts(1)
        async with watching(endpoint, clock=clock, state=tmp_path) as world:
            await world.until_attempts(1)
            assert world.facts().failures_in_a_row == 1
            assert world.manager.bundles[PARTNER] == new.bundle


@trio_test
async def test_a_damaged_state_stops_the_start_and_is_left_alone(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """F2: going on without it would let an older bundle come back."""
    async with endpoint_of(web.context(), {"/": http(document(5))}) as served:
        async with watching(web.endpoint(served), clock=clock, state=tmp_path) as world:
            await world.until_attempts(1)
        [path] = files(tmp_path)
        path.write_bytes(damaged := path.read_bytes()[:-10])
        manager = FederationManager(
            [web.endpoint(served)], secure=secure_endpoint, state=tmp_path
        )
        with pytest.raises(FederationError) as caught:
            await manager.run()
        assert caught.value.reason is Reason.FEDERATION_STATE
        assert path.read_bytes() == damaged
        assert len(served.requests) == 1
        # With the file repaired, the same manager runs.
        path.unlink()
        async with trio.open_nursery() as nursery:
            await nursery.start(manager.run)
            await manager.wait_ready(10)
            nursery.cancel_scope.cancel()


@trio_test
async def test_a_state_that_cannot_be_written_is_told(
    web: Web, clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """FED-06 fails: the bundle is in use all the same, and somebody hears of it."""
    state = tmp_path / "state"
    async with (
        endpoint_of(web.context(), {"/": http(document(1))}) as served,
        watching(web.endpoint(served), clock=clock, state=state) as world,
    ):
        await world.until_attempts(1)
        for path in state.iterdir():
            path.unlink()
        state.rmdir()
        served.answers["/"] = http(document(2))
        assert await world.manager.refresh(PARTNER)
        assert world.manager.bundles[PARTNER].sequence == 2
        assert world.manager.statistics().unsaved == 1
        assert "could not be saved" in caplog.text


# ---- the end of a relationship ----


@trio_test
async def test_an_ended_relationship_leaves_nothing(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """FED-54: bundle deleted, polls stopped, verifiers without it."""
    async with (
        endpoint_of(web.context(), {"/": http(document(1))}) as served,
        watching(web.endpoint(served), clock=clock, state=tmp_path) as world,
    ):
        await world.until_attempts(1)
        trusting = FederatedSource(source("spiffe://a.example/web"), world.manager)
        before = trusting.snapshot()
        assert PARTNER in before.bundles
        await world.manager.remove(PARTNER)
        after = trusting.snapshot()
        assert PARTNER not in after.bundles
        assert after.generation > before.generation
        assert not files(tmp_path)
        await world.pass_time(100_000)
        assert len(served.requests) == 1
        with pytest.raises(KeyError):
            await world.manager.remove(PARTNER)
        # And it can begin anew.
        world.manager.add(web.endpoint(served))
        await world.until_attempts(1)
        assert PARTNER in world.manager.bundles


@trio_test
async def test_what_was_under_way_when_it_ended_is_thrown_away(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """FED-54: a late answer does not bring the bundle back."""
    async with (
        endpoint_of(web.context(), {"/": b"..."}) as served,
        watching(web.endpoint(served), clock=clock, state=tmp_path) as world,
    ):
        await world.until(lambda: bool(served.requests))
        await world.manager.remove(PARTNER)
        assert not world.manager.bundles
        assert not files(tmp_path)


@trio_test
async def test_what_is_not_configured_any_more_is_forgotten(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """FED-54: also when the relationship ended while nothing ran."""
    async with endpoint_of(web.context(), {"/": http(document(1))}) as served:
        async with watching(web.endpoint(served), clock=clock, state=tmp_path) as world:
            await world.until_attempts(1)
        assert files(tmp_path)
        told: list[tuple[str, int]] = []

        def forget(domain: TrustDomain) -> None:
            told.append((domain.name, len(files(tmp_path))))

        async with watching(clock=clock, state=tmp_path, forget=forget) as world:
            assert not world.manager.bundles
        # Told first, forgotten then: a crash in between tells it again.
        assert told == [(PARTNER, 1)]
        assert not files(tmp_path)
