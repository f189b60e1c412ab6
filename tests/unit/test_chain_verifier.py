# SPDX-License-Identifier: Apache-2.0
"""ChainVerifier: certificates of the public web, and of clients without SPIFFE."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import verification
from tests.support import pki
from tests.support.judges import openssl_accepts

from handfast import (
    ChainVerifier,
    ConfigError,
    DnsName,
    InvalidBundle,
    IpAddress,
    Reason,
    VerificationError,
    Verifier,
)
from handfast.roots import system_roots


@pytest.fixture(scope="module")
def ca() -> pki.Issued:
    return pki.root(uris=(), subject="a web root")


def site(ca: pki.Issued, *names: str, **knobs: Any) -> pki.Issued:
    """A server's certificate for these names; addresses and host names alike."""
    sans: list[x509.GeneralName] = []
    for name in names:
        try:
            sans.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            sans.append(x509.DNSName(name))
    settings: dict[str, Any] = {
        "uris": (),
        "sans": sans,
        "subject": "a site",
        "eku": (pki.SERVER_AUTH,),
    }
    return pki.leaf(ca, **(settings | knobs))


def judge(ca: pki.Issued, leaf: pki.Issued, name: Any, **how: Any) -> Any:
    how = {"purpose": "server"} | how
    return ChainVerifier([ca.der], expected_name=name, **how).verify(leaf.chain)


