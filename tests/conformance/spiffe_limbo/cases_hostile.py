# SPDX-License-Identifier: Apache-2.0
"""C10: chains made to be slow: loops, look-alikes, names times constraints."""

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
    yield from _loops()
    yield from _name_bombs()
