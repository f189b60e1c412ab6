# SPDX-License-Identifier: Apache-2.0
"""What the authority issues keeps the issuer's rules, to judges who are not us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.support.authority_state import NOON, WEB, World, entry, settings
from tests.support.opinions import cryptography_complaint

from handfast import JwtBundleSet, JwtSvid, Verifier, X509Svid
from handfast.authority.issuing import Issuing
from handfast.authority.jwt_issuing import JwtIssuing
from handfast.authority.state import AuthorityState
from handfast.certificates import extension_of, uri_names

KEY_TYPES = ("p256", "p384", "ed25519", "rsa2048")


@pytest.fixture(params=KEY_TYPES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuthorityState]:
    world = World(tmp_path / "state")
    with world.open(settings(key_type=request.param)) as opened:
        yield opened


def issue(state: AuthorityState, **more: object) -> X509Svid:
    issuing = Issuing(state, now=lambda: NOON)
    return issuing.x509(entry(WEB, **more), {}).svid


def test_our_own_verifier_takes_it(state: AuthorityState) -> None:
    svid = issue(state)
    peer = Verifier(state.signers.bundle, at=NOON, cache=None).verify(svid.chain)
    assert str(peer.spiffe_id) == WEB
    assert peer.not_after == svid.not_after == NOON + timedelta(minutes=10)


def test_cryptography_takes_it_as_a_client(state: AuthorityState) -> None:
    """All but Ed25519, which the web's profile that it keeps to does not know."""
    svid = issue(state)
    anchors = state.signers.bundle.x509_authorities
    complaint = cryptography_complaint(svid.chain, anchors, NOON)
    assert bool(complaint) == (state.settings.key_type == "ed25519"), complaint


def test_a_leaf_and_those_above_it_say_what_they_have_to(state: AuthorityState) -> None:
    """The issuer's rules of the chain that goes out, one after the other.

    Leaf: X509-01, X509-05, X509-06, X509-16, X509-18, X509-19, X509-21, X509-23,
    X509-24, X509-25. Signing: X509-08, X509-09, X509-10, X509-11, X509-15, X509-20.
    """
    svid = issue(state, dns_names=("web.a.example",))
    leaf, middle = (x509.load_der_x509_certificate(der) for der in svid.chain)
    (root_der,) = state.signers.bundle.x509_authorities
    root = x509.load_der_x509_certificate(root_der)
    assert uri_names(leaf) == [WEB]
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert san.critical
    assert leaf.subject == x509.Name([])
    assert san.value.get_values_for_type(x509.DNSName) == ["web.a.example"]
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not usage.value.crl_sign
    constraints = extension_of(leaf, x509.BasicConstraints)
    assert constraints is not None
    assert not constraints.ca
    purposes = extension_of(leaf, x509.ExtendedKeyUsage)
    assert purposes is not None
    assert set(purposes) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    for signing in (middle, root):
        constraints = extension_of(signing, x509.BasicConstraints)
        usage = signing.extensions.get_extension_for_class(x509.KeyUsage)
        assert constraints is not None
        assert constraints.ca
        assert usage.critical
        assert usage.value.key_cert_sign
        assert uri_names(signing) == ["spiffe://a.example"]


@pytest.mark.parametrize("minutes", [1, 119, 200])
def test_nothing_outlives_its_issuer(tmp_path: Path, minutes: int) -> None:
    """An entry may ask for more than the intermediate has left."""
    with World(tmp_path / "state").open(settings()) as state:
        svid = issue(state, x509_ttl=timedelta(minutes=minutes))
        middle = x509.load_der_x509_certificate(svid.chain[1])
        assert svid.not_after <= middle.not_valid_after_utc
        assert svid.not_after == min(
            NOON + timedelta(minutes=minutes), middle.not_valid_after_utc
        )


def test_what_was_cut_short_is_issued_again_when_there_is_a_new_signer(
    tmp_path: Path,
) -> None:
    """And not before, however little is left: it would not last longer."""
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        issuing = Issuing(state, now=world.clock, chance=lambda: 0.0)
        one = entry(WEB, x509_ttl=timedelta(hours=3))
        first = issuing.x509(one, {})
        assert first.svid.not_after == NOON + timedelta(hours=2)
        world.clock.advance(minutes=55)
        state.signers.keep()
        assert issuing.x509(one, {}) is first
        assert issuing.renew_at(one) == first.svid.not_after
        world.clock.advance(minutes=5)
        state.signers.keep()
        second = issuing.x509(one, {})
        assert second.number == 2
        assert second.svid.not_after == NOON + timedelta(hours=2, minutes=55)


def test_serials_are_never_the_same_and_are_written_down(tmp_path: Path) -> None:
    with World(tmp_path / "state").open(settings()) as state:
        serials = {issue(state).leaf.serial_number for _ in range(50)}
        rows = state.database.rows("SELECT serial, spiffe_id FROM issued")
        assert {int(serial, 16) for serial, _ in rows} == serials
        assert len(serials) == 50
        assert min(serials).bit_length() > 64


def test_a_token_is_good_to_the_published_keys_and_to_pyjwt(tmp_path: Path) -> None:
    """JWT-03, JWT-04, JWT-09, JWT-10, JWT-14: and its key is in the bundle."""
    with World(tmp_path / "state").open(settings()) as state:
        tokens = JwtIssuing(state, now=lambda: NOON)
        token = tokens.jwt(entry(WEB, jwt_ttl=timedelta(seconds=90)), ["shop"], {})
        bundles = JwtBundleSet([state.signers.jwt_bundle])
        parsed = JwtSvid.parse(token.token, bundles, "shop", at=NOON)
        assert str(parsed.spiffe_id) == WEB
        assert parsed.expires_at == NOON + timedelta(seconds=90)
        header = jwt.get_unverified_header(token.token)
        assert set(header) == {"alg", "kid", "typ"}
        key = state.signers.jwt_bundle.keys[header["kid"]]
        claims = jwt.decode(
            token.token,
            key,
            algorithms=["ES256"],
            audience="shop",
            options={"verify_exp": False, "verify_iat": False},
        )
        assert claims["sub"] == WEB
        assert tokens.jwt(entry(WEB), ["shop"], {}).token != token.token


def test_a_token_is_signed_once_for_an_audience_until_half_of_its_life(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "state")
    with world.open(settings()) as state:
        tokens = JwtIssuing(state, now=world.clock)
        one = tokens.jwt(entry(), ["a"], {}).token
        assert tokens.jwt(entry(), ["a"], {}).token == one
        assert tokens.jwt(entry(), ["b"], {}).token != one
        assert tokens.jwt(entry(), ["a", "b"], {}).token != one
        world.clock.advance(59)
        assert tokens.jwt(entry(), ["a"], {}).token == one
        world.clock.advance(1)
        assert tokens.jwt(entry(), ["a"], {}).token != one
