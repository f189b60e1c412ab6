# SPDX-License-Identifier: Apache-2.0
"""Which bundle of a federation is in use: the newest, by its own endpoint's word."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.bundle_server import (
    ENDPOINT_ID,
    LOOPBACK,
    PARTNER,
    Web,
    endpoint_of,
    http,
    spiffe_endpoint,
    svid_context,
)
from tests.support.federation_watching import (
    document,
    move,
    watching,
)
from tests.support.net_world import authority, trio_test
from trio.testing import MockClock

from handfast import (
    BundleDocument,
    HandfastError,
    InvalidBundle,
    JwtSvid,
    Reason,
    TrustBundle,
)
from handfast.authority import Authority
from handfast.federation import (
    BundleEndpoint,
)
from handfast.jwt_signer import JwtSigner


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


@trio_test
async def test_an_older_sequence_never_comes_back(web: Web, clock: MockClock) -> None:
    """F2, FED-07: refused, counted, and the newer one stays; equal ones are taken."""
    async with (
        endpoint_of(web.context(), {"/": http(document(2**53 + 1))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        for bad in (document(2**53), document(0), document(None)):
            served.answers["/"] = http(bad)
            with pytest.raises(InvalidBundle) as caught:
                await world.manager.refresh(PARTNER)
            assert caught.value.reason is Reason.BUNDLE_ROLLBACK
            assert world.manager.bundles[PARTNER].sequence == 2**53 + 1
        assert world.facts().rollbacks == 3
        served.answers["/"] = http(document(2**53 + 1, of=Authority(PARTNER)))
        assert await world.manager.refresh(PARTNER)


@trio_test
async def test_without_numbers_the_last_one_counts(web: Web, clock: MockClock) -> None:
    """FED-07: the most recent fetch wins."""
    first, second = Authority(PARTNER), Authority(PARTNER)
    async with (
        endpoint_of(web.context(), {"/": http(document(of=first))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        served.answers["/"] = http(document(of=second))
        generation = world.manager.current.generation
        assert await world.manager.refresh(PARTNER)
        assert world.manager.bundles[PARTNER] == second.bundle
        assert world.manager.current.generation == generation + 1
        # The same again is no change.
        assert not await world.manager.refresh(PARTNER)
        assert world.manager.current.generation == generation + 1
        served.answers["/"] = http(document(of=first))
        assert await world.manager.refresh(PARTNER)


@trio_test
async def test_an_empty_bundle_revokes_everything(web: Web, clock: MockClock) -> None:
    """F2: empty keys are taken; the trust domain is known, and nobody of it trusted."""
    async with (
        endpoint_of(web.context(), {"/": http(document(1))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        served.answers["/"] = http(b'{"keys": [], "spiffe_sequence": 2}')
        await world.manager.refresh(PARTNER)
        assert world.manager.bundles[PARTNER].is_empty


@trio_test
async def test_a_bundle_by_hand_lasts_until_the_next_fetch(
    web: Web, clock: MockClock
) -> None:
    """FED-08: and it is the way out when a publisher has lost its numbers."""
    async with (
        endpoint_of(web.context(), {"/": http(document(9))}) as served,
        watching(web.endpoint(served), clock=clock) as world,
    ):
        await world.until_attempts(1)
        mine = TrustBundle(world.facts().trust_domain)
        await world.manager.override(mine)
        assert world.manager.bundles[PARTNER] == mine
        served.answers["/"] = http(document(1))
        assert await world.manager.refresh(PARTNER)
        assert world.manager.bundles[PARTNER].sequence == 1
        with pytest.raises(KeyError):
            await world.manager.override(authority("a.example").bundle)


@trio_test
async def test_an_endpoint_follows_its_own_rotation(clock: MockClock) -> None:
    """FED-48: the newest bundle verifies it: new authority in, old one out."""
    old, new = Authority(PARTNER), Authority(PARTNER)
    both = TrustBundle.from_der(
        PARTNER, [*old.bundle.x509_authorities, *new.bundle.x509_authorities]
    )
    first = svid_context(old.issue(ENDPOINT_ID))
    async with endpoint_of(first, {"/": http(both.to_json())}) as served:
        endpoint = spiffe_endpoint(served, old)
        async with watching(endpoint, clock=clock) as world:
            await world.until_attempts(1)
            manager = world.manager
            answers = {"/": http(new.bundle.to_json())}
            async with endpoint_of(
                svid_context(new.issue(ENDPOINT_ID)), answers
            ) as after:
                move(manager, after)
                assert await manager.refresh(PARTNER)
            # The old authority is gone: its endpoint is nobody now.
            move(manager, served)
            with pytest.raises(HandfastError):
                await manager.refresh(PARTNER)
            assert manager.bundles[PARTNER] == new.bundle


@trio_test
async def test_an_endpoint_waits_for_the_bundle_of_its_trust_domain(
    web: Web, clock: MockClock
) -> None:
    """FED-42, FED-49: which comes from another endpoint, by any profile."""
    host = authority("host.example")
    context = svid_context(host.issue("spiffe://host.example/bundles"))
    async with (
        endpoint_of(context, {"/": http(document())}) as served,
        endpoint_of(web.context(), {}) as hosts,
    ):
        endpoint = BundleEndpoint.https_spiffe(
            PARTNER,
            served.url(),
            endpoint_id="spiffe://host.example/bundles",
            allow_networks=LOOPBACK,
        )
        other = BundleEndpoint.https_web(
            "host.example",
            hosts.url(),
            roots=[web.root.der],
            allow_networks=LOOPBACK,
        )
        async with watching(endpoint, other, clock=clock) as world:
            await world.until_attempts(1, "host.example")
            assert world.attempts() == 0
            assert world.facts().last_failure == "no bundle of host.example yet"
            hosts.answers["/"] = http(host.bundle.to_json())
            await world.manager.refresh("host.example")
            await world.until_attempts(1)
            assert world.manager.bundles[PARTNER] == authority(PARTNER).bundle


@trio_test
async def test_tokens_are_verified_by_what_was_fetched(
    web: Web, clock: MockClock, tmp_path: Path
) -> None:
    """FED-09, FED-60: JWT keys go the same way, and stay with their trust domain."""
    signer, stranger = JwtSigner.generate(PARTNER), JwtSigner.generate(PARTNER)
    whole = BundleDocument.of(authority(PARTNER).bundle, signer.bundle, sequence=1)
    answers = {"/": http(whole.to_json())}
    async with endpoint_of(web.context(), answers) as served:
        for _ in range(2):  # fetched, and out of the state
            async with watching(
                web.endpoint(served), clock=clock, state=tmp_path
            ) as world:
                await world.manager.wait_ready(10)
                current = world.manager.current
                assert current.documents[whole.trust_domain] == whole
                token = signer.sign(f"spiffe://{PARTNER}/web", "shop").token
                JwtSvid.parse(token, current.jwt_bundles, "shop")
                token = stranger.sign(f"spiffe://{PARTNER}/web", "shop").token
                with pytest.raises(HandfastError):
                    JwtSvid.parse(token, current.jwt_bundles, "shop")
                await world.until_attempts(1)
                assert world.facts().jwt_authorities == 1
            served.answers.clear()
