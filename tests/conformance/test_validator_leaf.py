# SPDX-License-Identifier: Apache-2.0
"""X509-SVID, sections 2 to 5.2: what a leaf must be, asked of the real Verifier.

Certificates are made by `cryptography`; OpenSSL is asked about each that is taken.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID
from tests.support import pki
from tests.support.verdicts import accepted, refused

from handfast import Reason


@pytest.fixture(scope="module")
def ca() -> pki.Issued:
    return pki.root()


def test_a_leaf_as_the_standard_wants_it_is_taken(ca: pki.Issued) -> None:
    peer = accepted(pki.leaf(ca).chain, ca)
    assert str(peer.spiffe_id) == "spiffe://a.example/web"
    assert peer.path_length == 2


@pytest.mark.parametrize(
    "uris",
    [
        ("spiffe://a.example/web", "spiffe://a.example/db"),
        ("spiffe://a.example/web", "https://a.example/"),
        ("https://a.example/", "spiffe://a.example/web"),
        ("spiffe://a.example/web", "spiffe://a.example/web"),
        ("spiffe://a.example/web", "spiffe://b.example/web"),
    ],
)
def test_more_than_one_uri_san_is_refused(
    ca: pki.Issued, uris: tuple[str, ...]
) -> None:
    """X509-02, X509-33, I1: every URI counts, not only those of SPIFFE."""
    error = refused(pki.leaf(ca, uris=uris).chain, ca, Reason.SVID_MANY_URI_SANS)
    assert error.depth == 0


@pytest.mark.parametrize("sans", [(), (x509.DNSName("web.a.example"),)])
def test_a_leaf_without_a_uri_san_is_refused(ca: pki.Issued, sans: Any) -> None:
    """X509-03, ID-27: without a SPIFFE ID it is not an SVID at all."""
    bad = pki.leaf(ca, uris=(), sans=sans, subject="spiffe://a.example/web")
    assert refused(bad.chain, ca, Reason.SVID_NO_SPIFFE_ID).certificate == bad.der


def test_other_sans_beside_the_id_are_no_reason_to_refuse(ca: pki.Issued) -> None:
    """X509-04: names, addresses and mail beside the ID are lawful."""
    sans = (
        x509.DNSName("web.a.example"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.RFC822Name("web@a.example"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), b"\x0c\x01a"),
    )
    accepted(pki.leaf(ca, sans=sans).chain, ca)


def test_an_empty_subject_wants_a_critical_san(ca: pki.Issued) -> None:
    """X509-06: RFC 5280 4.2.1.6, refused in both rule sets."""
    accepted(pki.leaf(ca, subject=None, san_critical=True).chain, ca)
    bad = pki.leaf(ca, subject=None, san_critical=False)
    for rules in ("strict", "compatible"):
        refused(bad.chain, ca, Reason.CERTIFICATE_EMPTY_NAME, rules=rules)
    accepted(pki.leaf(ca, subject="web", san_critical=False).chain, ca)


def test_only_a_leaf_identifies_a_caller(ca: pki.Issued) -> None:
    """X509-07, X509-13, X509-28, I5: a signing certificate never authenticates."""
    middle = pki.intermediate(ca, uris=["spiffe://a.example/web"])
    refused(middle.chain, ca, Reason.SVID_IS_CA)
    refused([ca.der], ca, Reason.SVID_IS_CA)
    bare = pki.leaf(ca, ca=True)
    for rules in ("strict", "compatible"):
        refused(bare.chain, ca, Reason.SVID_IS_CA, rules=rules)


def test_basic_constraints_may_be_left_out_of_a_leaf(ca: pki.Issued) -> None:
    """X509-16, X509-28: by DER's default, absent means no CA."""
    accepted(pki.leaf(ca, ca=None).chain, ca)


@pytest.mark.parametrize(
    "bits",
    [
        ("digital_signature", "key_encipherment"),
        ("digital_signature", "key_agreement"),
        ("digital_signature", "key_encipherment", "key_agreement"),
    ],
)
def test_a_leaf_may_encipher_and_agree_on_keys(
    ca: pki.Issued, bits: tuple[str, ...]
) -> None:
    """X509-22: these bits are no reason to refuse."""
    accepted(pki.leaf(ca, usage=pki.key_usage(*bits)).chain, ca)


@pytest.mark.parametrize("bit", ["key_cert_sign", "crl_sign"])
@pytest.mark.parametrize("rules", ["strict", "compatible"])
def test_a_leaf_that_could_sign_is_refused(
    ca: pki.Issued, bit: str, rules: str
) -> None:
    """X509-29, X509-30, I5: in every rule set."""
    usage = pki.key_usage("digital_signature", bit)
    refused(pki.leaf(ca, usage=usage).chain, ca, Reason.SVID_CAN_SIGN, rules=rules)