@pytest.mark.parametrize(
    ("certified", "asked", "good"),
    [
        ("www.example", "www.example", True),
        ("www.example", "WWW.Example", True),
        ("www.example", "example", False),
        ("example", "www.example", False),
        ("*.example.org", "www.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "a.b.example.org", False),
        ("w*.example.org", "www.example.org", False),
        ("*", "example", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
        ("www.example.evil", "www.example", False),
    ],
)
def test_host_names_are_compared(
    ca: pki.Issued, certified: str, asked: str, good: bool
) -> None:
    """I2's other half: RFC 6125 for names, with `cryptography` as second judge."""
    leaf = site(ca, certified)
    builder = verification.PolicyBuilder().store(verification.Store([ca.certificate]))
    other = builder.time(pki.now()).build_server_verifier(x509.DNSName(asked.lower()))
    if good:
        peer = judge(ca, leaf, DnsName(asked))
        assert peer.spiffe_id is None
        assert peer.chain == tuple(leaf.chain)
        other.verify(leaf.certificate, [])
        return
    with pytest.raises(VerificationError) as caught:
        judge(ca, leaf, DnsName(asked))
    assert caught.value.reason is Reason.NAME_MISMATCH
    assert asked.lower() in caught.value.expected
    with pytest.raises(verification.VerificationError):
        other.verify(leaf.certificate, [])


@pytest.mark.parametrize(
    ("certified", "asked", "good"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::7", "2001:DB8:0::7", True),
        ("::ffff:192.0.2.7", "192.0.2.7", False),
    ],
)
def test_addresses_are_compared_as_bytes(
    ca: pki.Issued, certified: str, asked: str, good: bool
) -> None:
    leaf = site(ca, certified)
    if good:
        judge(ca, leaf, IpAddress(asked))
        return
    with pytest.raises(VerificationError) as caught:
        judge(ca, leaf, IpAddress(asked))
    assert caught.value.reason is Reason.NAME_MISMATCH


def test_an_address_in_a_dns_name_is_no_address(ca: pki.Issued) -> None:
    """I2: kinds of names are not confused."""
    leaf = pki.leaf(ca, uris=(), sans=[x509.DNSName("192.0.2.7")], subject="192.0.2.7")
    with pytest.raises(VerificationError):
        judge(ca, leaf, IpAddress("192.0.2.7"))


def test_a_common_name_is_no_name(ca: pki.Issued) -> None:
    """I2: for the web neither."""
    leaf = pki.leaf(ca, uris=(), subject="www.example")
    with pytest.raises(VerificationError) as caught:
        judge(ca, leaf, DnsName("www.example"))
    assert caught.value.reason is Reason.NAME_MISMATCH


def test_without_a_name_only_the_chain_is_judged(ca: pki.Issued) -> None:
    assert judge(ca, site(ca, "www.example"), None).spiffe_id is None


def test_the_purpose_is_enforced(ca: pki.Issued) -> None:
    """I6: a server's certificate is not a client's."""
    server, client = site(ca, "a.b"), site(ca, "a.b", eku=(pki.CLIENT_AUTH,))
    judge(ca, server, None)
    judge(ca, client, None, purpose="client")
    for leaf, purpose in ((server, "client"), (client, "server")):
        with pytest.raises(VerificationError):
            judge(ca, leaf, None, purpose=purpose)


def test_a_web_verifier_does_not_replace_a_spiffe_one(ca: pki.Issued) -> None:
    """Roots and bundles are apart: neither verifier knows the other's."""
    leaf = site(ca, "www.example")
    with pytest.raises(VerificationError) as caught:
        Verifier(pki.root().bundle("a.example")).verify(leaf.chain)
    assert caught.value.reason is Reason.SVID_NO_SPIFFE_ID


def test_paths_are_built_and_bounded(ca: pki.Issued) -> None:
    """C10: intermediates in any order, and no more than allowed."""
    middle: pki.Issued = ca
    for number in range(3):
        middle = pki.intermediate(middle, subject=f"level {number}")
    leaf = site(middle, "www.example")
    assert judge(ca, leaf, None).path_length == 5
    assert openssl_accepts(leaf.chain, [ca])
    assert judge(ca, leaf, None, max_depth=3).path_length == 5
    with pytest.raises(VerificationError):
        judge(ca, leaf, None, max_depth=2)


def test_time_moves_the_verdict(ca: pki.Issued) -> None:
    leaf = site(ca, "www.example")
    with pytest.raises(VerificationError) as caught:
        judge(ca, leaf, None, at=pki.now() + dt.timedelta(hours=2))
    assert caught.value.reason is Reason.CERTIFICATE_EXPIRED
    with pytest.raises(VerificationError) as caught:
        judge(ca, leaf, None, at=pki.now() - dt.timedelta(hours=2))
    assert caught.value.reason is Reason.CERTIFICATE_NOT_YET_VALID


def test_an_unknown_root_is_told(ca: pki.Issued) -> None:
    with pytest.raises(VerificationError) as caught:
        judge(pki.root(uris=()), site(ca, "www.example"), DnsName("www.example"))
    assert caught.value.reason is Reason.UNKNOWN_AUTHORITY


def test_roots_come_as_pem_too(ca: pki.Issued) -> None:
    pem = ssl.DER_cert_to_PEM_cert(ca.der)
    for roots in (pem, pem.encode(), pem * 2):
        verifier = ChainVerifier(roots, purpose="server", expected_name=None)
        verifier.verify(site(ca, "www.example").chain)


@pytest.mark.parametrize(
    ("roots", "settings"),
    [
        ([], {}),
        (["text"], {}),
        (None, {"purpose": "either"}),
        (None, {"expected_name": "www.example"}),
        (None, {"max_depth": 8}),
        (None, {"max_depth": -1}),
        (None, {"at": 0}),
    ],
)
def test_wrong_settings_are_named(
    ca: pki.Issued, roots: Any, settings: dict[str, Any]
) -> None:
    how: dict[str, Any] = {"purpose": "server", "expected_name": None} | settings
    with pytest.raises(ConfigError):
        ChainVerifier([ca.der] if roots is None else roots, **how)


def test_a_root_that_is_no_certificate_is_refused() -> None:
    with pytest.raises((InvalidBundle, ConfigError)):
        ChainVerifier([b"nonsense"], purpose="server", expected_name=None)


# ---- the system's roots ----


@pytest.fixture
def no_cache() -> Any:
    system_roots.cache_clear()
    yield
    system_roots.cache_clear()


def test_the_systems_roots_are_those_of_the_environment(
    ca: pki.Issued, no_cache: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """SSL_CERT_FILE is honoured, as by `ssl`; what it names is all there is."""
    file = tmp_path / "roots.pem"
    file.write_text(ssl.DER_cert_to_PEM_cert(ca.der))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    assert system_roots() == (ca.der,)
    verifier = ChainVerifier(None, purpose="server", expected_name=DnsName("a.b"))
    verifier.verify(site(ca, "a.b").chain)


def test_one_old_root_of_the_system_does_not_take_the_others_along(
    ca: pki.Issued, no_cache: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """C10: what the engine would not trust anyway is left out, and trusts nothing."""
    old = pki.root(uris=(), subject="an old root", private_key=pki.key("rsa1024"))
    file = tmp_path / "roots.pem"
    file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, (old.der, ca.der))))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    assert set(system_roots()) == {old.der, ca.der}
    verifier = ChainVerifier(None, purpose="server", expected_name=None)
    verifier.verify(site(ca, "a.b").chain)
    with pytest.raises(VerificationError):
        verifier.verify(site(old, "a.b").chain)


def test_a_directory_of_hashed_names_is_read(
    ca: pki.Issued, no_cache: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """SSL_CERT_DIR: hashed names as OpenSSL wants them; other files are not trusted."""
    pem = ssl.DER_cert_to_PEM_cert
    (tmp_path / "0123abcd.0").write_text(pem(ca.der))
    (tmp_path / "README").write_text("not a certificate")
    (tmp_path / "deadbeef.0").write_text("neither is this")
    (tmp_path / "stranger.pem").write_text(pem(pki.root().der))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert system_roots() == (ca.der,)


def test_known_places_are_looked_at_when_pythons_own_have_nothing(
    ca: pki.Issued, no_cache: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A Python that was built elsewhere; and without any root it says so."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    known = tmp_path / "bundle.pem"
    monkeypatch.setattr("handfast.roots._KNOWN_FILES", (str(known),))
    with pytest.raises(ConfigError) as caught:
        system_roots()
    assert "none in" in caught.value.seen
    known.write_text(ssl.DER_cert_to_PEM_cert(ca.der))
    assert system_roots() == (ca.der,)


def test_the_machines_own_roots_make_a_verifier(no_cache: None) -> None:
    """The real store of this machine, whatever is in it."""
    assert len(system_roots()) > 10
    verifier = ChainVerifier(None, purpose="server", expected_name=DnsName("a.b"))
    with pytest.raises(VerificationError) as caught:
        verifier.verify(site(pki.root(uris=()), "a.b").chain)
    assert caught.value.reason is Reason.UNKNOWN_AUTHORITY
