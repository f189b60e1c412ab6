# SPDX-License-Identifier: Apache-2.0
"""Forged certificates are broken in the way that was asked for, and in no other.

A fake that is wrong in two ways proves nothing about either, so each is read here by
`cryptography`, which had no part in writing it.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from handfast import TrustDomain, X509Svid
from handfast.authority import Authority
from handfast.certificates import extension_of, uri_names
from handfast.testing import (
    ACCEPTED,
    REFUSED,
    Extension,
    FakeClock,
    ForgedKey,
    Leaf,
    NameConstraints,
    cross_sign,
    der,
    forge,
    forge_intermediate,
    forge_root,
)
from handfast.testing.sign import new_key

WEB = "spiffe://a.example/web"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def leaf_of(authority: Authority, **knobs: Any) -> x509.Certificate:
    return forge(authority, WEB, now=NOW, **knobs).leaf


def load(raw: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(raw)


@pytest.mark.parametrize("leaf", ACCEPTED, ids=str)
def test_good_leaves_are_good(authority: Authority, leaf: Leaf) -> None:
    """X509-04, X509-22, X509-24: read, linked, signed, and taken as our own."""
    svid = leaf.forge(authority, WEB)
    svid.leaf.verify_directly_issued_by(authority.root.certificate)
    own = X509Svid(chain=svid.chain, key=svid.key)
    assert str(own.spiffe_id) == WEB
    assert abs((own.not_before - svid.not_before).total_seconds()) < 1


def test_the_plain_forgery_is_what_the_authority_issues(authority: Authority) -> None:
    forged, issued = leaf_of(authority), authority.issue(WEB).leaf
    for kind in (
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectAlternativeName,
        x509.AuthorityKeyIdentifier,
    ):
        ours = forged.extensions.get_extension_for_class(kind)
        theirs = issued.extensions.get_extension_for_class(kind)
        assert (ours.critical, ours.value) == (theirs.critical, theirs.value), kind
    assert forged.subject == issued.subject
    assert forged.issuer == issued.issuer


@pytest.mark.parametrize(
    "leaf", [leaf for leaf in REFUSED if "signature" in leaf.knobs], ids=str
)
def test_wrong_signatures_are_wrong(authority: Authority, leaf: Leaf) -> None:
    certificate = leaf.forge(authority, WEB).leaf
    with pytest.raises(InvalidSignature):
        certificate.verify_directly_issued_by(authority.root.certificate)


UNREADABLE = {"trailing-bytes"}
WARNED = {"serial-zero", "serial-negative"}
UNVERIFIABLE = {"flipped-bit", "other-key", "algorithm-differs-inside", "sha1"}


@pytest.mark.parametrize(
    "leaf",
    [leaf for leaf in REFUSED if leaf.name not in UNREADABLE | WARNED | UNVERIFIABLE],
    ids=str,
)
def test_broken_leaves_are_rightly_signed(authority: Authority, leaf: Leaf) -> None:
    """So the rule in question is the only reason to refuse them."""
    certificate = leaf.forge(authority, WEB).leaf
    certificate.verify_directly_issued_by(authority.root.certificate)


def test_names_and_reasons_of_the_catalogue_are_unique_and_there() -> None:
    names = [leaf.name for leaf in (*REFUSED, *ACCEPTED)]
    assert len(set(names)) == len(names)
    assert all(leaf.rules and leaf.reason for leaf in REFUSED)
    assert all(leaf.rules and leaf.reason is None for leaf in ACCEPTED)


def test_sans_of_every_type(authority: Authority) -> None:
    certificate = leaf_of(
        authority,
        uris=(WEB, b"http://\xff"[:7]),
        dns_names=("a.example",),
        emails=("x@a.example",),
        ip_addresses=("192.0.2.7", "::1"),
        san_critical=False,
    )
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert not san.critical
    assert uri_names(certificate) == [WEB, "http://"]
    assert san.value.get_values_for_type(x509.DNSName) == ["a.example"]
    assert san.value.get_values_for_type(x509.RFC822Name) == ["x@a.example"]
    addresses = san.value.get_values_for_type(x509.IPAddress)
    assert [str(address) for address in addresses] == ["192.0.2.7", "::1"]


def test_raw_uri_bytes_are_written_as_they_are(authority: Authority) -> None:
    """I3: a NUL, a newline and what is not ASCII reach the verifier."""
    raw = b"spiffe://a.example/x\x00\n\xff"
    assert raw in forge(authority, WEB, uris=(raw,)).chain[0]


def test_key_usage_bits_are_the_ones_named(authority: Authority) -> None:
    names = ("digital_signature", "key_agreement", "crl_sign", "decipher_only")
    usage = extension_of(leaf_of(authority, key_usage=names), x509.KeyUsage)
    assert usage is not None
    assert usage.digital_signature
    assert usage.crl_sign
    assert usage.decipher_only
    assert not usage.key_cert_sign
    empty = leaf_of(authority, key_usage=()).extensions
    assert not empty.get_extension_for_class(x509.KeyUsage).value.digital_signature


def test_purposes_and_constraints(authority: Authority) -> None:
    constraints = NameConstraints(
        permitted_uris=("a.example",), excluded_dns=("b.example",), critical=False
    )
    certificate = leaf_of(
        authority,
        extended_key_usage=("any", "1.2.3.4"),
        name_constraints=constraints,
        ca=True,
        path_length=3,
    )
    purposes = extension_of(certificate, x509.ExtendedKeyUsage)
    assert purposes is not None
    assert [oid.dotted_string for oid in purposes] == ["2.5.29.37.0", "1.2.3.4"]
    names = extension_of(certificate, x509.NameConstraints)
    assert names is not None
    assert names.permitted_subtrees == [x509.UniformResourceIdentifier("a.example")]
    assert names.excluded_subtrees == [x509.DNSName("b.example")]
    basic = extension_of(certificate, x509.BasicConstraints)
    assert basic == x509.BasicConstraints(ca=True, path_length=3)


def test_times_count_from_now_or_are_given(authority: Authority) -> None:
    certificate = leaf_of(authority, not_before=timedelta(days=-1), not_after=NOW)
    assert certificate.not_valid_before_utc == NOW - timedelta(days=1)
    assert certificate.not_valid_after_utc == NOW
    svid = forge(authority, WEB, now=NOW)
    assert svid.not_after == NOW + timedelta(hours=1)
    far = leaf_of(authority, not_after=datetime(2050, 1, 1, tzinfo=UTC))
    assert far.not_valid_after_utc.year == 2050


def test_versions_serials_and_identifiers(authority: Authority) -> None:
    certificate = leaf_of(
        authority,
        serial=5,
        subject="web",
        subject_key_identifier=b"own",
        authority_key_identifier=b"above",
    )
    assert certificate.serial_number == 5
    assert certificate.subject.rfc4514_string() == "CN=web"
    ski = extension_of(certificate, x509.SubjectKeyIdentifier)
    aki = extension_of(certificate, x509.AuthorityKeyIdentifier)
    assert ski is not None
    assert aki is not None
    assert (ski.digest, aki.key_identifier) == (b"own", b"above")
    bare = leaf_of(
        authority, subject_key_identifier=False, authority_key_identifier=False
    )
    assert extension_of(bare, x509.SubjectKeyIdentifier) is None
    assert extension_of(bare, x509.AuthorityKeyIdentifier) is None
    assert leaf_of(authority, version=1).version is x509.Version.v1


def test_further_extensions_and_doubles(authority: Authority) -> None:
    extra = Extension("1.2.3.4", b"\x05\x00", critical=True)
    found = leaf_of(authority, extensions=(extra,)).extensions
    unknown = found.get_extension_for_oid(x509.ObjectIdentifier("1.2.3.4"))
    assert unknown.critical
    with pytest.raises(x509.DuplicateExtension):
        _ = leaf_of(authority, twice=("key_usage",)).extensions


@pytest.mark.parametrize("digest", ["sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("kind", ["p256", "rsa2048", "pss"])
def test_signature_algorithms(kind: str, digest: str) -> None:
    key_type = "rsa2048" if kind == "pss" else kind
    root = forge_root("a.example", key_type=key_type)
    pss = kind == "pss"
    certificate = forge(root, WEB, digest=digest, pss=pss).leaf
    certificate.verify_directly_issued_by(load(root.der))
    chosen = certificate.signature_hash_algorithm
    assert isinstance(chosen, hashes.HashAlgorithm)
    assert chosen.name == digest


def test_an_intermediate_goes_along_with_what_it_signs(authority: Authority) -> None:
    middle = forge_intermediate(authority, uris=("spiffe://b.example/x",))
    inner = forge_intermediate(middle, path_length=None, subject="inner")
    svid = forge(inner, WEB, extra_chain=[authority.root.der])
    assert svid.chain[1:] == (inner.der, middle.der, authority.root.der)
    certificates = [load(raw) for raw in svid.chain]
    for child, parent in itertools.pairwise(certificates):
        child.verify_directly_issued_by(parent)
    assert uri_names(certificates[2]) == ["spiffe://b.example/x"]
    assert uri_names(certificates[1]) == ["spiffe://a.example"]
    assert middle.trust_domain == TrustDomain("a.example")


def test_an_intermediate_under_an_authoritys_intermediate() -> None:
    authority = Authority("a.example", intermediate=True)
    middle = forge_intermediate(authority)
    assert middle.intermediates == (middle.der, authority.signer.der)


def test_roots_can_share_a_subject_or_a_key() -> None:
    one = forge_root("a.example")
    same_name = forge_root("a.example", uris=())
    same_key = forge_root("b.example", key=one.key, subject="b root")
    assert load(one.der).subject == load(same_name.der).subject
    assert load(one.der).public_key() != load(same_name.der).public_key()
    assert load(one.der).public_key() == load(same_key.der).public_key()
    load(same_key.der).verify_directly_issued_by(load(same_key.der))


def test_a_cross_signed_root_verifies_what_the_root_signed(
    other_authority: Authority,
) -> None:
    root = forge_root("a.example")
    crossed = cross_sign(root, other_authority)
    svid = forge(root, WEB)
    svid.leaf.verify_directly_issued_by(load(crossed.der))
    load(crossed.der).verify_directly_issued_by(other_authority.root.certificate)
    assert uri_names(load(crossed.der)) == ["spiffe://a.example"]
    assert cross_sign(root, other_authority, path_length=1).key is root.key


def test_unknown_knobs_are_refused(authority: Authority) -> None:
    with pytest.raises(TypeError, match="typo"):
        forge(authority, WEB, typo=1)


def test_a_given_key_is_used() -> None:
    key = ForgedKey(new_key("ed25519"))
    assert forge_root("a.example", key=key).key is key
    assert key.kind == "ed25519"


def test_the_issuers_name_can_be_another(authority: Authority) -> None:
    assert leaf_of(authority, issuer="x").issuer.rfc4514_string() == "CN=x"
    name = der.common_name("y")
    assert leaf_of(authority, issuer=name).issuer.rfc4514_string() == "CN=y"


def test_validity_can_be_written_by_hand(authority: Authority) -> None:
    early = der.tlv(0x18, b"20200101000000Z")
    raw = der.sequence(early, early)
    assert raw in forge(authority, WEB, validity=raw).chain[0]


def test_forgeries_say_that_they_are(authority: Authority) -> None:
    assert repr(forge(authority, WEB)) == f"<ForgedSvid {WEB}>"
    assert repr(forge_root("a.example")) == "<ForgedAuthority for a.example>"


@pytest.mark.parametrize(
    ("value", "content"),
    [(0, "00"), (127, "7f"), (128, "0080"), (-1, "ff"), (-128, "80"), (-129, "ff7f")],
)
def test_integers_have_the_least_bytes(value: int, content: str) -> None:
    assert der.integer(value)[2:].hex() == content


def test_lengths_and_oids_are_der() -> None:
    assert der.octet_string(bytes(300))[:4].hex() == "0482012c"
    assert der.oid("1.2.840.10045.4.3.2").hex() == "06082a8648ce3d040302"
    assert der.time(datetime(2050, 1, 2, tzinfo=UTC)) == b"\x18\x0f20500102000000Z"


def test_the_fake_clock_moves_when_told() -> None:
    clock = FakeClock(NOW)
    clock.advance(1, minutes=1, hours=-1)
    assert clock() == NOW - timedelta(minutes=58, seconds=59)
    clock.set(NOW)
    assert clock() == NOW
    assert repr(clock) == "<FakeClock 2026-11-22T12:00:00Z>"
    with pytest.raises(ValueError, match="without a zone"):
        clock.set(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