def test_key_usage_is_present_critical_and_signs(ca: pki.Issued) -> None:
    """X509-18, X509-19, X509-21 as a validator reads them, I5: strict by default."""
    for bad in (
        pki.leaf(ca, usage=None),
        pki.leaf(ca, usage_critical=False),
        pki.leaf(ca, usage=pki.key_usage("key_agreement")),
    ):
        refused(bad.chain, ca, Reason.SVID_KEY_USAGE)
    accepted(pki.leaf(ca, usage=None).chain, ca, rules="compatible")
    accepted(pki.leaf(ca, usage_critical=False).chain, ca, rules="compatible")
    silent = pki.leaf(ca, usage=pki.key_usage("key_agreement"))
    refused(silent.chain, ca, Reason.SVID_KEY_USAGE, rules="compatible")


EKU_CASES: list[tuple[Any, set[str]]] = [
    (None, {"either", "client", "server"}),
    (pki.BOTH, {"either", "client", "server"}),
    ((pki.CLIENT_AUTH,), {"client"}),
    ((pki.SERVER_AUTH,), {"server"}),
    ((pki.EMAIL,), set()),
    ((pki.ANY_EKU,), set()),
    ((*pki.BOTH, pki.EMAIL), {"either", "client", "server"}),
]


@pytest.mark.parametrize(("eku", "good_for"), EKU_CASES)
@pytest.mark.parametrize("critical", [False, True])
def test_extended_key_usage_fits_the_role(
    ca: pki.Issued, eku: Any, good_for: set[str], critical: bool
) -> None:
    """X509-24, X509-25, I6: when present it has the purpose, critical or not."""
    chain = pki.leaf(ca, eku=eku, eku_critical=critical).chain
    for purpose in ("either", "client", "server"):
        if purpose in good_for:
            accepted(chain, ca, purpose=purpose)
        else:
            refused(chain, ca, Reason.SVID_EXTENDED_KEY_USAGE, purpose=purpose)


def test_any_extended_key_usage_is_for_compatible_rules_only(ca: pki.Issued) -> None:
    """X509-25, I6: decision point, documented: strict wants the purposes by name."""
    chain = pki.leaf(ca, eku=(pki.ANY_EKU,)).chain
    accepted(chain, ca, rules="compatible")


def test_an_empty_extended_key_usage_is_malformed(ca: pki.Issued) -> None:
    """X509-24, I6: SIZE (1..MAX)."""
    empty = pki.raw_extension(ExtensionOID.EXTENDED_KEY_USAGE, b"\x30\x00")
    bad = pki.leaf(ca, eku=None, extra=[(empty, False)])
    for rules in ("strict", "compatible"):
        refused(bad.chain, ca, Reason.CERTIFICATE_EXTENSION, rules=rules)


@pytest.mark.parametrize(
    "uri", ["https://a.example/web", "urn:a.example:web", "http://a.example/web"]
)
def test_a_uri_of_another_scheme_is_not_a_spiffe_id(ca: pki.Issued, uri: str) -> None:
    """X509-31, ID-27."""
    error = refused(pki.leaf(ca, uri).chain, ca, Reason.SVID_ID_INVALID)
    assert "spiffe" in f"{error.expected}{error.seen}"


def test_a_leaf_of_a_whole_trust_domain_is_refused(ca: pki.Issued) -> None:
    """X509-05, X509-32, I3: a workload's ID has a path."""
    for rules in ("strict", "compatible"):
        chain = pki.leaf(ca, "spiffe://a.example").chain
        refused(chain, ca, Reason.SVID_NO_PATH, rules=rules)


LOOKALIKES = [
    b"SPIFFE://a.example/web",
    b"spiffe://A.example/web",
    b"spiffe://a.example/web/",
    b"spiffe://a.example//web",
    b"spiffe://a.example/./web",
    b"spiffe://a.example/x/../web",
    b"spiffe://a.example/w%65b",
    b"spiffe://a.example:443/web",
    b"spiffe://me@a.example/web",
    b"spiffe://a.example/web?x=1",
    b"spiffe://a.example/web#x",
    b"spiffe://a.example/web\x00",
    b"spiffe://a.example\x00.evil/web",
    b"spiffe://a.example/web\n",
    b"spiffe:///web",
    b"spiffe:/a.example/web",
    b" spiffe://a.example/web",
    b"spiffe://a.example/web ",
    b"spiffe://a.example/" + b"x" * 2048,
    b"spiffe://" + b"a" * 256 + b"/web",
    b"",
]


