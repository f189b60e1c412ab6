# SPDX-License-Identifier: Apache-2.0
"""Wycheproof through OpenSSL's lane and through crypto_mb's, vector by vector.

What a lane finds to hold, OpenSSL must find to hold; with OpenSSL asked about
everything else, both ways give one verdict; and the verdict is Wycheproof's.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

import pytest
from tests.conformance.wycheproof import vectors

from handfast import Reason, VerificationError, _ffi, openssl_version

#: What is taken of what Wycheproof lets everybody decide, by flag.
ACCEPTABLE = {
    # RFC 8032 asks for no check of the order, and OpenSSL makes none: the key is in a
    # certificate that an authority signed, so nobody can choose such a key for others.
    "SmallOrderPublicKey": True,
    "MixedOrderPublicKey": True,
    # RFC 8017 wants the NULL of the digest's parameters; so does OpenSSL.
    "MissingNull": False,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the three ways say of one vector."""

    vector: vectors.Vector
    openssl: bool
    lane: bool
    both: bool


def holds(vector: vectors.Vector, lane: _ffi.Lane) -> bool:
    try:
        _ffi.check_signature(
            lane, vector.algorithm, vector.key, vector.message, vector.signature
        )
    except VerificationError as error:
        # A key that is refused would make every signature look refused.
        if error.reason is not Reason.BAD_SIGNATURE:
            raise
        return False
    return True


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return [
        Verdict(
            x, *(holds(x, y) for y in (_ffi.Lane.OPENSSL, _ffi.Lane.MB, _ffi.Lane.BOTH))
        )
        for x in vectors.read()
    ]


def test_the_figures_are_shown(
    verdicts: list[Verdict], capsys: pytest.CaptureFixture[str]
) -> None:
    """Enough vectors of each kind, good and bad, went through both lanes."""
    families = Counter(
        x.vector.algorithm.rpartition("-")[0] or "ed25519" for x in verdicts
    )
    eight = [x for x in verdicts if x.vector.has_lanes]
    missed = sum(x.openssl and not x.lane for x in eight)
    shown = ", ".join(f"{count} {name}" for name, count in sorted(families.items()))
    with capsys.disabled():
        sys.stdout.write(
            f"\nwycheproof: {len(verdicts)} vectors ({shown}); lanes "
            f"{openssl_version().lanes}: of {len(eight)} for them "
            f"{sum(x.lane for x in eight)} held in a lane, {missed} by OpenSSL alone\n"
        )
    assert families["ecdsa"] > 3000
    assert min(families.values()) > 100
    assert {x.vector.algorithm for x in eight} == {
        "ecdsa-sha256",
        "ecdsa-sha384",
        "ecdsa-sha512",
    }
    assert {x.vector.result for x in eight} == {"valid", "invalid"}


def test_what_a_lane_takes_openssl_takes(verdicts: list[Verdict]) -> None:
    assert [x.vector.name for x in verdicts if x.lane and not x.openssl] == []
    assert [x.vector.name for x in verdicts if x.lane and not x.vector.has_lanes] == []


def test_both_ways_give_one_verdict(verdicts: list[Verdict]) -> None:
    assert [x.vector.name for x in verdicts if x.both != x.openssl] == []


def test_the_verdict_is_wycheproofs(verdicts: list[Verdict]) -> None:
    def expected(vector: vectors.Vector) -> bool:
        if vector.result != "acceptable":
            return vector.result == "valid"
        (decision,) = {ACCEPTABLE[x] for x in vector.flags if x in ACCEPTABLE}
        return decision

    wrong = [
        (x.vector.name, x.vector.result, x.vector.flags)
        for x in verdicts
        if x.both != expected(x.vector)
    ]
    assert wrong == []


def test_lanes_miss_nothing_that_is_valid(verdicts: list[Verdict]) -> None:
    """They may, but one that begins to is news; without lanes all are OpenSSL's."""
    missed = [
        x.vector.name
        for x in verdicts
        if x.vector.has_lanes and x.openssl and not x.lane
    ]
    taken = sum(x.lane for x in verdicts)
    if openssl_version().lanes == "avx512ifma":
        assert missed == []
    else:
        assert taken == 0
