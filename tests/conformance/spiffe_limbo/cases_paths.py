# SPDX-License-Identifier: Apache-2.0
"""Paths: validity edges, lengths, order, and the anchors they end at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.world import (
    DOMAIN,
    HOUR,
    NOW,
    WEB,
    A,
    Ca,
    intermediate,
    leaf,
    root,
)

from handfast import Reason

__all__ = ["cases"]


def _bundle(ca: Ca) -> dict[str, tuple[bytes, ...]]:
    return {DOMAIN: (ca.der,)}


def _edges() -> Iterator[Case]:
    window: dict[str, Any] = {"not_before": -HOUR, "not_after": HOUR}
    wide: dict[str, Any] = {"not_before": -9 * HOUR, "not_after": 9 * HOUR}
    edges = {"not-before": timedelta(hours=-1), "not-after": timedelta(hours=1)}
    for place in ("leaf", "intermediate", "anchor"):
        ca = root(DOMAIN, label="edge", **(window if place == "anchor" else wide))
        middle = intermediate(ca, **(window if place == "intermediate" else wide))
        chain = leaf(middle, **(window if place == "leaf" else wide))
        for edge, offset in edges.items():
            for second in (-1, 0, 1):
                reason = None
                if edge == "not-before" and second < 0:
                    reason = Reason.CERTIFICATE_NOT_YET_VALID
                if edge == "not-after" and second >= 0:
                    reason = Reason.CERTIFICATE_EXPIRED
                # RFC 5280 includes the last second, OpenSSL does not.
                last = edge == "not-after" and second == 0
                yield chain_case(
                    f"validity::{place}-{edge}-{second:+d}",
                    "X509-27 C2",
                    chain,
                    reason or WEB,
                    what=f"judged {second:+d} s from {edge} of the {place}",
                    bundles=_bundle(ca),
                    at=NOW + offset + timedelta(seconds=second),
                    policy="handfast-strict" if last else "must",
                )
    yield chain_case(
        "validity::backwards",
        "X509-27",
        leaf(A, not_before=HOUR, not_after=-HOUR),
        Reason.CERTIFICATE_NOT_YET_VALID,
    )


def _far_away() -> Iterator[Case]:
    """Years at which counters and formats of time change."""
    for year in (2038, 2049, 2050, 9999):
        end = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
        far: dict[str, Any] = {"not_before": -HOUR, "not_after": end}
        ca = root(DOMAIN, label=f"until {year}", **far)
        for name, at in (("last", end - timedelta(seconds=1)), ("now", NOW)):
            yield chain_case(
                f"validity::until-{year}-judged-{name}",
                "X509-27 C2",
                leaf(ca, **far),
                bundles=_bundle(ca),
                at=at,
            )


def _lengths() -> Iterator[Case]:
    for limit in (0, 1, 2):
        ca = root(DOMAIN, label=f"limit {limit}", path_length=limit)
        lower: Ca = ca
        for below in range(4):
            yield chain_case(
                f"path-length::root-{limit}-intermediates-{below}",
                "X509-14 X509-27",
                leaf(lower),
                WEB if below <= limit else Reason.PATH_LENGTH,
                bundles=_bundle(ca),
            )
            lower = intermediate(lower, label=str(below), path_length=None)
    short = intermediate(A, path_length=0)
    yield chain_case(
        "path-length::intermediate-below-zero",
        "X509-14 X509-27",
        leaf(intermediate(short, label="below")),
        Reason.PATH_LENGTH,
    )
    lower = A
    for count in range(1, 9):
        lower = intermediate(lower, label=str(count), path_length=None)
        if count >= 5:
            yield chain_case(
                f"limits::intermediates-{count}",
                "C10",
                leaf(lower),
                WEB if count < 8 else Reason.CHAIN_TOO_LONG,
                policy="must" if count < 6 else "handfast-strict",
            )


def _order() -> Iterator[Case]:
    one = intermediate(A, label="1", path_length=None)
    two = intermediate(one, label="2", path_length=None)
    three = intermediate(two, label="3", path_length=None)
    first, *above = leaf(three)
    for order in permutations(range(3)):
        yield chain_case(
            "order::" + "".join(str(place + 1) for place in order),
            "X509-27",
            (first, *(above[place] for place in order)),
            policy="must" if order == (0, 1, 2) else "handfast-strict",
        )
    for place in range(3):
        missing = [der for at, der in enumerate(above) if at != place]
        yield chain_case(
            f"order::missing-{place + 1}",
            "X509-27",
            (first, *missing),
            Reason.UNKNOWN_AUTHORITY,
        )
    extra: dict[str, tuple[bytes, ...]] = {
        "duplicate-intermediate": (*above, above[0]),
        "duplicate-leaf": (first, *above),
        "root-included": (*above, A.der),
        "unrelated-ca": (*above, root("c.example").der),
    }
    for name, rest in extra.items():
        yield chain_case(
            f"order::{name}", "X509-27", (first, *rest), policy="handfast-strict"
        )
    yield chain_case(
        "order::leaf-last",
        "X509-07 X509-13",
        (*above, first),
        Reason.SVID_IS_CA,
    )
    yield chain_case("limits::empty-chain", "X509-27", (), Reason.CHAIN_EMPTY)


def _anchors() -> Iterator[Case]:
    middle = intermediate(A)
    good: dict[str, Ca] = {
        "not-self-signed": Ca(DOMAIN, middle.der, middle.issuer),
        "no-id": root(DOMAIN, label="no id", uris=()),
        "id-with-path": root(DOMAIN, label="path", uris=("spiffe://a.example/ca",)),
        "other-id": root(DOMAIN, label="other", uris=("spiffe://b.example",)),
        "rsa-2048": root(DOMAIN, label="rsa", key_type="rsa2048"),
    }
    for name, ca in good.items():
        yield chain_case(
            f"anchor::{name}",
            "X509-39 X509-12",
            leaf(ca),
            bundles=_bundle(ca),
            policy="handfast-strict" if "id" in name else "must",
        )
    many = tuple(root(DOMAIN, label=f"of many {n}").der for n in range(20))
    yield chain_case(
        "anchor::last-of-21", "X509-43", leaf(A), bundles={DOMAIN: (*many, A.der)}
    )
    yield chain_case(
        "anchor::twice", "X509-43", leaf(A), bundles={DOMAIN: (A.der, A.der)}
    )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _edges()
    yield from _far_away()
    yield from _lengths()
    yield from _order()
    yield from _anchors()
