# SPDX-License-Identifier: Apache-2.0
"""A bundle that an operator puts in by hand reaches the authority and its manager."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.authority_state import World as State
from tests.support.authority_state import settings
from tests.support.bundle_server import PARTNER, Served, Web, endpoint_of, http
from tests.support.federation_watching import World, document, watching
from tests.support.net_world import authority, trio_test
from trio.testing import MockClock

from handfast import BundleDocument, TrustDomain
from handfast.authority import Authority
from handfast.authority.audit import read_audit
from handfast.authority.federated import FederatedBundles
from handfast.authority.service import AuthorityService
from handfast.authority.state import AuthorityState
from handfast.errors import InvalidBundle
from handfast.federation import follow, take_overrides
from handfast.testing import der
from handfast.testing.forge import forge_root

DOMAIN = TrustDomain(PARTNER)


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


@dataclass
class Federating:
    """An authority that fetches a partner's bundle, number 9 at first."""

    world: World
    served: Served
    service: AuthorityService
    folder: Path

    @property
    def sequence(self) -> int | None:
        (found,) = self.service.federated.documents([DOMAIN])
        return found.sequence

    async def until(self, sequence: int | None) -> None:
        await self.world.until(
            lambda: (
                DOMAIN in self.service.federated.trust_domains
                and self.sequence == sequence
            )
        )

    def by_command(self, data: bytes, *, override: bool) -> None:
        """Do what `handfast authority bundle set` does, in another process."""
        with AuthorityState.look(self.folder) as other:
            kept = FederatedBundles(other.database, other.settings.trust_domain)
            kept.put(DOMAIN, data, override=override)
        self.service.look()


@asynccontextmanager
async def federating(
    web: Web, clock: MockClock, folder: Path
) -> AsyncGenerator[Federating, None]:
    async with (
        endpoint_of(web.context(), {"/": http(document(9))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        with State(folder).open(settings()) as state:
            service = AuthorityService(state)
            manager, kept = world.manager, service.federated
            wait = partial(service.issuer.wait_bell, 60)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(follow, manager, kept, service.ring)
                nursery.start_soon(take_overrides, manager, kept, wait)
                found = Federating(world, served, service, folder)
                await found.until(9)
                yield found
                nursery.cancel_scope.cancel()


@trio_test
async def test_an_override_without_a_number_reaches_the_authority(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """FED-08: and the next fetch takes its place, whatever its number is."""
    async with federating(web, clock, tmp_path / "state") as it:
        mine = BundleDocument.of(Authority(PARTNER).bundle)
        await it.world.manager.override(mine)
        await it.until(None)
        assert it.service.federated.x509([DOMAIN]) == [mine.x509]
        assert it.service.federated.overrides == [mine]
        it.served.answers["/"] = http(document(1))
        await it.world.manager.refresh(PARTNER)
        await it.until(1)
        assert it.service.federated.overrides == []
        set_rows = read_audit(it.service._state.database, event="federated_bundle_set")
        assert [row.details["override"] for row in set_rows] == [False, True, False]


@trio_test
async def test_an_override_by_a_command_reaches_the_manager(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """FED-08: else what the publisher numbers anew would be a step back for ever."""
    async with federating(web, clock, tmp_path / "state") as it:
        mine = BundleDocument.of(Authority(PARTNER).bundle)
        with pytest.raises(InvalidBundle):
            it.by_command(mine.to_json(), override=False)
        it.by_command(mine.to_json(), override=True)
        await it.world.until(lambda: it.world.manager.bundles[PARTNER] == mine.x509)
        it.served.answers["/"] = http(document(1))
        await it.world.manager.refresh(PARTNER)
        await it.until(1)


@trio_test
async def test_what_was_put_in_by_hand_before_is_not_forced_on_anybody_again(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """F2: since then somebody may have brought a newer one."""
    async with (
        endpoint_of(web.context(), {"/": b""}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        await world.manager.override(BundleDocument.of(Authority(PARTNER).bundle))
        newer = replace(authority(PARTNER).bundle, sequence=7).to_json()
        with State(tmp_path / "state").open(settings()) as state:
            service = AuthorityService(state)
            service.federated.put(DOMAIN, newer)
            async with trio.open_nursery() as nursery:
                handed = trio.Event()
                nursery.start_soon(follow, world.manager, service.federated, handed.set)
                await handed.wait()
                nursery.cancel_scope.cancel()
            (found,) = service.federated.documents([DOMAIN])
            assert found.sequence == 7


class Before:
    """An authority with what it was given when nobody asked the engine."""

    def __init__(self, document: BundleDocument) -> None:
        self.overrides = [document]

    def put(
        self, trust_domain: TrustDomain, document: bytes, *, override: bool = False
    ) -> None:
        del trust_domain, document, override
        raise AssertionError("nothing is handed on")


@trio_test
async def test_a_bundle_that_the_engine_refuses_is_taken_by_nobody(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """F2: one that could not be used would be in the way of all others."""
    other = der.sequence(der.oid("1.2.840.10045.4.3.3"))
    bad = BundleDocument.of(forge_root(PARTNER, inner_algorithm=other).bundle)
    async with federating(web, clock, tmp_path / "state") as it:
        with pytest.raises(InvalidBundle):
            it.by_command(bad.to_json(), override=True)
        good, asked = it.world.manager.bundles, trio.Event()

        async def changed() -> None:
            asked.set()
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_overrides, it.world.manager, Before(bad), changed)
            await asked.wait()
            nursery.cancel_scope.cancel()
        assert it.world.manager.bundles == good