@pytest.mark.parametrize("uri", LOOKALIKES)
def test_what_only_looks_like_an_id_is_refused_and_never_repaired(
    ca: pki.Issued, uri: bytes
) -> None:
    """I3, X509-31: byte for byte, in every rule set."""
    bad = pki.leaf(ca, uris=(), san=pki.raw_uris(uri))
    for rules in ("strict", "compatible"):
        error = refused(bad.chain, ca, Reason.SVID_ID_INVALID, rules=rules)
        assert all(32 <= ord(c) < 127 for c in error.seen), "peer bytes are escaped"


def test_a_uri_that_is_not_ascii_is_refused(ca: pki.Issued) -> None:
    """I3: a URI name is an IA5String."""
    bad = pki.leaf(ca, uris=(), san=pki.raw_uris(b"spiffe://a.example/w\xc3\xa9b"))
    for rules in ("strict", "compatible"):
        refused(bad.chain, ca, Reason.CERTIFICATE_EXTENSION, rules=rules)


def test_ids_of_the_longest_allowed_size_are_taken(ca: pki.Issued) -> None:
    """I3, ID-17: 2,048 bytes, and not one more."""
    start = "spiffe://a.example/"
    longest = start + "x" * (2048 - len(start))
    assert str(accepted(pki.leaf(ca, longest).chain, ca).spiffe_id) == longest
    refused(pki.leaf(ca, longest + "x").chain, ca, Reason.SVID_ID_INVALID)


@pytest.mark.parametrize(
    "sans",
    [
        (x509.DNSName("spiffe://a.example/web"),),
        (x509.RFC822Name("spiffe://a.example/web"),),
        (
            x509.OtherName(
                x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"),
                pki.tlv(0x0C, b"spiffe://a.example/web"),
            ),
        ),
        (
            x509.DirectoryName(
                x509.Name(
                    [x509.NameAttribute(NameOID.COMMON_NAME, "spiffe://a.example/web")]
                )
            ),
        ),
    ],
)
def test_an_id_in_another_kind_of_name_is_no_identity(
    ca: pki.Issued, sans: Any
) -> None:
    """I2: only the URI name counts; common names and the rest never do."""
    bad = pki.leaf(ca, uris=(), sans=sans, subject="spiffe://a.example/web")
    for rules in ("strict", "compatible"):
        refused(bad.chain, ca, Reason.SVID_NO_SPIFFE_ID, rules=rules)


@pytest.mark.parametrize("critical", [(True, False), (False, True), (True, True)])
def test_two_san_extensions_are_refused(
    ca: pki.Issued, critical: tuple[bool, bool]
) -> None:
    """I1, X509-02: whichever of the two a reader would look at."""
    first, second = (
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        for uri in ("spiffe://a.example/web", "spiffe://a.example/admin")
    )
    extra = [(first, critical[0]), (second, critical[1])]
    bad = pki.leaf(ca, uris=(), subject="web", extra=extra)
    refused(bad.chain, ca, Reason.CERTIFICATE_DUPLICATE_EXTENSION)


def test_a_critical_extension_that_nobody_knows_is_refused(ca: pki.Issued) -> None:
    """X509-27: RFC 5280 4.2; uncritical ones are passed over."""
    unknown = pki.raw_extension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    accepted(pki.leaf(ca, extra=[(unknown, False)]).chain, ca)
    bad = pki.leaf(ca, extra=[(unknown, True)])
    refused(bad.chain, ca, Reason.CERTIFICATE_UNKNOWN_CRITICAL)


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "ed25519"])
def test_keys_that_are_allowed_for_a_leaf(ca: pki.Issued, kind: str) -> None:
    """X509-27: the kinds of keys that an SVID may have."""
    accepted(pki.leaf(ca, private_key=pki.key(kind)).chain, ca)


@pytest.mark.parametrize("kind", ["rsa1024", "k1"])
def test_keys_that_are_not_allowed_for_a_leaf(ca: pki.Issued, kind: str) -> None:
    """C10: named curves of the list and RSA of 2,048 bits at least."""
    bad = pki.leaf(ca, private_key=pki.key(kind))
    refused(bad.chain, ca, Reason.CERTIFICATE_KEY)


def test_sha1_signatures_are_refused() -> None:
    """X509-27: collisions made them worthless. No library signs so now: patched."""
    ca = pki.root(private_key=pki.key("rsa2048", 1))
    sha256, sha1 = (bytes.fromhex(f"2a864886f70d0101{end}") for end in ("0b", "05"))
    good = pki.leaf(ca).der
    assert good.count(sha256) == 2
    refused([good.replace(sha256, sha1)], ca, Reason.CERTIFICATE_ALGORITHM)
    # One of the two only: inside and outside of the signature must say the same.
    refused([good.replace(sha256, sha1, 1)], ca, Reason.CERTIFICATE_ALGORITHM)
