# SPDX-License-Identifier: Apache-2.0
"""The signature lanes' switch and state, and one signature at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handfast import Reason, VerificationError, _ffi, openssl_version

CURVES = (ec.SECP256R1(), ec.SECP384R1())
STATE = "import handfast; print(handfast.openssl_version().lanes)"
# What the same process says when nothing is switched off.
STATES = {"avx512ifma", "not built", "unsupported"}


def state_with(value: str | None) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "HANDFAST_MB"}
    if value is not None:
        environment["HANDFAST_MB"] = value
    done = subprocess.run(
        [sys.executable, "-c", STATE],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_the_environment_switches_lanes_off() -> None:
    usual = state_with(None)
    assert usual in STATES
    assert state_with("1") == usual
    off = "not built" if usual == "not built" else "off"
    assert state_with("0") == off
    assert state_with("no") == off


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, True), ("", True), ("1", True), (" 1 ", True), ("0", False), ("x", False)],
)
def test_whatever_is_not_one_switches_off(value: str | None, expected: bool) -> None:
    assert _ffi.wants_lanes(value) == expected


@pytest.mark.parametrize("curve", CURVES, ids=lambda x: x.name)
def test_one_signature_by_each_lane(curve: ec.EllipticCurve) -> None:
    """A lane says yes to what holds, when there is one; the others always do."""
    key = ec.generate_private_key(curve)
    public = key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    signature = key.sign(b"message", ec.ECDSA(hashes.SHA256()))

    def check(lane: _ffi.Lane, message: bytes) -> None:
        _ffi.check_signature(lane, "ecdsa-sha256", public, message, signature)

    check(_ffi.Lane.OPENSSL, b"message")
    check(_ffi.Lane.BOTH, b"message")
    if openssl_version().lanes == "avx512ifma":
        check(_ffi.Lane.MB, b"message")
    _ffi.allow_lanes(False)
    try:
        assert openssl_version().lanes in {"off", "not built"}
        check(_ffi.Lane.BOTH, b"message")
        with pytest.raises(VerificationError):
            check(_ffi.Lane.MB, b"message")
    finally:
        _ffi.allow_lanes(_ffi.wants_lanes(os.environ.get("HANDFAST_MB")))
    for lane in _ffi.Lane:
        with pytest.raises(VerificationError) as caught:
            check(lane, b"another message")
        assert caught.value.reason is Reason.BAD_SIGNATURE
