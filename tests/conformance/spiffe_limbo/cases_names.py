# SPDX-License-Identifier: Apache-2.0
"""URI name constraints, with the spellings on which versions of OpenSSL disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.world import A, intermediate, leaf, root

from handfast import Reason
from handfast.testing import Extension, NameConstraints

__all__ = ["cases"]

_RULES: Final = "X509-17 X509-27 I4"
_BAD: Final = Reason.SVID_ID_INVALID
_OUT: Final = Reason.NAME_CONSTRAINT

#: Name, the subtree permitted, the leaf's URI, why not (None: it is fine).
_SPELLINGS: Final[tuple[tuple[str, str, bytes, Reason | None], ...]] = (
    ("equal", "example.org", b"spiffe://example.org/a", None),
    ("upper-case", "example.org", b"spiffe://EXAMPLE.org/a", _BAD),
    ("port", "example.org", b"spiffe://example.org:8080/a", _BAD),
    ("no-path", "example.org", b"spiffe://example.org", Reason.SVID_NO_PATH),
    ("other", "example.org", b"spiffe://other.org/a", _OUT),
    ("sub-domain", "example.org", b"spiffe://sub.example.org/a", _OUT),
    ("percent-dot", "example.org", b"spiffe://example%2Eorg/a", _BAD),
    ("trailing-dot", "example.org", b"spiffe://example.org./a", _OUT),
    ("userinfo", "example.org", b"spiffe://evil.org@example.org/a", _BAD),
    ("userinfo-and-port", "example.org", b"spiffe://example.org:1@evil.org/a", _BAD),
    ("bad-port", "example.org", b"spiffe://example.org:evil/a", _BAD),
    ("empty-port", "example.org", b"spiffe://example.org:/a", _BAD),
    ("query-in-authority", "example.org", b"spiffe://example.org?x=/a", _BAD),
    ("query-then-suffix", ".example.org", b"spiffe://evil.org?x.example.org/a", _BAD),
    (
        "fragment-then-suffix",
        ".example.org",
        b"spiffe://evil.org#x.example.org/a",
        _BAD,
    ),
    ("nul-in-name", "example.org", b"spiffe://example.org\0.evil.org/a", _BAD),
    ("nul-in-path", "example.org", b"spiffe://example.org/a\0/admin", _BAD),
    ("empty-uri", "example.org", b"", _BAD),
    ("suffix", ".example.org", b"spiffe://sub.example.org/a", None),
    ("deep-suffix", ".example.org", b"spiffe://x.sub.example.org/a", None),
    ("suffix-itself", ".example.org", b"spiffe://example.org/a", _OUT),
    ("suffix-without-dot", ".example.org", b"spiffe://evilexample.org/a", _OUT),
    ("suffix-first", ".example.org", b"spiffe://example.org.evil/a", _OUT),
    ("backslash", "example.org", b"spiffe://evil.org\\example.org/a", _BAD),
    ("no-slashes", "example.org", b"spiffe:example.org/a", _BAD),
    ("name-in-path", "example.org", b"spiffe://evil.org/example.org", _OUT),
    ("http", "example.org", b"https://example.org/a", _BAD),
)


def _spellings() -> Iterator[Case]:
    for name, subtree, uri, reason in _SPELLINGS:
        text = uri.decode("ascii")
        domain = text.removeprefix("spiffe://").partition("/")[0]
        wanted = reason in {None, _OUT}
        ca = root(domain if wanted else "example.org", subject="root")
        middle = intermediate(
            ca,
            uris=(),
            name_constraints=NameConstraints(permitted_uris=(subtree,)),
        )
        # Section 2.4 of the SPIFFE-ID standard would let a reader fold it.
        strict = name == "upper-case"
        yield chain_case(
            f"name-constraint::permitted-{name}",
            _RULES,
            leaf(middle, uris=(uri,)),
            text if reason is None else reason,
            bundles={ca.domain: (ca.der,)},
            policy="handfast-strict" if strict else "must",
        )


def _others() -> Iterator[Case]:
    uri = "spiffe://a.example/web"
    rows: tuple[tuple[str, NameConstraints, Reason | None], ...] = (
        ("excluded", NameConstraints(excluded_uris=("a.example",)), _OUT),
        ("excluded-other", NameConstraints(excluded_uris=("b.example",)), None),
        ("excluded-suffix", NameConstraints(excluded_uris=(".example",)), _OUT),
        (
            "permitted-and-excluded",
            NameConstraints(
                permitted_uris=("a.example",), excluded_uris=("a.example",)
            ),
            _OUT,
        ),
        (
            "one-of-two-permitted",
            NameConstraints(permitted_uris=("b.example", "a.example")),
            None,
        ),
        ("only-dns", NameConstraints(permitted_dns=("b.example",)), None),
        ("empty", NameConstraints(), Reason.AUTHORITY_CONSTRAINTS),
    )
    for name, constraints, reason in rows:
        for place in ("root", "intermediate"):
            if place == "root" and name == "empty":
                continue
            on_root: dict[str, Any] = (
                {"name_constraints": constraints} if place == "root" else {}
            )
            ca = root("a.example", label="constrained", uris=(), **on_root)
            below: dict[str, Any] = {} if on_root else {"name_constraints": constraints}
            lower = intermediate(ca, uris=(), **below)
            yield chain_case(
                f"name-constraint::{name}-on-{place}",
                _RULES,
                leaf(lower),
                reason or uri,
                bundles={"a.example": (ca.der,)},
                # RFC 5280 forbids empty ones to issuers, and tells readers nothing.
                policy="handfast-strict" if name == "empty" else "must",
            )
    within = NameConstraints(permitted_uris=("a.example",))
    for critical in (True, False):
        own = NameConstraints(permitted_uris=("a.example",), critical=critical)
        yield chain_case(
            f"name-constraint::in-leaf-{'critical' if critical else 'plain'}",
            _RULES,
            leaf(A, name_constraints=own),
            Reason.AUTHORITY_CONSTRAINTS,
            policy="handfast-strict",
        )
    yield chain_case(
        "name-constraint::dns-outside-is-another-kind",
        "X509-04 X509-17",
        leaf(
            intermediate(A, uris=(), name_constraints=within), dns_names=("b.example",)
        ),
    )
    for host in ("192.0.2.7", "198.51.100.1"):
        # ID-11: no different treatment of a name because it looks like an address.
        ca = root("192.0.2.7", uris=())
        constraints = NameConstraints(permitted_uris=(host,))
        fits = host == "192.0.2.7"
        yield chain_case(
            f"name-constraint::address-like-{'same' if fits else 'other'}",
            "ID-11 X509-17 I4",
            leaf(
                intermediate(ca, uris=(), name_constraints=constraints),
                "spiffe://192.0.2.7/web",
            ),
            "spiffe://192.0.2.7/web" if fits else _OUT,
            bundles={"192.0.2.7": (ca.der,)},
            policy="handfast-strict" if fits else "must",
        )
    junk = Extension("2.5.29.30", b"\x05\x00", critical=True)
    yield chain_case(
        "name-constraint::not-a-sequence",
        _RULES,
        leaf(intermediate(A, extensions=(junk,))),
        Reason.DER_TAG,
    )


def _names_that_pass_openssl() -> Iterator[Case]:
    """Leaves without a URI, or with two: no constraint on URIs refuses the former."""
    within = NameConstraints(permitted_uris=("a.example",))
    middle = intermediate(A, uris=(), name_constraints=within)
    inside = "spiffe://a.example/web"
    rows: tuple[tuple[str, dict[str, Any], Reason], ...] = (
        ("no-san", {"uris": ()}, Reason.SVID_NO_SPIFFE_ID),
        (
            "dns-only",
            {"uris": (), "dns_names": ("evil.org",)},
            Reason.SVID_NO_SPIFFE_ID,
        ),
        ("two-uris", {"uris": (inside, inside)}, Reason.SVID_MANY_URI_SANS),
        (
            "second-uri-outside",
            {"uris": (inside, "spiffe://b.example/web")},
            Reason.SVID_MANY_URI_SANS,
        ),
    )
    for name, knobs, reason in rows:
        yield chain_case(
            f"name-constraint::leaf-with-{name}",
            f"{_RULES} X509-03 X509-02",
            leaf(middle, **knobs),
            reason,
        )
    ca = root("192.0.2.7", uris=())
    for host in ("192.0.2.7", "198.51.100.1"):
        # openssl/openssl#32858: an excluded subtree and a host like an address.
        excluded = NameConstraints(excluded_uris=(host,))
        same = host == "192.0.2.7"
        uri = "spiffe://192.0.2.7/web"
        yield chain_case(
            f"name-constraint::address-like-excluded-{'same' if same else 'other'}",
            "ID-11 X509-17 I4",
            leaf(intermediate(ca, uris=(), name_constraints=excluded), uri),
            _OUT if same else uri,
            bundles={"192.0.2.7": (ca.der,)},
            policy="must" if same else "handfast-strict",
        )
    for name, tree, answer in (
        ("narrower", "a.example", inside),
        ("disjoint", "b.example", _OUT),
    ):
        wide = NameConstraints(permitted_uris=(".example", "a.example"))
        upper = intermediate(A, uris=(), path_length=None, name_constraints=wide)
        below = NameConstraints(permitted_uris=(tree,))
        lower = intermediate(upper, label="2", uris=(), name_constraints=below)
        yield chain_case(
            f"name-constraint::on-two-intermediates-{name}",
            _RULES,
            leaf(lower),
            answer,
        )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _spellings()
    yield from _names_that_pass_openssl()
    yield from _others()
