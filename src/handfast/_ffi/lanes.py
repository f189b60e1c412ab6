# SPDX-License-Identifier: Apache-2.0
"""Signature lanes: eight ECDSA signatures at once, where build and CPU can.

``HANDFAST_MB=0`` in the environment switches them off for the process. It is read once,
here, when the engine is loaded: the engine itself reads no environment.
"""

from __future__ import annotations

import enum
import os
from typing import Final

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib

VARIABLE: Final = "HANDFAST_MB"


class Lane(enum.IntEnum):
    """Who checks one signature: OpenSSL, a lane, or both as a batch asks them."""

    OPENSSL = int(lib.HF_LANE_OPENSSL)
    MB = int(lib.HF_LANE_MB)
    BOTH = int(lib.HF_LANE_BOTH)


def wants_lanes(value: str | None) -> bool:
    """Say whether the environment leaves the lanes on: unset, empty or ``1`` do.

    Whatever else it says was meant to change something, and the only change there is
    is switching them off.
    """
    return value is None or value.strip() in {"", "1"}


def allow_lanes(allowed: bool) -> None:  # noqa: FBT001 - a switch has one argument
    """Switch the lanes of this process on or off, whatever the environment says."""
    lib.hf_mb_allow(allowed)


def check_signature(
    lane: Lane, algorithm: str, key: bytes, message: bytes, signature: bytes
) -> None:
    """Check one signature by a lane of the caller's choice: for test vectors.

    Args:
        lane: Who is asked.
        algorithm: ``ecdsa-sha256``, ``rsa-pss-sha384``, ``ed25519``, ...
        key: The public key, a SubjectPublicKeyInfo in DER.
        message: What was signed.
        signature: As it would stand in a certificate.

    Raises:
        VerificationError: It does not hold (reason ``bad_signature``), or no lane says
            that it does; or the key would not be taken in a certificate either.
    """
    code = lib.hf_ffi_signature_check(
        lane,
        algorithm.encode("ascii"),
        key,
        len(key),
        message,
        len(message),
        signature,
        len(signature),
    )
    if code:
        raise_for(code)


def agree_x25519(private_key: bytes, peer: bytes) -> bytes:
    """Compute what two X25519 keys agree on, as in a handshake: for test vectors.

    Args:
        private_key: 32 bytes.
        peer: The other one's public key.

    Raises:
        InternalError: They agree on nothing: a point of small order, another length.
        ValueError: The private key has another length.
    """
    if len(private_key) != int(lib.HF_X25519_BYTES):
        raise ValueError(f"expected 32 bytes of private key, seen {len(private_key)}")
    out = ffi.new("uint8_t[]", int(lib.HF_X25519_BYTES))
    code = lib.hf_ffi_x25519_agree(private_key, peer, len(peer), out)
    if code:
        raise_for(code)
    return bytes(ffi.buffer(out))


allow_lanes(wants_lanes(os.environ.get(VARIABLE)))
