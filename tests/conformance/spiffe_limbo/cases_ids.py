# SPDX-License-Identifier: Apache-2.0
"""SPIFFE IDs: every byte value, lengths, spellings; as text and inside of leaves."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Final

from tests.conformance.spiffe_limbo.case import Case, Policy, chain_case, id_case
from tests.conformance.spiffe_limbo.world import A, leaf, root

from handfast import Reason

__all__ = ["CASE_TEXTS", "TEXTS", "cases"]

_NAME: Final = frozenset((string.ascii_lowercase + string.digits + ".-_").encode())
_SEGMENT: Final = _NAME | frozenset(string.ascii_uppercase.encode())
_START: Final = "spiffe://a.example/"

#: Name, rules, text, and why not; the last is None for a good ID.
TEXTS: Final[tuple[tuple[str, str, str, Reason | None], ...]] = (
    ("plain", "ID-01", "spiffe://a.example/web", None),
    ("without-path", "ID-21", "spiffe://a.example", None),
    ("deep", "ID-16", "spiffe://a.example/ns/shop/sa/web", None),
    ("ipv4-name", "ID-10 ID-11", "spiffe://192.0.2.7/web", None),
    ("dots-in-name", "ID-11", "spiffe://a..b/web", None),
    ("leading-dot-name", "ID-11", "spiffe://.a/web", None),
    ("trailing-dot-name", "ID-11", "spiffe://a./web", None),
    ("leading-hyphen-name", "ID-11", "spiffe://-a/web", None),
    ("underscore-name", "ID-11", "spiffe://_/web", None),
    ("numeric-name", "ID-11", "spiffe://12345/web", None),
    ("long-label", "ID-11", "spiffe://" + "a" * 64 + "/web", None),
    ("three-dots", "ID-14", "spiffe://a.example/.../web", None),
    ("dot-first", "ID-14", "spiffe://a.example/.a", None),
    ("dots-last", "ID-14", "spiffe://a.example/a..", None),
    ("upper-case-path", "ID-16 ID-20", "spiffe://a.example/WEB", None),
    ("name-255", "ID-19", "spiffe://" + "a" * 255 + "/w", None),
    ("length-2047", "ID-17", _START + "x" * (2047 - len(_START)), None),
    ("length-2048", "ID-17", _START + "x" * (2048 - len(_START)), None),
    ("name-256", "ID-19", "spiffe://" + "a" * 256, Reason.ID_TRUST_DOMAIN_TOO_LONG),
    ("length-2049", "ID-17", _START + "x" * (2049 - len(_START)), Reason.ID_TOO_LONG),
    ("empty", "ID-01", "", Reason.ID_EMPTY),
    ("scheme-only", "ID-02", "spiffe://", Reason.ID_NO_TRUST_DOMAIN),
    ("no-domain", "ID-02", "spiffe:///web", Reason.ID_NO_TRUST_DOMAIN),
    ("https", "ID-01", "https://a.example/web", Reason.ID_SCHEME),
    ("one-slash", "ID-01", "spiffe:/a.example/web", Reason.ID_SCHEME),
    ("no-slash", "ID-01", "spiffe:a.example/web", Reason.ID_SCHEME),
    ("no-scheme", "ID-01", "//a.example/web", Reason.ID_SCHEME),
    ("leading-space", "ID-01", " spiffe://a.example/web", Reason.ID_SCHEME),
    ("spiffes", "ID-01", "spiffes://a.example/web", Reason.ID_SCHEME),
    ("userinfo", "ID-05", "spiffe://u@a.example/web", Reason.ID_USERINFO),
    ("password", "ID-05", "spiffe://u:p@a.example/web", Reason.ID_USERINFO),
    ("empty-userinfo", "ID-05", "spiffe://@a.example/web", Reason.ID_USERINFO),
    ("port", "ID-06", "spiffe://a.example:80/web", Reason.ID_PORT),
    ("empty-port", "ID-06", "spiffe://a.example:/web", Reason.ID_PORT),
    (
        "ipv6-name",
        "ID-08 ID-10",
        "spiffe://[2001:db8::7]/web",
        Reason.ID_TRUST_DOMAIN_CHARACTER,
    ),
    ("percent-name", "ID-09", "spiffe://a%2Eexample/web", Reason.ID_PERCENT_ENCODING),
    ("percent-path", "ID-12", "spiffe://a.example/%77eb", Reason.ID_PERCENT_ENCODING),
    ("query", "ID-03", "spiffe://a.example/web?x=1", Reason.ID_QUERY),
    ("bare-query", "ID-03", "spiffe://a.example/web?", Reason.ID_QUERY),
    ("query-after-name", "ID-03", "spiffe://a.example?x", Reason.ID_QUERY),
    ("fragment", "ID-04", "spiffe://a.example/web#x", Reason.ID_FRAGMENT),
    ("bare-fragment", "ID-04", "spiffe://a.example/web#", Reason.ID_FRAGMENT),
    ("fragment-after-name", "ID-04", "spiffe://a.example#x", Reason.ID_FRAGMENT),
    ("empty-segment", "ID-13", "spiffe://a.example//web", Reason.ID_EMPTY_SEGMENT),
    ("inner-empty", "ID-13", "spiffe://a.example/a//b", Reason.ID_EMPTY_SEGMENT),
    ("dot-segment", "ID-14", "spiffe://a.example/./web", Reason.ID_DOT_SEGMENT),
    ("dots-segment", "ID-14", "spiffe://a.example/a/../web", Reason.ID_DOT_SEGMENT),
    ("dots-at-end", "ID-14", "spiffe://a.example/..", Reason.ID_DOT_SEGMENT),
    ("root-path", "ID-15", "spiffe://a.example/", Reason.ID_TRAILING_SLASH),
    ("trailing-slash", "ID-15", "spiffe://a.example/web/", Reason.ID_TRAILING_SLASH),
    ("kelvin", "ID-08 I3", "spiffe://\u212a/web", Reason.ID_TRUST_DOMAIN_CHARACTER),
    ("cyrillic", "ID-16 I3", "spiffe://a.example/w\u0435b", Reason.ID_PATH_CHARACTER),
    ("full-width", "ID-16 I3", "spiffe://a.example/\uff57", Reason.ID_PATH_CHARACTER),
    ("newline-at-end", "ID-16", "spiffe://a.example/web\n", Reason.ID_PATH_CHARACTER),
    ("backslash", "ID-16", "spiffe://a.example\\web", Reason.ID_TRUST_DOMAIN_CHARACTER),
)
#: Where section 2.1 of the standard is stricter than 2.4.
CASE_TEXTS: Final = (
    ("upper-case-scheme", "SPIFFE://a.example/web", Reason.ID_SCHEME),
    ("upper-case-name", "spiffe://A.example/web", Reason.ID_UPPER_CASE),
)


def _every_byte() -> Iterator[Case]:
    for value in range(256):
        raw = bytes([value])
        path = b"spiffe://a.example/w" + raw + b"b"
        name = b"spiffe://a" + raw + b"b/web"
        domain = f"a{chr(value)}b"
        path_ok = value in _SEGMENT or raw == b"/"
        # What is no IA5String is refused before it is looked at as an ID.
        bad = Reason.SVID_ID_INVALID if value < 128 else Reason.CERTIFICATE_EXTENSION
        yield chain_case(
            f"id-byte::path-{value:02x}",
            "X509-31 ID-16 I3",
            leaf(A, uris=(path,)),
            path.decode() if path_ok else bad,
            what=f"byte 0x{value:02x} inside of a path segment",
        )
        # A slash ends the name: then it is trust domain "a", whose bundle is absent.
        odd = Reason.UNKNOWN_TRUST_DOMAIN if raw == b"/" else bad
        trusted = {domain: (A.der,)} if value in _NAME else None
        upper = raw.isupper()
        yield chain_case(
            f"id-byte::trust-domain-{value:02x}",
            "X509-31 ID-08 ID-07 I3" if upper else "X509-31 ID-08 I3",
            leaf(A, uris=(name,)),
            name.decode() if value in _NAME else odd,
            what=f"byte 0x{value:02x} inside of a trust domain name",
            bundles=trusted,
            policy="handfast-strict" if upper else "must",
        )


def cases() -> Iterator[Case]:
    """All of them."""
    for name, rules, text, reason in TEXTS:
        # A validator must take 2,048 bytes; more are not forbidden to it.
        loose = reason is Reason.ID_TOO_LONG
        policy: Policy = "handfast-strict" if loose else "must"
        yield id_case(f"spiffe-id::{name}", rules, text, reason, policy)
        if reason is None and text.count("/") > 2:
            domain = text.split("/")[2]
            ca = root(domain, subject="root")
            yield chain_case(
                f"id-in-leaf::{name}",
                f"X509-31 {rules}",
                leaf(ca, text),
                text,
                bundles={domain: (ca.der,)},
            )
        elif reason is not None and text.isascii():
            yield chain_case(
                f"id-in-leaf::{name}",
                f"X509-31 {rules}",
                leaf(A, uris=(text,)),
                Reason.SVID_ID_INVALID,
                policy=policy,
            )
    for name, text, reason in CASE_TEXTS:
        yield id_case(
            f"spiffe-id::{name}", "ID-07 ID-20", text, reason, "handfast-strict"
        )
    yield from _every_byte()
