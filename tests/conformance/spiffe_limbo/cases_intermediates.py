# SPDX-License-Identifier: Apache-2.0
"""Intermediates that may not sign, each for one reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.world import DOMAIN, WEB, A, Ca, intermediate, leaf

from handfast import Reason
from handfast.testing import Extension

__all__ = ["cases"]

_UNKNOWN: Final = Extension("1.3.6.1.4.1.99999.1", b"\x05\x00", critical=True)

# A certificate that is no CA is passed over: then nobody known has signed the leaf.
_BAD_INTERMEDIATES: Final[tuple[tuple[str, dict[str, Any], Reason, bool], ...]] = (
    ("not-a-ca", {"ca": False, "path_length": None}, Reason.AUTHORITY_NOT_CA, True),
    (
        "no-basic-constraints",
        {"ca": None},
        Reason.AUTHORITY_NOT_CA,
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


def cases() -> Iterator[Case]:
    """All of them."""
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
