# SPDX-License-Identifier: Apache-2.0
"""Bundles of many anchors, anchors amid a chain, and chains made to be slow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.keys import key
from tests.conformance.spiffe_limbo.world import (
    DOMAIN,
    WEB,
    A,
    Ca,
    intermediate,
    leaf,
    root,
)

from handfast import Reason
from handfast.testing import NameConstraints, der

__all__ = ["cases"]

_UNKNOWN: Final = Reason.UNKNOWN_AUTHORITY


def _hundred() -> Iterator[Case]:
    small: dict[str, Any] = {"key_type": "ed25519", "uris": ()}
    many = [root(DOMAIN, label=f"of a hundred {n}", **small) for n in range(100)]
    ders = tuple(ca.der for ca in many)
    for place in (0, 49, 99):
        yield chain_case(
            f"anchor::of-100-number-{place + 1}",
            "X509-43 C10",
            leaf(many[place]),
            bundles={DOMAIN: ders},
        )
    yield chain_case(
        "anchor::none-of-100",
        "X509-34 X509-43 C10",
        leaf(A),
        _UNKNOWN,
        bundles={DOMAIN: ders},
    )
    # One name, no key identifiers: nothing but the signature tells them apart.
    alike: dict[str, Any] = {
        "subject": "one name",
        "subject_key_identifier": False,
        "own": None,
    }
    twins = [
        root(DOMAIN, **(small | alike | {"own": key(f"twin {n}", "ed25519")}))
        for n in range(40)
    ]
    bundles = {DOMAIN: tuple(ca.der for ca in twins)}
    for place in (0, 39):
        yield chain_case(
            f"anchor::of-40-of-one-name-number-{place + 1}",
            "X509-43 C10",
            leaf(twins[place], authority_key_identifier=False),
            bundles=bundles,
        )
    stranger = root(DOMAIN, **(small | alike | {"own": key("no twin", "ed25519")}))
    yield chain_case(
        "anchor::none-of-40-of-one-name",
        "X509-34 C10",
        leaf(stranger, authority_key_identifier=False),
        _UNKNOWN,
        bundles=bundles,
    )


def _not_self_signed() -> Iterator[Case]:
    """X509-39: an anchor is what was configured, and ends the path where it stands."""
    upper = intermediate(A, label="1", path_length=None)
    middle = intermediate(upper, label="2", path_length=None)
    lower = intermediate(middle, label="3", path_length=None)
    chain = leaf(lower)
    for name, anchors in {
        "lowest": (lower,),
        "middle": (middle,),
        "upper": (upper,),
        "middle-and-root": (middle, A),
    }.items():
        yield chain_case(
            f"anchor::{name}-of-the-chain",
            "X509-39",
            chain,
            bundles={DOMAIN: tuple(ca.der for ca in anchors)},
        )
    yield chain_case(
        "anchor::beside-the-chain",
        "X509-34 X509-39",
        chain,
        _UNKNOWN,
        bundles={DOMAIN: (intermediate(A, label="beside").der,)},
    )
    yield chain_case(
        "anchor::the-leaf-itself",
        "X509-08 X509-13",
        leaf(A),
        Reason.AUTHORITY_NOT_CA,
        bundles={DOMAIN: (leaf(A)[0],)},
        policy="handfast-strict",
    )
    bare: dict[str, dict[str, Any]] = {
        "no-key-usage": {"key_usage": None},
        "no-key-identifier": {"subject_key_identifier": False},
    }
    for name, knobs in bare.items():
        ca = root(DOMAIN, label=name, **knobs)
        yield chain_case(
            f"anchor::{name}",
            "X509-20 X509-27",
            leaf(ca),
            bundles={DOMAIN: (ca.der,)},
            policy="handfast-strict" if "usage" in name else "must",
        )
    for signer_first in (True, False):
        pair = [
            root(DOMAIN, label=label, subject="root", subject_key_identifier=b"one id")
            for label in ("one", "two")
        ]
        trusted = pair if signer_first else pair[::-1]
        yield chain_case(
            f"same-subject::same-key-id-signer-{1 if signer_first else 2}",
            "X509-27 X509-43",
            leaf(pair[0]),
            bundles={DOMAIN: tuple(ca.der for ca in trusted)},
        )
    yield chain_case(
        "same-subject::other-key-id-in-the-leaf",
        "X509-27",
        leaf(A, authority_key_identifier=b"somebody else's"),
        _UNKNOWN,
        # RFC 5280 has key identifiers for finding, not for judging.
        policy="handfast-strict",
    )


def _loops() -> Iterator[Case]:
    """Two authorities that sign each other, and neither is known."""
    one, two = key("loop one"), key("loop two")
    first = root(DOMAIN, subject="loop one", own=one)
    second = root(DOMAIN, subject="loop two", own=two)
    crossed = (
        intermediate(second, own=one, subject="loop one", path_length=None).der,
        intermediate(first, own=two, subject="loop two", path_length=None).der,
    )
    yield chain_case("pathological::loop", "C10", (*leaf(first), *crossed), _UNKNOWN)
    yield chain_case(
        "pathological::loop-with-a-way-out",
        "C10 X509-27",
        (*leaf(first), *crossed),
        bundles={DOMAIN: (second.der,)},
    )
    # Seven certificates of one name and one key: each could be above each.
    again: dict[str, Any] = {"subject": "again", "own": key("again")}
    same: Ca = root(DOMAIN, **again)
    for known in (False, True):
        copies = [
            intermediate(same, path_length=None, serial=n + 1, **again)
            for n in range(7)
        ]
        yield chain_case(
            f"pathological::same-name-same-key-{'known' if known else 'unknown'}",
            "C10",
            (leaf(copies[0])[0], *(ca.der for ca in copies)),
            WEB if known else _UNKNOWN,
            bundles={DOMAIN: (same.der,)} if known else None,
            policy="handfast-strict" if known else "must",
        )
    # And seven of one name and seven keys without identifiers, none of which signed.
    loose: dict[str, Any] = {
        "subject": "a name",
        "subject_key_identifier": False,
        "authority_key_identifier": False,
        "path_length": None,
    }
    top = root(DOMAIN, subject="a name", own=key("explosion root"))
    mesh = [intermediate(top, own=key(f"explosion {n}"), **loose) for n in range(7)]
    nobody = root(DOMAIN, subject="a name", own=key("explosion nobody"))
    yield chain_case(
        "pathological::path-explosion",
        "C10",
        (
            leaf(nobody, authority_key_identifier=False)[0],
            *(ca.der for ca in mesh),
        ),
        _UNKNOWN,
    )


def _name_bombs() -> Iterator[Case]:
    """Names times constraints: what fits in 32 KiB is still a million comparisons."""
    for names, subtrees in ((40, 40), (1400, 1400)):
        many = names > 1000
        hosts = tuple(f"h{n}.b" for n in range(subtrees))
        trees = NameConstraints(excluded_dns=hosts)
        upper = intermediate(A, uris=(), name_constraints=trees)
        raw = tuple(
            der.context(2, f"x{n}.c".encode(), constructed=False) for n in range(names)
        )
        yield chain_case(
            f"pathological::names-{names}-times-constraints-{subtrees}",
            "C10 X509-17",
            leaf(upper, raw_names=raw),
            Reason.CHAIN_REJECTED if many else WEB,
            policy="handfast-strict" if many else "must",
        )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _hundred()
    yield from _not_self_signed()
    yield from _loops()
    yield from _name_bombs()
