# SPDX-License-Identifier: Apache-2.0
"""Limits of size and work, and extensions that come twice or are never allowed."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.spiffe_limbo.case import Case, chain_case
from tests.conformance.spiffe_limbo.keys import key
from tests.conformance.spiffe_limbo.world import WEB, A, intermediate, leaf

from handfast import Reason
from handfast.testing import Extension, der

__all__ = ["cases"]


def _limits() -> Iterator[Case]:
    one = leaf(A)[0]
    for count in (8, 9):
        yield chain_case(
            f"limits::certificates-{count}",
            "C10",
            (one,) * count,
            WEB if count == 8 else Reason.CHAIN_TOO_LONG,
            policy="handfast-strict",
        )
    # Two certificates of a size that sums up to 32 KiB exactly, and to one byte more.
    # Ed25519 signatures and a given serial have one length: the sum can be met.
    middle = intermediate(A, label="ed25519", key_type="ed25519")
    room = 32 * 1024 - len(middle.der)
    for more in (0, 1):
        size = room + more - len(leaf(middle)[0])
        fillers = (
            Extension("1.3.6.1.4.1.99999.3", b"\x04" * slack)
            for slack in range(size - 40, size)
        )
        chains = (leaf(middle, serial=7, extensions=(filler,)) for filler in fillers)
        yield chain_case(
            f"limits::bytes-{32 * 1024 + more}",
            "C10",
            next(one for one in chains if sum(map(len, one)) == 32 * 1024 + more),
            Reason.CHAIN_TOO_LARGE if more else WEB,
            policy="handfast-strict",
        )
    same = [
        intermediate(A, subject="a name", own=key(f"look-alike {n}")).der
        for n in range(7)
    ]
    lower = intermediate(A, subject="a name", own=key("look-alike 0"))
    yield chain_case(
        "limits::seven-look-alike-intermediates",
        "C10",
        (leaf(lower)[0], *same[::-1]),
        policy="handfast-strict",
    )


def _leaf_der() -> Iterator[Case]:
    again = Extension("1.3.6.1.4.1.99999.1", b"\x05\x00")
    yield chain_case(
        "extension::unknown-twice",
        "X509-27",
        leaf(A, extensions=(again, again)),
        Reason.CERTIFICATE_DUPLICATE_EXTENSION,
    )
    for name in ("basic_constraints", "key_usage", "extended_key_usage"):
        yield chain_case(
            f"extension::{name.replace('_', '-')}-twice",
            "X509-27",
            leaf(A, twice=(name,)),
            Reason.CERTIFICATE_DUPLICATE_EXTENSION,
        )
    skip = der.sequence(der.context(0, b"\0", constructed=False))
    yield chain_case(
        "extension::policy-constraints-plain",
        "X509-27",
        leaf(A, extensions=(Extension("2.5.29.36", skip),)),
        Reason.AUTHORITY_CONSTRAINTS,
        policy="handfast-strict",
    )
    for number in (33, 34, 36, 54):
        empty = Extension(f"2.5.29.{number}", der.sequence(), critical=True)
        yield chain_case(
            f"extension::policy-kind-{number}",
            "X509-27",
            leaf(A, extensions=(empty,)),
            # 34 was never in use; it is as unknown as any other number.
            Reason.CERTIFICATE_UNKNOWN_CRITICAL
            if number == 34
            else Reason.AUTHORITY_CONSTRAINTS,
            policy="handfast-strict",
        )


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _limits()
    yield from _leaf_der()
