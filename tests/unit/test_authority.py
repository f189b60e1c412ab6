# SPDX-License-Identifier: Apache-2.0
"""The embedded authority keeps the issuer's rules (checklist, sections 1 and 2)."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast import ConfigError, InvalidId, Reason, SpiffeId, X509Svid
from handfast.authority import Authority
from handfast.certificates import extension_of, uri_names
from handfast.keys import KeyType
from handfast.testing import FakeClock

WEB = "spiffe://a.example/web"


def fields_of(certificate: x509.Certificate) -> dict[str, tuple[bool, object]]:
    """Criticality and value of each extension, by name."""
    return {
        extension.oid._name: (extension.critical, extension.value)
        for extension in certificate.extensions
    }


def signers(authority: Authority) -> list[x509.Certificate]:
    found = [authority.root.certificate, authority.signer.certificate]
    return found if found[0] != found[1] else found[:1]


@pytest.fixture(scope="module", params=["root", "intermediate"])
def issuer(request: pytest.FixtureRequest) -> Authority:
    return Authority("a.example", intermediate=request.param == "intermediate")


@pytest.fixture(scope="module")
def svid(issuer: Authority) -> X509Svid:
    return issuer.issue(WEB)


def test_a_leaf_has_exactly_one_spiffe_id(svid: X509Svid) -> None:
    """X509-01, ID-26: in a SAN, so inside the signed part, with the public key."""
    assert uri_names(svid.leaf) == [WEB]
    assert WEB.encode() in svid.leaf.tbs_certificate_bytes
    assert svid.key.public_der in svid.leaf.tbs_certificate_bytes


def test_the_san_is_critical_because_the_subject_is_empty(svid: X509Svid) -> None:
    """X509-06."""
    assert svid.leaf.subject == x509.Name([])
    critical, _ = fields_of(svid.leaf)["subjectAltName"]
    assert critical


def test_a_leaf_cannot_sign_certificates(svid: X509Svid) -> None:
    """X509-16, X509-18, X509-19, X509-21, X509-23."""
    fields = fields_of(svid.leaf)
    assert fields["basicConstraints"] == (True, x509.BasicConstraints(False, None))
    critical, usage = fields["keyUsage"]
    assert critical
    assert isinstance(usage, x509.KeyUsage)
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert not usage.crl_sign
    assert not usage.key_encipherment


def test_a_leaf_is_for_both_ends_of_a_connection(svid: X509Svid) -> None:
    """X509-24, X509-25."""
    _, purposes = fields_of(svid.leaf)["extendedKeyUsage"]
    assert purposes == x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    )


def test_signing_certificates_are_cas_and_say_so(issuer: Authority) -> None:
    """X509-08, X509-15, X509-18, X509-19, X509-20, X509-14: with a path length."""
    certificates = signers(issuer)
    for depth, certificate in enumerate(reversed(certificates)):
        fields = fields_of(certificate)
        assert fields["basicConstraints"] == (True, x509.BasicConstraints(True, depth))
        critical, usage = fields["keyUsage"]
        assert critical
        assert isinstance(usage, x509.KeyUsage)
        assert usage.key_cert_sign
        assert usage.crl_sign
        assert not usage.digital_signature


def test_signing_certificates_carry_the_trust_domains_id(issuer: Authority) -> None:
    """ID-23, ID-24, ID-25, X509-09, X509-10, X509-11: an SVID, and without a path."""
    for certificate in signers(issuer):
        assert uri_names(certificate) == ["spiffe://a.example"]


def test_every_certificate_is_linked_to_its_issuer(issuer: Authority) -> None:
    """X509-27: names, key identifiers and signatures, as `cryptography` reads them."""
    svid = issuer.issue(WEB)
    chain = [x509.load_der_x509_certificate(der) for der in svid.chain]
    chain.append(issuer.root.certificate)
    for child, parent in itertools.pairwise(chain):
        child.verify_directly_issued_by(parent)
        aki = extension_of(child, x509.AuthorityKeyIdentifier)
        ski = extension_of(parent, x509.SubjectKeyIdentifier)
        assert aki is not None
        assert ski is not None
        assert aki.key_identifier == ski.digest


def test_the_root_is_never_in_the_chain(issuer: Authority) -> None:
    svid = issuer.issue(WEB)
    assert issuer.root.der not in svid.chain
    assert len(svid.chain) == len(signers(issuer))
    assert issuer.bundle.x509_authorities == (issuer.root.der,)
    assert issuer.bundle.trust_domain == issuer.trust_domain


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "ed25519"])
def test_every_kind_of_key_issues_and_is_issued(kind: KeyType) -> None:
    authority = Authority("a.example", key_type=kind)
    svid = authority.issue(WEB)
    assert svid.key.kind == authority.root.key.kind == kind
    svid.leaf.verify_directly_issued_by(authority.root.certificate)
    assert authority.issue(WEB, key_type="p256").key.kind == "p256"


def test_times_are_an_hour_and_a_minute() -> None:
    clock = FakeClock(datetime(2026, 11, 22, 12, 0, 0, 999, tzinfo=UTC))
    svid = Authority("a.example", now=clock).issue(WEB)
    assert svid.not_before == datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
    assert svid.not_after == datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def test_the_time_to_live_can_be_chosen() -> None:
    clock = FakeClock()
    authority = Authority("a.example", svid_ttl=timedelta(minutes=5), now=clock)
    for ttl, expected in ((None, 300), (timedelta(seconds=2), 2)):
        left = authority.issue(WEB, ttl=ttl).expires_in(clock())
        assert expected - 1 < left.total_seconds() <= expected


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-5)])
def test_a_time_to_live_is_positive(authority: Authority, ttl: timedelta) -> None:
    if ttl:
        with pytest.raises(ConfigError, match="a second or longer"):
            authority.issue(WEB, ttl=ttl)
    with pytest.raises(ConfigError, match="a second or longer"):
        Authority("a.example", svid_ttl=ttl)


@pytest.mark.parametrize("intermediate", [False, True])
def test_nothing_outlives_its_issuer(intermediate: bool) -> None:
    clock = FakeClock()
    authority = Authority("a.example", intermediate=intermediate, now=clock)
    svid = authority.issue(WEB, ttl=timedelta(days=100_000))
    assert svid.not_after == authority.signer.not_after
    assert authority.signer.not_after <= authority.root.not_after
    clock.set(authority.root.not_after - timedelta(minutes=10))
    late = authority.issue(WEB)
    assert late.not_after == authority.root.not_after


@pytest.mark.parametrize("intermediate", [False, True])
def test_an_authority_whose_time_is_over_issues_nothing(intermediate: bool) -> None:
    clock = FakeClock()
    authority = Authority("a.example", intermediate=intermediate, now=clock)
    clock.set(authority.root.not_after + timedelta(hours=1))
    with pytest.raises(ConfigError) as caught:
        authority.issue(WEB)
    assert caught.value.reason is Reason.CERTIFICATE_EXPIRED


def test_an_intermediate_is_renewed_at_half_its_life() -> None:
    clock = FakeClock()
    authority = Authority("a.example", intermediate=True, now=clock)
    first = authority.signer
    clock.advance(hours=14 * 24)
    assert authority.signer is first
    clock.advance(hours=2 * 24)
    second = authority.signer
    assert second.certificate != first.certificate
    assert second.certificate.subject != first.certificate.subject
    second.certificate.verify_directly_issued_by(authority.root.certificate)
    assert authority.issue(WEB).chain[1] == second.der


def test_several_threads_renew_an_intermediate_once() -> None:
    clock = FakeClock()
    authority = Authority("a.example", intermediate=True, now=clock)
    clock.advance(hours=16 * 24)
    start = threading.Barrier(4)
    seen: list[bytes] = []

    def ask() -> None:
        start.wait()
        seen.append(authority.signer.der)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_serial_numbers_are_random_and_positive(authority: Authority) -> None:
    """At least 64 bits of them are random, and 20 bytes are the limit."""
    serials = [authority.issue(WEB).leaf.serial_number for _ in range(40)]
    assert len(set(serials)) == len(serials)
    assert all(0 < serial < 1 << 160 for serial in serials)
    # Each bit below the 120th is 0 in some and 1 in others: 2 ** -39 to fail, by bit.
    for bit in range(120):
        assert {serial >> bit & 1 for serial in serials} == {0, 1}


def test_foreign_trust_domains_are_refused(authority: Authority) -> None:
    """ID-22, X509-11: an authority speaks for its own trust domain."""
    for text in ("spiffe://b.example/web", "spiffe://sub.a.example/web"):
        with pytest.raises(ConfigError) as caught:
            authority.issue(text)
        assert caught.value.reason is Reason.FOREIGN_TRUST_DOMAIN


def test_the_trust_domains_own_id_is_not_for_workloads(authority: Authority) -> None:
    """X509-05."""
    with pytest.raises(InvalidId) as caught:
        authority.issue(authority.trust_domain.id)
    assert caught.value.reason is Reason.SVID_NO_PATH


def test_ids_that_are_too_long_are_never_issued(authority: Authority) -> None:
    """ID-18."""
    longest = "spiffe://a.example/" + "x" * (2048 - len("spiffe://a.example/"))
    assert str(authority.issue(longest).spiffe_id) == longest
    with pytest.raises(InvalidId) as caught:
        authority.issue(longest + "x")
    assert caught.value.reason is Reason.ID_TOO_LONG


def test_host_names_may_stand_beside_the_id(authority: Authority) -> None:
    """X509-04."""
    svid = authority.issue(SpiffeId.parse(WEB), dns_names=["Web.A.Example"])
    names = extension_of(svid.leaf, x509.SubjectAlternativeName)
    assert names is not None
    assert names.get_values_for_type(x509.DNSName) == ["web.a.example"]
    assert uri_names(svid.leaf) == [WEB]
    with pytest.raises(ConfigError):
        authority.issue(WEB, dns_names=["*.a.example"])


def test_authorities_of_one_trust_domain_have_different_names() -> None:
    """Same subject, different key: a tie that path building would have to break."""
    names = {Authority("a.example").root.certificate.subject for _ in range(3)}
    assert len(names) == 3


def test_the_longest_trust_domain_has_an_authority() -> None:
    """ID-19: 255 bytes, though a common name has at most 64."""
    name = "x" * 255
    svid = Authority(name).issue(f"spiffe://{name}/web")
    assert svid.spiffe_id.trust_domain.name == name


def test_what_is_no_trust_domain_has_no_authority() -> None:
    with pytest.raises(InvalidId):
        Authority("A.example")


def test_the_authority_shows_no_key(authority: Authority) -> None:
    assert repr(authority) == "<Authority a.example>"
    assert "PrivateKey p256" in repr(authority.root)
    assert authority.root.key.der.hex() not in repr(authority.root)


def test_der_is_the_certificate_itself(authority: Authority) -> None:
    root = authority.root
    assert root.der == root.certificate.public_bytes(Encoding.DER)
    assert root.intermediates == ()
