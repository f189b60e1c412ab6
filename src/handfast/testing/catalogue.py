# SPDX-License-Identifier: Apache-2.0
"""Leaves that must be refused, one for each rule, and leaves that must not be.

Each is forged by an authority that is trusted, so that nothing but the rule in
question can be the cause. The reasons are those of the strict rules.

Example:
    >>> from handfast.authority import Authority
    >>> broken = next(leaf for leaf in REFUSED if leaf.name == "expired")
    >>> broken.forge(Authority("a.example"), "spiffe://a.example/web").chain[0][:1]
    b'0'
    >>> broken.reason
    <Reason.CERTIFICATE_EXPIRED: 'certificate_expired'>
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from handfast.reasons import Reason
from handfast.testing import der
from handfast.testing.forge import ForgedSvid, forge
from handfast.testing.recipe import Extension, NameConstraints
from handfast.testing.sign import new_key, spki

if TYPE_CHECKING:
    from handfast.authority import Authority
    from handfast.ids import SpiffeId
    from handfast.testing.forge import ForgedAuthority

__all__ = ["ACCEPTED", "REFUSED", "Leaf"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One kind of leaf.

    Attributes:
        name: What is special about it.
        rules: The checklist's rules that decide, ``X509-32`` for example.
        reason: Why it is refused; None when it must be accepted.
        knobs: How :func:`handfast.testing.forge` makes it. In ``uris`` a ``{}`` stands
            for the ID that is asked for.
    """

    name: str
    rules: tuple[str, ...]
    reason: Reason | None
    knobs: dict[str, Any] = field(default_factory=dict[str, Any])

    def forge(
        self, authority: Authority | ForgedAuthority, spiffe_id: SpiffeId | str
    ) -> ForgedSvid:
        """Make one."""
        knobs = dict(self.knobs)
        if "uris" in knobs:
            knobs["uris"] = tuple(
                uri.replace("{}", str(spiffe_id)) if isinstance(uri, str) else uri
                for uri in knobs["uris"]
            )
        return forge(authority, spiffe_id, **knobs)

    def __str__(self) -> str:
        return self.name


def _other_name(text: str) -> bytes:
    """An otherName (of the UPN kind) with a text in it."""
    value = der.context(0, der.tlv(0x0C, text.encode()))
    return der.context(0, der.oid("1.3.6.1.4.1.311.20.2.3"), value)


def _directory_name(text: str) -> bytes:
    return der.context(4, der.common_name(text))


def _explicit_curve() -> bytes:
    """A P-256 key that spells out its curve instead of naming it (CVE-2022-0778)."""
    prime = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    point = spki(new_key("p256"))[-65:]
    parameters = der.sequence(
        der.integer(1),
        der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(prime)),
        der.sequence(
            der.octet_string((prime - 3).to_bytes(32, "big")),
            der.octet_string(b.to_bytes(32, "big")),
        ),
        der.octet_string(point),
        der.integer(order),
        der.integer(1),
    )
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), parameters)
    return der.sequence(algorithm, der.bit_string(point))


_EVIL: Final = "spiffe://a.example/evil"
_UNKNOWN: Final = Extension("1.3.6.1.4.1.99999.1", b"\x05\x00", critical=True)
_HARMLESS: Final = Extension("1.3.6.1.4.1.99999.1", b"\x05\x00")
_POLICY_CONSTRAINTS: Final = Extension(
    "2.5.29.36", der.sequence(der.context(0, b"\x00", constructed=False)), critical=True
)
_WITH_NONE: Final[dict[str, Any]] = {"uris": ()}

