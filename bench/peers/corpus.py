# SPDX-License-Identifier: Apache-2.0
"""Reads the chains of bench/corpus.py, and hands them to a peer block by block."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, TypeVar

from bench.corpus import leaf_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BLOCK = 100  # chains between two looks at the clock

Chain = tuple[bytes, ...]
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every verifying peer takes."""
    parser.add_argument("--signatures", type=int, choices=(1, 2), default=2)
    parser.add_argument("--fresh", action="store_true", help="an issuer a chain")


def read(path: Path) -> list[bytes]:
    """Read `path`.bin as its offsets say."""
    data = path.with_suffix(".bin").read_bytes()
    raw = path.with_suffix(".idx").read_bytes()
    offsets = struct.unpack(f"<{len(raw) // 8}Q", raw)
    return [data[begin:end] for begin, end in itertools.pairwise(offsets)]


def anchor(given: argparse.Namespace) -> bytes:
    """Return the authority that chains of so many signatures end at."""
    name = "root" if given.signatures == 2 else "direct"
    found: bytes = (given.pki / f"{name}.der").read_bytes()
    return found


def chains(given: argparse.Namespace) -> list[tuple[Chain, str]]:
    """Return the chains, leaf first, each with the SPIFFE ID that must come out."""
    if given.fresh:
        leaves = read(given.pki / "fresh" / "leaves")
        issuers: Sequence[Chain] = [
            (issuer,) for issuer in read(given.pki / "fresh" / "issuers")
        ]
    else:
        leaves = read(given.pki / "leaves")
        one = (given.pki / "intermediate.der").read_bytes()
        issuers = [(one,) if given.signatures == 2 else ()] * len(leaves)
    return [
        ((leaf, *issuer), leaf_id(number))
        for number, (leaf, issuer) in enumerate(zip(leaves, issuers, strict=True))
    ]


def blocks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield blocks round and round; what does not fill a block is left out."""
    whole = len(items) // BLOCK
    cut = [items[number * BLOCK : (number + 1) * BLOCK] for number in range(whole)]
    return itertools.cycle(cut)
