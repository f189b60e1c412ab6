# SPDX-License-Identifier: Apache-2.0
"""JWT-SVIDs: the nine algorithms, all others, and keys that do not fit them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.conformance.spiffe_limbo.case import Case
from tests.conformance.spiffe_limbo.jwt_reasons import JwtReason
from tests.conformance.spiffe_limbo.jwt_world import (
    KINDS,
    b64,
    compact,
    document,
    jwk,
    jwt_case,
    payload,
    signature,
    signer,
    token,
)
from tests.conformance.spiffe_limbo.world import DOMAIN

from handfast.testing.sign import sign

__all__ = ["cases"]

_OWN: Final = signer()
_BODY: Final = json.dumps(payload()).encode()


def _algorithms() -> Iterator[Case]:
    for name, kind in KINDS.items():
        of = signer(kind)
        documents = {DOMAIN: document(jwk(of))}
        yield jwt_case(
            f"jwt-alg::{name}", "JWT-04 JWT-17", token(of, name), documents=documents
        )
        flipped = token(of, name)[:-6] + "AAAAAA"
        yield jwt_case(
            f"jwt-alg::{name}-changed-signature",
            "JWT-17",
            flipped,
            JwtReason.SIGNATURE,
            documents=documents,
        )
        other = signer(kind, "nobody.example")
        stranger = type(of)(of.kid, other.own)
        yield jwt_case(
            f"jwt-alg::{name}-other-signer",
            "JWT-17",
            token(stranger, name),
            JwtReason.SIGNATURE,
            documents=documents,
        )
    odd: dict[str, Any] = {
        **{
            n: n
            for n in ("none", "None", "NONE", "HS384", "EdDSA", "ES256K", "Ed25519")
        },
        **{n: n for n in ("es256", "Es256", "ES256 ", "RS1", "dir", "ML-DSA-44")},
        "empty": "",
        "absent": ...,
        "null": None,
        "number": 256,
        "list": ["ES256"],
    }
    for name, algorithm in odd.items():
        yield jwt_case(
            f"jwt-alg::odd-{name}",
            "JWT-05 JWT-06 J1",
            token(None, algorithm),
            JwtReason.ALGORITHM,
        )
    head = b64(json.dumps({"alg": "none"}).encode())
    for name, text in {
        "none-unsigned": f"{head}.{b64(_BODY)}.",
        "hs256-public-key-pem": _hmac("PEM"),
        "hs256-public-key-der": _hmac("DER"),
    }.items():
        yield jwt_case(
            f"jwt-alg::{name}", "JWT-05 JWT-06 J1", text, JwtReason.ALGORITHM
        )


def _hmac(form: str) -> str:
    """Signed with a secret that everybody knows: the public key (J1)."""
    encoding = Encoding.PEM if form == "PEM" else Encoding.DER
    public = signer("rsa2048").own.public_key()
    secret = public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "kid": "rsa2048-key"}
    signed = f"{b64(json.dumps(head).encode())}.{b64(_BODY)}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _mismatches() -> Iterator[Case]:
    """Keys that do not fit the algorithm; all of them are in the bundle."""
    kinds = ("p256", "p384", "p521", "rsa2048", "ed25519", "secp256k1")
    documents = {DOMAIN: document(*(jwk(signer(kind)) for kind in kinds))}
    for kind in kinds:
        for algorithm in ("ES256", "ES384", "ES512", "RS256", "PS256"):
            if KINDS[algorithm] != kind:
                yield jwt_case(
                    f"jwt-alg::{algorithm}-by-{kind}",
                    "JWT-17 J1",
                    token(signer(kind), algorithm),
                    JwtReason.KEY,
                    documents=documents,
                )
    rsa = signer("rsa2048")
    for says, does in (("RS256", "PS256"), ("PS256", "RS256"), ("RS256", "RS512")):
        head = json.dumps({"alg": says, "kid": rsa.kid}).encode()
        yield jwt_case(
            f"jwt-alg::says-{says}-is-{does}",
            "JWT-17",
            compact(head, _BODY, rsa, does),
            JwtReason.SIGNATURE,
            documents=documents,
        )
    signed = token().rpartition(".")[0]
    halves = signature(_OWN, "ES256", signed.encode())
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    mirrored = order - int.from_bytes(halves[32:], "big")
    for name, made in {
        "zeros": bytes(64),
        "empty": b"",
        "half": halves[:32],
        "longer": halves + b"\0",
        "der": sign(_OWN.own, signed.encode(), "sha256"),
        "r-and-s-of-96": halves[:32].rjust(48, b"\0") + halves[32:].rjust(48, b"\0"),
    }.items():
        yield jwt_case(
            f"jwt-alg::ecdsa-{name}",
            "JWT-17",
            f"{signed}.{b64(made)}",
            JwtReason.SIGNATURE,
        )
    # RFC 7518 has no rule of the lower half, so both twins are right.
    both = (halves, halves[:32] + mirrored.to_bytes(32, "big"))
    for name, made in zip(("as-made", "mirrored"), both, strict=True):
        yield jwt_case(f"jwt-alg::ecdsa-{name}", "JWT-17", f"{signed}.{b64(made)}")


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _algorithms()
    yield from _mismatches()
