# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: what stands on them, who signed them, how long they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from tests.support.authority_state import World, entry, settings

from handfast import ChainVerifier, ConfigError, Reason, VerificationError
from handfast.authority.issuing import Issuing
from handfast.authority.revocation import Crls, revoke
from handfast.authority.state import AuthorityState
from handfast.svid import X509Svid


def issue(state: AuthorityState, world: World, name: str = "web") -> X509Svid:
    issuing = Issuing(state, now=world.clock)
    return issuing.x509(entry(f"spiffe://a.example/{name}"), {}).svid


def serial(svid: X509Svid) -> str:
    return f"{svid.leaf.serial_number:x}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state")


def test_there_is_no_list_until_something_is_revoked(world: World) -> None:
    with world.open(settings()) as state:
        issue(state, world)
        crls = Crls(state, now=world.clock)
        assert not crls.keep()
        assert crls.ders == ()


def test_a_revoked_svid_is_refused_by_who_asks_the_list_and_others_are_not(
    world: World,
) -> None:
    with world.open(settings()) as state:
        bad, good = issue(state, world), issue(state, world, "good")
        revoke(state.database, serial(bad), "keyCompromise", now=world.clock())
        crls = Crls(state, now=world.clock)
        assert crls.keep()
        verifier = ChainVerifier(
            list(state.signers.bundle.x509_authorities),
            purpose="client",
            expected_name=None,
            crls=list(crls.ders),
            crl_policy="if_available",
            at=world.clock(),
        )
        verifier.verify(good.chain)
        with pytest.raises(VerificationError) as refused:
            verifier.verify(bad.chain)
        assert refused.value.reason is Reason.CERTIFICATE_REVOKED
        assert "keyCompromise" in refused.value.seen


def test_numbers_only_grow_over_renewals_and_restarts(world: World) -> None:
    def number(der: bytes) -> int:
        crl = x509.load_der_x509_crl(der)
        extension = crl.extensions.get_extension_for_class(x509.CRLNumber)
        return extension.value.crl_number

    seen: list[int] = []
    with world.open(settings()) as state:
        revoke(state.database, serial(issue(state, world)), now=world.clock())
        crls = Crls(state, now=world.clock)
        crls.keep()
        seen.append(number(crls.ders[0]))
        assert not crls.keep()
        revoke(state.database, serial(issue(state, world, "b")), now=world.clock())
        assert crls.keep()
        seen.append(number(crls.ders[0]))
    with world.open() as state:
        crls = Crls(state, now=world.clock)
        crls.keep()
        seen.append(number(crls.ders[0]))
        assert len(list(x509.load_der_x509_crl(crls.ders[0]))) == 2
    assert seen == sorted(set(seen))


def test_a_list_is_renewed_before_its_end_and_goes_with_its_intermediate(
    world: World,
) -> None:
    with world.open(settings()) as state:
        revoke(state.database, serial(issue(state, world)), now=world.clock())
        crls = Crls(state, now=world.clock)
        for _ in range(60):
            state.signers.keep()
            crls.keep()
            for der in crls.ders:
                crl = x509.load_der_x509_crl(der)
                assert crl.next_update_utc is not None
                assert crl.last_update_utc <= world.clock() < crl.next_update_utc
            world.clock.advance(minutes=5)
        # Nothing rests on the first intermediate any more, so nobody needs its list.
        assert crls.ders == ()


def test_what_cannot_be_revoked_is_refused(world: World) -> None:
    with world.open(settings()) as state:
        svid = issue(state, world)
        now = world.clock()
        with pytest.raises(ConfigError, match="was issued"):
            revoke(state.database, "1234", now=now)
        with pytest.raises(ConfigError, match="a reason"):
            revoke(state.database, serial(svid), "boredom", now=now)  # type: ignore[arg-type]
        revoke(state.database, serial(svid).upper(), now=now)
        with pytest.raises(ConfigError, match="not revoked"):
            revoke(state.database, serial(svid), now=now)
        old = issue(state, world, "old")
        world.clock.advance(hours=1)
        with pytest.raises(ConfigError, match="over"):
            revoke(state.database, serial(old), now=world.clock())
