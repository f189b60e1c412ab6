# SPDX-License-Identifier: Apache-2.0
"""Keys of an authority change in time, and never under anybody's feet."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.authority_state import WEB, World, settings

from handfast import Verifier
from handfast.authority.profile import leaf_builder
from handfast.authority.rotation import Activate, Plan, Prepare, Remove, Slot, next_step
from handfast.authority.signer import sign
from handfast.authority.signer_rows import wish_for
from handfast.authority.state import AuthorityState
from handfast.authority.validity import window
from handfast.ids import SpiffeId
from handfast.keys import PrivateKey

PLAN = Plan(lifetime=1000.0, lead=100.0)


def slot(signer: str, begin: float, **more: object) -> Slot:
    return Slot(id=signer, prepared_at=begin, not_after=begin + 1000.0, **more)  # type: ignore[arg-type]


def test_the_first_one_signs_once_it_is_published() -> None:
    """FED-02: prepared in one step, active in the next."""
    assert next_step([], PLAN, 0.0) == Prepare()
    assert next_step([slot("a", 0.0)], PLAN, 0.0) == Activate("a")


def test_a_successor_is_published_before_half_of_a_life_and_signs_from_then_on() -> (
    None
):
    """FED-01."""
    first = slot("a", 0.0, active_from=0.0)
    assert next_step([first], PLAN, 399.0) is None
    assert next_step([first], PLAN, 400.0) == Prepare()
    both = [first, slot("b", 400.0)]
    assert next_step(both, PLAN, 499.0) is None
    assert next_step(both, PLAN, 500.0) == Activate("b")


def test_a_successor_that_is_late_still_waits_for_its_lead() -> None:
    """FED-02: the authority was off for a while."""
    both = [slot("a", 0.0, active_from=0.0), slot("b", 900.0)]
    assert next_step(both, PLAN, 950.0) is None
    assert next_step(both, PLAN, 1000.0) == Activate("b")


def test_a_retired_one_goes_when_nothing_rests_on_it() -> None:
    """FED-03: and a minute later, as clocks differ."""
    old = slot("a", 0.0, active_from=0.0, retired_at=500.0, last_not_after=620.0)
    both = [old, slot("b", 400.0, active_from=500.0)]
    assert next_step(both, PLAN, 679.0) is None
    assert next_step(both, PLAN, 680.0) == Remove("a")
    assert next_step(both, PLAN, 680.0, kept=frozenset({"a"})) is None


def test_what_is_asked_for_comes_as_soon_as_the_lead_allows() -> None:
    first = slot("a", 0.0, active_from=0.0)
    assert next_step([first], PLAN, 50.0, wanted_at=50.0) == Prepare()
    both = [first, slot("b", 50.0)]
    assert next_step(both, PLAN, 149.0, wanted_at=50.0) is None
    assert next_step(both, PLAN, 150.0, wanted_at=50.0) == Activate("b")
    after = [
        slot("a", 0.0, active_from=0.0, retired_at=150.0, last_not_after=9e9),
        slot("b", 50.0, active_from=150.0),
    ]
    assert next_step(after, PLAN, 151.0, wanted_at=50.0) is None


def test_an_intermediate_of_another_root_waits_for_it() -> None:
    active = slot("a", 0.0, active_from=0.0, issuer="old")
    early = slot("b", 100.0, issuer="new")
    assert next_step([active, early], PLAN, 300.0, issuer="old") is None
    # Its own time has come, but not its root's: another one of the old root is made.
    assert next_step([active, early], PLAN, 600.0, issuer="old") == Prepare()
    now = next_step([active, early], PLAN, 300.0, issuer="new")
    assert now == Activate("b")


def test_what_waits_under_a_root_that_signs_no_more_is_given_up() -> None:
    waits = slot("b", 100.0, issuer="old")
    active = slot("a", 0.0, active_from=0.0, issuer="old")
    step = next_step(
        [active, waits], PLAN, 200.0, issuer="new", given_up=frozenset({"old"})
    )
    assert step == Remove("b")


def test_nothing_is_prepared_while_a_certificate_is_awaited() -> None:
    assert next_step([slot("a", 0.0, awaited=True)], PLAN, 9999.0) is None


def _issue(state: AuthorityState, world: World, ttl: timedelta) -> tuple[bytes, ...]:
    """Sign a leaf as issuing does, and say how long its signers are needed."""
    row = state.signers.active("intermediate")
    issuer, key = state.signers.signer(row), PrivateKey.generate("p256")
    valid = window(world.clock(), ttl, issuer)
    leaf = sign(
        leaf_builder(SpiffeId.parse(WEB), key, valid, issuer=issuer), issuer.key
    )
    with state.database.transaction(durable=False) as run:
        for signer in (row.id, row.slot.issuer):
            run(
                "UPDATE signers SET last_not_after = max(last_not_after, ?)"
                " WHERE id = ?",
                (valid[1].timestamp(), signer),
            )
    return (leaf.public_bytes(Encoding.DER), *issuer.intermediates)


def test_every_svid_is_good_to_the_bundle_until_it_ends(tmp_path: Path) -> None:
    """FED-01, FED-02, FED-03: over three days and many rotations of all three kinds.

    And what is issued now is good to whoever fetched the bundle a whole lead ago.
    """
    world = World(tmp_path / "state")
    step = timedelta(minutes=3)
    with world.open(settings()) as state:
        lead = state.settings.published_early
        live: list[tuple[float, tuple[bytes, ...]]] = []
        bundles = [(world.clock(), state.signers.bundle)]
        roots: set[bytes] = set()
        signed_by: set[str] = set()
        for _ in range(72 * 20):
            state.signers.keep()
            now = world.clock()
            bundle = state.signers.bundle
            bundles.append((now, bundle))
            chain = _issue(state, world, timedelta(minutes=10))
            stale = max(
                (pair for pair in bundles if pair[0] <= now - lead),
                key=lambda pair: pair[0],
                default=bundles[0],
            )
            peer = Verifier(stale[1], at=now, cache=None).verify(chain)
            live.append((peer.not_after.timestamp(), chain))
            live = [one for one in live if one[0] > now.timestamp()]
            bundles = [pair for pair in bundles if pair[0] >= now - 2 * lead]
            verifier = Verifier(bundle, at=now, cache=None)
            for _ends, one in live:
                verifier.verify(one)
            roots.update(bundle.x509_authorities)
            signed_by.add(state.signers.active("intermediate").id)
            world.clock.advance(step.total_seconds())
    assert len(roots) > 10
    assert len(signed_by) > 50


def test_the_sequence_changes_with_the_content_and_only_then(tmp_path: Path) -> None:
    """BUN-03, BUN-04, BUN-05."""
    world = World(tmp_path / "state")
    seen: dict[int, tuple[object, object]] = {}
    last = 0
    with world.open(settings()) as state:
        for _ in range(200):
            state.signers.keep()
            content = (
                state.signers.bundle.x509_authorities,
                state.signers.jwt_bundle.digest,
            )
            assert state.signers.sequence >= last
            last = state.signers.sequence
            assert seen.setdefault(last, content) == content
            world.clock.advance(minutes=3)
    assert len(seen) > 5
    assert len(set(seen.values())) == len(seen)


def test_a_long_pause_ends_in_a_working_authority(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    world.open(settings()).close()
    world.clock.advance(hours=1000)
    with world.open() as state:
        chain = _issue(state, world, timedelta(minutes=10))
        Verifier(state.signers.bundle, at=world.clock(), cache=None).verify(chain)


def test_a_root_that_is_asked_for_takes_the_intermediate_along(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        old = state.signers.active("root").id
        with state.database.transaction() as run:
            wish_for(run, "root", world.clock())
        state.reload()
        for _ in range(20):
            state.signers.keep()
            world.clock.advance(minutes=1)
        assert state.signers.active("root").id != old
        assert state.signers.active("intermediate").slot.issuer != old
        for _ in range(40):
            state.signers.keep()
            world.clock.advance(minutes=1)
        assert [row.id for row in state.signers.rows if row.kind == "root"] == [
            state.signers.active("root").id
        ]


@pytest.mark.parametrize("password", [None, b"long enough"], ids=["clear", "scrypt"])
def test_a_restart_finds_what_was_there(tmp_path: Path, password: bytes | None) -> None:
    world = World(tmp_path / "state")
    with world.open(settings(), password=password) as state:
        bundle = state.signers.bundle
        kid = state.signers.active("jwt").id
    with world.open(password=password) as state:
        assert state.signers.bundle == bundle
        assert state.signers.active("jwt").id == kid
        chain = _issue(state, world, timedelta(minutes=10))
        Verifier(bundle, at=world.clock(), cache=None).verify(chain)
