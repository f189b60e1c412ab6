# SPDX-License-Identifier: Apache-2.0
"""RSA-PSS signatures, and curves that are spelled out instead of named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.keys import key
from tests.conformance.spiffe_limbo.world import (
    DOMAIN,
    WEB,
    A,
    intermediate,
    leaf,
    root,
)

from handfast import Reason
from handfast.testing import der
from handfast.testing.build import Issuer
from handfast.testing.sign import spki

__all__ = ["cases"]

_RSA: Final = root(DOMAIN, label="rsa2048", key_type="rsa2048")
_PRIME: Final = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_BASE: Final = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def _pss() -> Iterator[Case]:
    bundles = {DOMAIN: (_RSA.der,)}
    for digest in ("sha1", "sha224", "sha256", "sha384", "sha512"):
        weak = digest in {"sha1", "sha224"}
        for depth in (0, 1):
            # At depth 1 it is the intermediate that is signed so.
            knobs: dict[str, Any] = {"pss": True, "digest": digest}
            upper = intermediate(_RSA, key_type="p256", **knobs) if depth else None
            chain = leaf(upper) if upper else leaf(_RSA, **knobs)
            yield chain_case(
                f"algorithm::pss-{digest}-depth-{depth}",
                "X509-27 C10",
                chain,
                Reason.CERTIFICATE_ALGORITHM if weak else WEB,
                bundles=bundles,
                policy="handfast-strict" if weak else "must",
            )
    yield chain_case(
        "algorithm::pss-flipped-bit",
        "X509-27",
        leaf(_RSA, pss=True, signature="flipped"),
        Reason.BAD_SIGNATURE,
        bundles=bundles,
    )
    stranger = Issuer(_RSA.issuer.name, key("nobody", "rsa2048"), _RSA.issuer.key_id)
    yield chain_case(
        "algorithm::pss-other-signer",
        "X509-27",
        leaf(replace(_RSA, issuer=stranger), pss=True),
        Reason.BAD_SIGNATURE,
        bundles=bundles,
    )
    # What is signed by PKCS#1 v1.5 and says PSS, and the other way round.
    for says in (True, False):
        mixed = _relabelled(leaf(_RSA, pss=not says)[0], leaf(_RSA, pss=says)[0])
        yield chain_case(
            f"algorithm::signed-otherwise-than-{'pss' if says else 'pkcs1'}",
            "X509-27",
            (mixed,),
            Reason.BAD_SIGNATURE,
            bundles=bundles,
        )


def _relabelled(signed: bytes, labelled: bytes) -> bytes:
    """One certificate's signature on another; both signatures have 256 bytes."""
    return labelled[:-256] + signed[-256:]


def _explicit(point: bytes, *, order: int = _ORDER, seed: bool = False) -> bytes:
    """P-256, spelled out (CVE-2022-0778, CVE-2020-0601)."""
    curve = [
        der.octet_string((_PRIME - 3).to_bytes(32, "big")),
        der.octet_string(_B.to_bytes(32, "big")),
    ]
    if seed:
        curve.append(der.bit_string(bytes(20)))
    parameters = der.sequence(
        der.integer(1),
        der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(_PRIME)),
        der.sequence(*curve),
        der.octet_string(_BASE),
        der.integer(order),
        der.integer(1),
    )
    return _public(parameters, point)


def _public(parameters: bytes, point: bytes) -> bytes:
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), parameters)
    return der.sequence(algorithm, der.bit_string(point))


def _spelled_curves() -> Iterator[Case]:
    own = spki(key("leaf"))[-65:]
    upper = key("intermediate explicit")
    publics = {
        "explicit": _explicit(own),
        "explicit-with-seed": _explicit(own, seed=True),
        "explicit-other-order": _explicit(own, order=_ORDER - 2),
        "implicit": _public(b"\x05\x00", own),
        "no-parameters": _public(b"", own),
        "unknown-curve": _public(der.oid("1.3.6.1.4.1.99999.9"), own),
        "point-at-infinity": _public(der.oid("1.2.840.10045.3.1.7"), b"\0"),
        "point-hybrid": _public(
            der.oid("1.2.840.10045.3.1.7"), bytes([6 + own[-1] % 2]) + own[1:]
        ),
        "point-of-another-curve": _public(der.oid("1.3.132.0.34"), own),
    }
    for name, public in publics.items():
        # Some readers know P-256 however it is written; RFC 5480 forbids it.
        bad = name in {"point-at-infinity", "point-of-another-curve"}
        yield chain_case(
            f"algorithm::curve-{name}",
            "C10 X509-27",
            leaf(A, public_key=public),
            Reason.CERTIFICATE_KEY,
            policy="must" if bad else "handfast-strict",
        )
    yield chain_case(
        "algorithm::curve-explicit-in-intermediate",
        "C10 X509-27",
        leaf(
            intermediate(
                A, label="explicit", own=upper, public_key=_explicit(spki(upper)[-65:])
            )
        ),
        Reason.CERTIFICATE_KEY,
        policy="handfast-strict",
    )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _pss()
    yield from _spelled_curves()
