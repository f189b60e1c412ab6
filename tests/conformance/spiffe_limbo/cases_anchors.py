# SPDX-License-Identifier: Apache-2.0
"""Bundles of many anchors, anchors amid a chain, and certificates named alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.keys import key
from tests.conformance.spiffe_limbo.world import (
    DOMAIN,
    A,
    intermediate,
    leaf,
    root,
)

from handfast import Reason

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


def _named_alike() -> Iterator[Case]:
    """Certificates with the names, or the numbers, of those above them."""
    top = root(DOMAIN, subject="one name")
    same: dict[str, Any] = {"subject": "one name", "own": key("named alike")}
    for name, knobs, profile in (
        ("as-its-root", {}, "strict"),
        ("as-its-root-ed25519", {"own": key("named alike", "ed25519")}, "strict"),
        ("as-its-root-no-key-usage", {"key_usage": None}, "compatible"),
    ):
        yield chain_case(
            f"same-subject::intermediate-named-{name}",
            "X509-27",
            leaf(intermediate(top, **(same | knobs))),
            bundles={DOMAIN: (top.der,)},
            profile=profile,
            policy="must" if profile == "strict" else "handfast-strict",
        )
    yield chain_case(
        "same-subject::leaf-with-crl-sign-named-as-its-root",
        "X509-30 I5",
        leaf(top, subject="one name", key_usage=("digital_signature", "crl_sign")),
        Reason.SVID_CAN_SIGN,
        bundles={DOMAIN: (top.der,)},
    )
    short = root(DOMAIN, subject="a root", path_length=0)
    yield chain_case(
        "path-length::self-issued-if-case-is-folded",
        "X509-14 X509-27",
        leaf(intermediate(short, subject="A  Root", own=key("folded"))),
        Reason.PATH_LENGTH,
        bundles={DOMAIN: (short.der,)},
        # RFC 5280 folds names, and then it counts for nothing; bytes are compared here.
        policy="handfast-strict",
    )
    # A root that names another key above it than its own, and a number used twice.
    odd = root(DOMAIN, label="odd", authority_key_identifier=b"other", serial=1)
    yield chain_case(
        "anchor::serial-number-of-the-intermediate",
        "X509-27 X509-39",
        leaf(intermediate(odd, serial=1)),
        bundles={DOMAIN: (odd.der,)},
        policy="handfast-strict",
    )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _hundred()
    yield from _not_self_signed()
    yield from _named_alike()
