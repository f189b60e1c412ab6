# SPDX-License-Identifier: Apache-2.0
"""Trust domains: who may sign for whom, however the authorities resemble each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.keys import key
from tests.conformance.spiffe_limbo.world import WEB, A, Ca, intermediate, leaf, root

from handfast import Reason

__all__ = ["cases"]

_THREE: Final = ("a.example", "b.example", "a.example.b.example")
_RULES: Final = "ID-22 X509-34 FED-60 C5"


def _matrix(title: str, domains: tuple[str, ...]) -> Iterator[Case]:
    """Each signer, each name, with and without an intermediate, all bundles at hand."""
    alike: dict[str, Any] = {"subject": "the same name"} if title != "apart" else {}
    no_ids: dict[str, Any] = (
        {"subject_key_identifier": False} if title == "no-key-ids" else {}
    )
    shared = key("shared") if title == "same-key" else None
    roots = {d: root(d, own=shared, **(alike | no_ids)) for d in domains}
    bundles = {domain: (ca.der,) for domain, ca in roots.items()}
    leaf_ids: dict[str, Any] = {"authority_key_identifier": False} if no_ids else {}
    for signer, named in product(domains, domains):
        uri = f"spiffe://{named}/web"
        for depth in (0, 1):
            ca = roots[signer]
            if depth:
                # It names itself after the trust domain that the leaf claims.
                ca = intermediate(ca, uris=(f"spiffe://{named}",), **leaf_ids)
            good = signer == named or title == "same-key"
            yield chain_case(
                f"trust-domain::{len(domains)}x{len(domains)}-{title}-"
                f"{signer}-signs-{named}-depth-{depth}",
                _RULES,
                leaf(ca, uri, **leaf_ids),
                uri if good else Reason.UNKNOWN_AUTHORITY,
                what=f"authorities {title}: that of {signer} signs for {named}",
                bundles=bundles,
            )


def _same_subject() -> Iterator[Case]:
    """Two roots of one trust domain and one name: both must be tried."""
    for with_ids, order in product((True, False), (0, 1)):
        pair = [
            root("a.example", label=label, subject="root", subject_key_identifier=ids)
            for label, ids in (("one", with_ids), ("two", with_ids))
        ]
        trusted = pair[::-1] if order else pair
        for place, ca in enumerate(pair):
            yield chain_case(
                f"same-subject::{'with' if with_ids else 'without'}-key-ids-"
                f"signer-{place + 1}-order-{order + 1}",
                "X509-27 X509-43",
                leaf(ca, authority_key_identifier=with_ids),
                bundles={"a.example": tuple(one.der for one in trusted)},
            )


def _bridges() -> Iterator[Case]:
    b = root("b.example")
    bridge = intermediate(
        b,
        own=A.issuer.key,
        subject=A.issuer.name,
        uris=("spiffe://a.example",),
    )
    both = {"a.example": (A.der,), "b.example": (b.der,)}
    chain = (*leaf(A), bridge.der)
    yield chain_case("cross-sign::own-anchor", _RULES, chain, bundles=both)
    yield chain_case(
        "cross-sign::only-the-other-domain",
        _RULES,
        chain,
        Reason.UNKNOWN_TRUST_DOMAIN,
        bundles={"b.example": (b.der,)},
    )
    yield chain_case(
        "cross-sign::own-bundle-empty",
        "X509-43 BUN-13 C5",
        chain,
        Reason.EMPTY_BUNDLE,
        bundles={"a.example": (), "b.example": (b.der,)},
    )
    new = root("a.example", label="new")
    within = intermediate(A, own=new.issuer.key, subject=new.issuer.name)
    renewed = (*leaf(new), within.der)
    for name, anchors in {
        "old": (A.der,),
        "new": (new.der,),
        "both": (A.der, new.der),
    }.items():
        yield chain_case(
            f"cross-sign::rotation-{name}-anchor",
            "X509-27",
            renewed,
            bundles={"a.example": anchors},
        )
    stranger = root("a.example", label="stranger")
    yield chain_case(
        "cross-sign::root-in-the-chain",
        "X509-34 C5",
        (*leaf(stranger), stranger.der),
        Reason.UNKNOWN_AUTHORITY,
    )
    yield chain_case(
        "trust-domain::no-bundle",
        "ID-22 WAPI-27",
        leaf(A, "spiffe://c.example/web"),
        Reason.UNKNOWN_TRUST_DOMAIN,
    )
    yield chain_case(
        "trust-domain::no-bundles-at-all",
        "WAPI-27",
        leaf(A),
        Reason.UNKNOWN_TRUST_DOMAIN,
        bundles={},
    )


def _look_alikes() -> Iterator[Case]:
    """Names like that of the only bundle there is."""
    names = (
        *("a.example.", ".a.example", "a.example.evil", "evil.a.example", "aexample"),
        *("a-example", "a_example", "a..example", "example", "a.exampl", "a.examplea"),
    )
    for name in names:
        uri = f"spiffe://{name}/web"
        yield chain_case(
            f"look-alike::{name}",
            "X509-34 I7 ID-11",
            leaf(A, uri),
            Reason.UNKNOWN_TRUST_DOMAIN,
        )


def _ids_of_intermediates() -> Iterator[Case]:
    ids: tuple[tuple[str, tuple[str, ...], Reason | None, Reason | None], ...] = (
        ("own-trust-domain", ("spiffe://a.example",), None, None),
        ("none", (), None, None),
        ("other-trust-domain", ("spiffe://b.example",), Reason.AUTHORITY_ID, None),
        (
            "with-a-path",
            ("spiffe://a.example/ca",),
            Reason.AUTHORITY_ID,
            Reason.AUTHORITY_ID,
        ),
        (
            "two",
            ("spiffe://a.example", "spiffe://a.example"),
            Reason.SVID_MANY_URI_SANS,
            Reason.SVID_MANY_URI_SANS,
        ),
        (
            "http",
            ("https://a.example/",),
            Reason.SVID_ID_INVALID,
            Reason.SVID_ID_INVALID,
        ),
        (
            "upper-case",
            ("spiffe://A.example",),
            Reason.SVID_ID_INVALID,
            Reason.SVID_ID_INVALID,
        ),
    )
    for name, uris, strict, compatible in ids:
        middle: Ca = intermediate(A, uris=uris)
        for profile, reason in (("strict", strict), ("compatible", compatible)):
            yield chain_case(
                f"intermediate-id::{name}-{profile}",
                "X509-10 X509-11 X509-12 C6",
                leaf(middle),
                reason or WEB,
                profile=profile,
                policy="must" if strict is None else "handfast-strict",
            )


def cases() -> Iterator[Case]:
    """All of them."""
    for title in ("apart", "same-subject", "no-key-ids", "same-key"):
        yield from _matrix(title, _THREE[:2])
    yield from _matrix("apart", _THREE)
    yield from _matrix("same-subject", _THREE)
    yield from _same_subject()
    yield from _bridges()
    yield from _look_alikes()
    yield from _ids_of_intermediates()
