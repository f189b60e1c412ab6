# SPDX-License-Identifier: Apache-2.0
"""Paths: validity edges, lengths, order, intermediates that may not sign, limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.keys import key
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
from handfast.testing import Extension, der

__all__ = ["cases"]

_UNKNOWN: Final = Extension("1.3.6.1.4.1.99999.1", b"\x05\x00", critical=True)


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


# A certificate that is no CA is passed over: then nobody known has signed the leaf.
_BAD_INTERMEDIATES: Final[tuple[tuple[str, dict[str, Any], Reason, bool], ...]] = (
    ("not-a-ca", {"ca": False, "path_length": None}, Reason.UNKNOWN_AUTHORITY, True),
    (
        "no-basic-constraints",
        {"ca": None},
        Reason.UNKNOWN_AUTHORITY,
        True,
    ),
    (
        "no-cert-sign",
        {"key_usage": ("digital_signature",)},
        Reason.AUTHORITY_NOT_CA,
        True,
    ),
    ("crl-sign-only", {"key_usage": ("crl_sign",)}, Reason.AUTHORITY_NOT_CA, True),
    ("no-key-usage", {"key_usage": None}, Reason.AUTHORITY_NOT_CA, False),
    (
        "basic-constraints-not-critical",
        {"basic_constraints_critical": False},
        Reason.AUTHORITY_NOT_CA,
        False,
    ),
    ("expired", {"not_after": -1}, Reason.CERTIFICATE_EXPIRED, True),
    ("not-yet-valid", {"not_before": 60}, Reason.CERTIFICATE_NOT_YET_VALID, True),
    ("flipped-bit", {"signature": "flipped"}, Reason.BAD_SIGNATURE, True),
    (
        "unknown-critical",
        {"extensions": (_UNKNOWN,)},
        Reason.CERTIFICATE_UNKNOWN_CRITICAL,
        True,
    ),
    (
        "basic-constraints-twice",
        {"twice": ("basic_constraints",)},
        Reason.CERTIFICATE_DUPLICATE_EXTENSION,
        True,
    ),
    (
        "key-usage-twice",
        {"twice": ("key_usage",)},
        Reason.CERTIFICATE_DUPLICATE_EXTENSION,
        True,
    ),
    ("version-1", {"version": 1}, Reason.CERTIFICATE_VERSION, True),
    ("serial-zero", {"serial": 0}, Reason.CERTIFICATE_SERIAL, False),
    ("rsa-1024", {"key_type": "rsa1024"}, Reason.CERTIFICATE_KEY, False),
    ("p224", {"key_type": "p224"}, Reason.CERTIFICATE_KEY, False),
    ("secp256k1", {"key_type": "secp256k1"}, Reason.CERTIFICATE_KEY, False),
    ("ed448", {"key_type": "ed448"}, Reason.CERTIFICATE_ALGORITHM, False),
    ("sha1", {"digest": "sha1"}, Reason.CERTIFICATE_ALGORITHM, False),
    ("empty-subject", {"subject": ""}, Reason.CERTIFICATE_EMPTY_NAME, True),
    ("trailing-bytes", {"trailing": b"\x00"}, Reason.DER_TRAILING, True),
)


def _bad_intermediates() -> Iterator[Case]:
    for name, knobs, reason, must in _BAD_INTERMEDIATES:
        yield chain_case(
            f"intermediate::{name}",
            "X509-08 X509-27 C11",
            leaf(intermediate(A, label="bad", **knobs)),
            reason,
            policy="must" if must else "handfast-strict",
        )
    for name in ("no-key-usage", "basic-constraints-not-critical"):
        knobs = next(row[1] for row in _BAD_INTERMEDIATES if row[0] == name)
        yield chain_case(
            f"intermediate::{name}-compatible",
            "X509-20 X509-15",
            leaf(intermediate(A, label="bad", **knobs)),
            profile="compatible",
            policy="handfast-strict",
        )
    narrow = intermediate(A, extended_key_usage=("server_auth",))
    for role in ("client", "server"):
        yield chain_case(
            f"intermediate::server-only-as-{role}",
            "X509-26",
            leaf(narrow),
            WEB if role == "server" else Reason.SVID_EXTENDED_KEY_USAGE,
            purpose=role,
            policy="handfast-strict",
        )
    signer = Ca(DOMAIN, leaf(A)[0], intermediate(A).issuer)
    below = leaf(A, "spiffe://a.example/ca", subject="a.example intermediate")
    yield chain_case(
        "intermediate::a-workload-as-authority",
        "X509-13 X509-27 C11",
        (*leaf(signer), *below),
        Reason.UNKNOWN_AUTHORITY,
    )


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


def _limits() -> Iterator[Case]:
    one = leaf(A)[0]
    for count in (8, 9):
        yield chain_case(
            f"limits::certificates-{count}",
            "C10",
            (one,) * count,
            WEB if count == 8 else Reason.CHAIN_TOO_LONG,
            policy="handfast-strict",
        )
    # Two certificates of a size that sums up to 32 KiB exactly, and to one byte more.
    middle = intermediate(A)
    room = 32 * 1024 - len(middle.der)
    for more in (0, 1):
        size = room + more - len(leaf(middle)[0])
        for slack in range(size - 40, size):
            filler = Extension("1.3.6.1.4.1.99999.3", b"\x04" * slack)
            chain = leaf(middle, extensions=(filler,))
            if sum(map(len, chain)) == 32 * 1024 + more:
                yield chain_case(
                    f"limits::bytes-{32 * 1024 + more}",
                    "C10",
                    chain,
                    Reason.CHAIN_TOO_LARGE if more else WEB,
                    policy="handfast-strict",
                )
                break
    same = [
        intermediate(A, subject="a name", own=key(f"look-alike {n}")).der
        for n in range(7)
    ]
    lower = intermediate(A, subject="a name", own=key("look-alike 0"))
    yield chain_case(
        "limits::seven-look-alike-intermediates",
        "C10",
        (leaf(lower)[0], *same[::-1]),
        policy="handfast-strict",
    )


def _leaf_der() -> Iterator[Case]:
    again = Extension("1.3.6.1.4.1.99999.1", b"\x05\x00")
    yield chain_case(
        "extension::unknown-twice",
        "X509-27",
        leaf(A, extensions=(again, again)),
        Reason.CERTIFICATE_DUPLICATE_EXTENSION,
    )
    for name in ("basic_constraints", "key_usage", "extended_key_usage"):
        yield chain_case(
            f"extension::{name.replace('_', '-')}-twice",
            "X509-27",
            leaf(A, twice=(name,)),
            Reason.CERTIFICATE_DUPLICATE_EXTENSION,
        )
    for number in (33, 34, 36, 54):
        empty = Extension(f"2.5.29.{number}", der.sequence(), critical=True)
        yield chain_case(
            f"extension::policy-kind-{number}",
            "X509-27",
            leaf(A, extensions=(empty,)),
            # 34 was never in use; it is as unknown as any other number.
            Reason.CERTIFICATE_UNKNOWN_CRITICAL
            if number == 34
            else Reason.AUTHORITY_CONSTRAINTS,
            policy="handfast-strict",
        )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _edges()
    yield from _lengths()
    yield from _order()
    yield from _bad_intermediates()
    yield from _anchors()
    yield from _limits()
    yield from _leaf_der()