#: Leaves that the strict rules refuse.
REFUSED: Final[tuple[Leaf, ...]] = (
    Leaf("no-uri", ("X509-03",), Reason.SVID_NO_SPIFFE_ID, _WITH_NONE),
    *(
        Leaf(f"id-only-in-{name}", ("X509-03", "I2"), Reason.SVID_NO_SPIFFE_ID, knobs)
        for name, knobs in (
            ("common-name", _WITH_NONE | {"subject": _EVIL}),
            ("dns", _WITH_NONE | {"dns_names": (_EVIL,)}),
            ("email", _WITH_NONE | {"emails": (_EVIL,)}),
            ("other-name", _WITH_NONE | {"raw_names": (_other_name(_EVIL),)}),
            ("directory-name", _WITH_NONE | {"raw_names": (_directory_name(_EVIL),)}),
        )
    ),
    *(
        Leaf(
            f"two-uris-{name}",
            ("X509-01", "X509-02", "X509-33", "I1"),
            Reason.SVID_MANY_URI_SANS,
            {"uris": uris},
        )
        for name, uris in (
            ("spiffe", ("{}", _EVIL)),
            ("same", ("{}", "{}")),
            ("http-after", ("{}", "http://a.example/")),
            ("http-before", ("http://a.example/", "{}")),
        )
    ),
    Leaf(
        "san-twice",
        ("X509-27", "I1"),
        Reason.CERTIFICATE_DUPLICATE_EXTENSION,
        {"twice": ("subject_alt_name",)},
    ),
    *(
        Leaf(f"id-{name}", rules, Reason.SVID_ID_INVALID, {"uris": (uri,)})
        for name, rules, uri in (
            ("scheme", ("X509-31", "ID-01"), "https://a.example/web"),
            ("upper-case-scheme", ("X509-31", "ID-20"), "SPIFFE://a.example/web"),
            ("upper-case-domain", ("ID-07", "ID-20"), "spiffe://A.example/web"),
            ("no-domain", ("ID-02",), "spiffe:///web"),
            ("userinfo", ("ID-05",), "spiffe://u@a.example/web"),
            ("port", ("ID-06",), "spiffe://a.example:443/web"),
            ("query", ("ID-03",), "spiffe://a.example/web?x"),
            ("fragment", ("ID-04",), "spiffe://a.example/web#x"),
            ("percent", ("ID-12",), "spiffe://a.example/w%65b"),
            ("empty-segment", ("ID-13",), "spiffe://a.example//web"),
            ("dot-segment", ("ID-14",), "spiffe://a.example/x/../web"),
            ("trailing-slash", ("ID-15",), "spiffe://a.example/web/"),
            ("nul", ("ID-16", "I3"), b"spiffe://a.example/web\x00/x"),
            ("newline", ("ID-16", "I3"), b"spiffe://a.example/web\n"),
            ("too-long", ("ID-17",), "spiffe://a.example/" + "x" * 2030),
            ("empty", ("X509-31",), ""),
        )
    ),
    Leaf(
        "no-path", ("X509-32",), Reason.SVID_NO_PATH, {"uris": ("spiffe://a.example",)}
    ),
    Leaf("ca", ("X509-28", "X509-13", "I5"), Reason.SVID_IS_CA, {"ca": True}),
    Leaf(
        "signing-certificate",
        ("X509-13", "X509-07"),
        Reason.SVID_IS_CA,
        {"ca": True, "key_usage": ("key_cert_sign", "crl_sign")},
    ),
    Leaf(
        "key-cert-sign",
        ("X509-29", "X509-23", "I5"),
        Reason.SVID_CAN_SIGN,
        {"key_usage": ("digital_signature", "key_cert_sign")},
    ),
    Leaf(
        "crl-sign",
        ("X509-30", "X509-23", "I5"),
        Reason.SVID_CAN_SIGN,
        {"key_usage": ("digital_signature", "crl_sign")},
    ),
    Leaf("no-key-usage", ("X509-18",), Reason.SVID_KEY_USAGE, {"key_usage": None}),
    Leaf(
        "key-usage-not-critical",
        ("X509-19",),
        Reason.SVID_KEY_USAGE,
        {"key_usage_critical": False},
    ),
    Leaf(
        "no-digital-signature",
        ("X509-21",),
        Reason.SVID_KEY_USAGE,
        {"key_usage": ("key_agreement",)},
    ),
    *(
        Leaf(
            f"purpose-{name}",
            ("X509-25", "I6"),
            Reason.SVID_EXTENDED_KEY_USAGE,
            {"extended_key_usage": purposes},
        )
        for name, purposes in (
            ("server-only", ("server_auth",)),
            ("client-only", ("client_auth",)),
            ("any", ("any",)),
            ("email", ("email",)),
        )
    ),
    Leaf("expired", ("X509-27",), Reason.CERTIFICATE_EXPIRED, {"not_after": -1}),
    Leaf(
        "not-yet-valid",
        ("X509-27",),
        Reason.CERTIFICATE_NOT_YET_VALID,
        {"not_before": 600},
    ),
    Leaf("flipped-bit", ("X509-27",), Reason.BAD_SIGNATURE, {"signature": "flipped"}),
    Leaf("other-key", ("X509-27",), Reason.BAD_SIGNATURE, {"signature": "other_key"}),
    Leaf(
        "unknown-critical",
        ("X509-27",),
        Reason.CERTIFICATE_UNKNOWN_CRITICAL,
        {"extensions": (_UNKNOWN,)},
    ),
    Leaf(
        "name-constraints",
        ("X509-17",),
        Reason.AUTHORITY_CONSTRAINTS,
        {"name_constraints": NameConstraints(permitted_uris=("a.example",))},
    ),
    Leaf(
        "policy-constraints",
        ("X509-27",),
        Reason.AUTHORITY_CONSTRAINTS,
        {"extensions": (_POLICY_CONSTRAINTS,)},
    ),
    Leaf("version-1", ("X509-27",), Reason.CERTIFICATE_VERSION, {"version": 1}),
    Leaf("serial-zero", ("X509-27",), Reason.CERTIFICATE_SERIAL, {"serial": 0}),
    Leaf("serial-negative", ("X509-27",), Reason.CERTIFICATE_SERIAL, {"serial": -7}),
    Leaf(
        "serial-21-bytes", ("X509-27",), Reason.CERTIFICATE_SERIAL, {"serial": 1 << 160}
    ),
    *(
        Leaf(f"key-{kind}", ("C10",), Reason.CERTIFICATE_KEY, {"key_type": kind})
        for kind in ("p224", "secp256k1", "rsa1024", "ed448")
    ),
    Leaf(
        "key-explicit-curve",
        ("C10",),
        Reason.CERTIFICATE_KEY,
        {"public_key": _explicit_curve()},
    ),
    Leaf("sha1", ("C10",), Reason.CERTIFICATE_ALGORITHM, {"digest": "sha1"}),
    Leaf(
        "algorithm-differs-inside",
        ("X509-27",),
        Reason.CERTIFICATE_ALGORITHM,
        {"inner_algorithm": der.sequence(der.oid("1.2.840.10045.4.3.3"))},
    ),
    Leaf("trailing-bytes", ("X509-27",), Reason.DER_TRAILING, {"trailing": b"\x00"}),
    Leaf(
        "empty-subject-san-not-critical",
        ("X509-06",),
        Reason.CERTIFICATE_EMPTY_NAME,
        {"san_critical": False},
    ),
)

