# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures: kinds, digests, points, and signers who are somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.keys import key
from tests.conformance.spiffe_limbo.world import WEB, A, Ca, leaf, root

from handfast import Reason
from handfast.testing import der
from handfast.testing.build import Issuer
from handfast.testing.sign import spki

__all__ = ["cases"]


def _signed_by_another() -> Iterator[Case]:
    for kind in ("p256", "p384", "p521", "ed25519", "rsa2048"):
        ca = root("a.example", label=kind, key_type=kind)
        bundles = {"a.example": (ca.der,)}
        yield chain_case(
            f"keys::authority-{kind}", "X509-27 C10", leaf(ca), bundles=bundles
        )
        other = key("nobody", kind)
        forged = replace(ca, issuer=Issuer(ca.issuer.name, other, ca.issuer.key_id))
        yield chain_case(
            f"keys::other-signer-{kind}",
            "X509-27",
            leaf(forged),
            Reason.BAD_SIGNATURE,
            bundles=bundles,
        )
        yield chain_case(
            f"keys::flipped-bit-{kind}",
            "X509-27",
            leaf(ca, signature="flipped"),
            Reason.BAD_SIGNATURE,
            bundles=bundles,
        )
        if kind != "ed25519":
            yield from _digests(ca, kind)


def _digests(ca: Ca, kind: str) -> Iterator[Case]:
    for digest in ("sha1", "sha224", "sha256", "sha384", "sha512"):
        weak = digest in {"sha1", "sha224"}
        yield chain_case(
            f"keys::{kind}-{digest}",
            "X509-27 C10",
            leaf(ca, digest=digest),
            Reason.CERTIFICATE_ALGORITHM if weak else WEB,
            bundles={"a.example": (ca.der,)},
            policy="handfast-strict" if weak else "must",
        )


def _odd_points() -> Iterator[Case]:
    good = spki(key("leaf"))
    point = bytearray(good)
    point[-1] ^= 1
    compressed = der.sequence(
        good[2:][:21], der.bit_string(bytes([2 + good[-1] % 2]) + good[-64:-32])
    )
    for name, public in (("off-curve", bytes(point)), ("compressed", compressed)):
        yield chain_case(
            f"keys::point-{name}",
            "C10",
            leaf(A, public_key=public),
            Reason.CERTIFICATE_KEY,
            policy="must" if name == "off-curve" else "handfast-strict",
        )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _signed_by_another()
    yield from _odd_points()
