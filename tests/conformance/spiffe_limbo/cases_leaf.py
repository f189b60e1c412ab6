# SPDX-License-Identifier: Apache-2.0
"""Leaves: URI counts and types, key usage and purposes, and the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, Policy, chain_case
from tests.conformance.spiffe_limbo.world import WEB, A, leaf

from handfast import Reason
from handfast.testing import ACCEPTED, REFUSED, Extension, der

__all__ = ["cases"]

_ROLES: Final = ("either", "client", "server")
_EVIL: Final = "spiffe://a.example/evil"
#: Leaves whose making is random in the catalogue; those here are made instead.
_RANDOM: Final = frozenset({"other-key", "key-explicit-curve"})
#: Rules of the catalogue on which the standards leave a validator its choice.
_STRICT: Final = frozenset(
    {
        *("X509-06", "X509-18", "X509-19", "X509-21", "X509-25", "ID-07", "ID-17"),
        *("C10",),
    }
)
_STRICT_NAMES: Final = ("serial-", "-constraints", "upper-case")
_PURPOSES: Final[dict[str, tuple[str, ...]]] = {
    "server": ("server_auth",),
    "client": ("client_auth",),
    "both": ("server_auth", "client_auth"),
    "any": ("any",),
    "any-and-client": ("any", "client_auth"),
    "email": ("email",),
    "unknown": ("1.3.6.1.4.1.99999.2",),
    "unknown-and-both": ("1.3.6.1.4.1.99999.2", "server_auth", "client_auth"),
}
_NEEDED: Final = {
    "either": {"server_auth", "client_auth"},
    "client": {"client_auth"},
    "server": {"server_auth"},
}


def _catalogue() -> Iterator[Case]:
    for kind in (*REFUSED, *ACCEPTED):
        if kind.name in _RANDOM:
            continue
        knobs: dict[str, Any] = dict(kind.knobs)
        if "uris" in knobs:
            knobs["uris"] = tuple(
                uri.replace("{}", WEB) if isinstance(uri, str) else uri
                for uri in knobs["uris"]
            )
        loose = kind.reason is not None and (
            bool(_STRICT & set(kind.rules))
            or any(part in kind.name for part in _STRICT_NAMES)
        )
        yield chain_case(
            f"leaf::{kind.name}",
            " ".join(kind.rules),
            leaf(A, **knobs),
            kind.reason or WEB,
            policy="handfast-strict" if loose else "must",
        )


def _counts() -> Iterator[Case]:
    http = "https://a.example/web"
    several: dict[str, tuple[str, ...]] = {
        "two-spiffe": (WEB, _EVIL),
        "two-trust-domains": (WEB, "spiffe://b.example/web"),
        "three-spiffe": (WEB, _EVIL, WEB),
        "spiffe-then-urn": (WEB, "urn:uuid:0a9c8a2e-0000-4000-8000-000000000000"),
        "urn-then-spiffe": ("urn:uuid:0a9c8a2e-0000-4000-8000-000000000000", WEB),
        "spiffe-then-empty": (WEB, ""),
        "empty-then-spiffe": ("", WEB),
        "two-http": (http, http),
        "hundred": (WEB,) * 100,
    }
    for name, uris in several.items():
        yield chain_case(
            f"uri-san::{name}",
            "X509-02 X509-33 I1",
            leaf(A, uris=uris),
            Reason.SVID_MANY_URI_SANS,
        )
    san = der.sequence(der.context(6, WEB.encode(), constructed=False))
    for critical in (False, True):
        second = Extension("2.5.29.17", san, critical)
        yield chain_case(
            f"uri-san::second-extension-{'critical' if critical else 'plain'}",
            "X509-27 I1",
            leaf(A, extensions=(second,)),
            Reason.CERTIFICATE_DUPLICATE_EXTENSION,
        )
    yield chain_case(
        "uri-san::dns-before-and-after",
        "X509-04",
        leaf(
            A,
            uris=(),
            raw_names=(
                der.context(2, b"x.a.example", constructed=False),
                der.context(6, WEB.encode(), constructed=False),
                der.context(2, b"y.a.example", constructed=False),
            ),
        ),
    )


def _purpose_matrix() -> Iterator[Case]:
    for (name, purposes), role in product(_PURPOSES.items(), _ROLES):
        fits = set(purposes) >= _NEEDED[role]
        # Section 4.4 wants both of an issuer; it tells a validator nothing.
        policy: Policy = "must" if "both" in name else "handfast-strict"
        yield chain_case(
            f"eku::{name}-as-{role}",
            "X509-25 I6",
            leaf(A, extended_key_usage=purposes),
            WEB if fits else Reason.SVID_EXTENDED_KEY_USAGE,
            purpose=role,
            policy=policy,
        )
        loose = fits or "any" in purposes
        yield chain_case(
            f"eku::{name}-as-{role}-compatible",
            "X509-25 I6",
            leaf(A, extended_key_usage=purposes),
            WEB if loose else Reason.SVID_EXTENDED_KEY_USAGE,
            purpose=role,
            profile="compatible",
            policy=policy,
        )
    for role in _ROLES:
        yield chain_case(
            f"eku::absent-as-{role}",
            "X509-24 I6",
            leaf(A, extended_key_usage=None),
            purpose=role,
        )
        yield chain_case(
            f"eku::empty-as-{role}",
            "X509-27 I6",
            leaf(A, extended_key_usage=()),
            Reason.CERTIFICATE_EXTENSION,
            purpose=role,
            policy="handfast-strict",
        )


def _key_usage_matrix() -> Iterator[Case]:
    names = ("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign")
    for chosen, critical in product(product((False, True), repeat=4), (True, False)):
        usage = tuple(n for n, on in zip(names, chosen, strict=True) if on)
        if not usage:
            continue
        signs = chosen[2] or chosen[3]
        for profile in ("strict", "compatible"):
            good = chosen[0] and (critical or profile == "compatible")
            reason = Reason.SVID_CAN_SIGN if signs else Reason.SVID_KEY_USAGE
            told = "-".join(n.replace("_", "") for n in usage)
            yield chain_case(
                f"key-usage::{told}-{'critical' if critical else 'plain'}-{profile}",
                "X509-19 X509-21 X509-22 X509-23 X509-29 X509-30 I5",
                leaf(A, key_usage=usage, key_usage_critical=critical),
                WEB if good and not signs else reason,
                profile=profile,
                policy="must" if signs or (good and critical) else "handfast-strict",
            )
    yield chain_case(
        "key-usage::absent-compatible",
        "X509-18",
        leaf(A, key_usage=None),
        profile="compatible",
        policy="handfast-strict",
    )
    for own_ca, usage in product((True, None), (("digital_signature",), ("crl_sign",))):
        yield chain_case(
            f"ca-as-leaf::{'ca' if own_ca else 'no-basic-constraints'}-{usage[0]}",
            "X509-13 X509-28 X509-30 I5",
            leaf(A, ca=own_ca, key_usage=usage),
            Reason.SVID_IS_CA
            if own_ca
            else (WEB if usage[0] != "crl_sign" else Reason.SVID_CAN_SIGN),
        )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _catalogue()
    yield from _counts()
    yield from _purpose_matrix()
    yield from _key_usage_matrix()