#: Leaves that the strict rules accept, although some verifiers would not.
ACCEPTED: Final[tuple[Leaf, ...]] = (
    Leaf("plain", ("X509-27",), None),
    Leaf("with-dns-name", ("X509-04",), None, {"dns_names": ("web.a.example",)}),
    Leaf(
        "with-many-names",
        ("X509-04",),
        None,
        {
            "dns_names": ("a.example", "*.a.example"),
            "emails": ("web@a.example",),
            "ip_addresses": ("192.0.2.7", "2001:db8::7"),
            "raw_names": (_other_name("web"),),
        },
    ),
    Leaf("no-basic-constraints", ("X509-16", "X509-28"), None, {"ca": None}),
    Leaf("no-purpose", ("X509-24",), None, {"extended_key_usage": None}),
    Leaf("purpose-critical", ("X509-24",), None, {"extended_key_usage_critical": True}),
    Leaf(
        "more-key-usage",
        ("X509-22",),
        None,
        {"key_usage": ("digital_signature", "key_encipherment", "key_agreement")},
    ),
    Leaf("with-subject", ("X509-06",), None, {"subject": "web"}),
    Leaf("unknown-extension", ("X509-27",), None, {"extensions": (_HARMLESS,)}),
    *(
        Leaf(f"key-{kind}", ("X509-27",), None, {"key_type": kind})
        for kind in ("p384", "p521", "rsa2048", "ed25519")
    ),
)
