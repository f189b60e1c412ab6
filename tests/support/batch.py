# SPDX-License-Identifier: Apache-2.0
"""Chains of every kind for batches, and what one-by-one verification says of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, chain
from typing import NamedTuple

from handfast import (
    ChainBuffer,
    HandfastError,
    Reason,
    SpiffeId,
    Verifier,
    _ffi,
)
from handfast.batch import BatchItem
from handfast.testing import (
    ACCEPTED,
    REFUSED,
    ForgedAuthority,
    cross_sign,
    forge,
    forge_intermediate,
    forge_root,
)

DOMAIN = "a.example"
WEB = "spiffe://a.example/web"
_CERTIFICATES_MAX = 8

#: Certificates, leaf first; what a batch is made of here.
Chain = tuple[bytes, ...]


class Verdict(NamedTuple):
    """What one and many must agree on."""

    ok: bool
    reason: Reason | None
    depth: int | None
    spiffe_id: SpiffeId | None
    not_after: float | None


@cache
def root() -> ForgedAuthority:
    """The authority that the verifiers here trust."""
    return forge_root(DOMAIN)


@cache
def chains() -> tuple[Chain, ...]:
    """Good chains and bad ones, of every kind that can be made quickly."""
    trusted, stranger = root(), forge_root(DOMAIN)
    middle, second = forge_intermediate(trusted), forge_intermediate(trusted)
    limited = forge_intermediate(forge_intermediate(trusted, path_length=0))
    good = forge(middle, WEB).chain
    found: list[Chain] = [
        tuple(leaf.forge(signer, WEB).chain)
        for signer in (trusted, middle)
        for leaf in (*REFUSED, *ACCEPTED)
    ]
    found += [
        tuple(forge(signer, f"{WEB}/{key}", key_type=key).chain)
        for signer in (middle, second)
        for key in ("p256", "p384", "rsa2048", "ed25519")
    ]
    leaf, above = good
    found += [
        tuple(forge(stranger, WEB).chain),
        tuple(forge(limited, WEB).chain),
        tuple(forge(cross_sign(stranger, trusted), WEB).chain),
        tuple(forge(middle, "spiffe://b.example/web").chain),
        tuple(forge(forge_root("b.example"), "spiffe://b.example/web").chain),
        (),
        (b"",),
        (leaf,),
        (leaf, b""),
        (leaf, above, b""),
        (above, leaf),
        (above,),
        (leaf, leaf),
        (leaf, above, above),
        (leaf, above, b"0"),
        (leaf, above[:-1]),
        (leaf[:-1], above),
        (leaf + b"\0", above),
        (leaf[:-1] + bytes([leaf[-1] ^ 1]), above),
        (leaf, above[:-1] + bytes([above[-1] ^ 1])),
        (leaf, above, forge(middle, WEB).chain[0]),
        (leaf, *([above] * (_CERTIFICATES_MAX - 1))),
        (leaf, *([above] * _CERTIFICATES_MAX)),
        (leaf, above, bytes(70_000)),
        (b"\x30\x83\x01\x00\x00" + bytes(65_536),),
        (bytes(70_000),),
        (leaf + above,),
    ]
    return tuple(found)


def alone(verifier: Verifier, certificates: Sequence[bytes]) -> Verdict:
    """What the verifier says of one chain by itself."""
    try:
        peer = verifier.verify(list(certificates))
    except HandfastError as error:
        return Verdict(False, error.reason, error.detail.depth, None, None)
    return Verdict(True, None, None, peer.spiffe_id, peer.not_after.timestamp())


def alone_flat(verifier: Verifier, data: bytes) -> Verdict:
    """What it says of a chain whose certificates have to be taken apart first."""
    try:
        parts = _ffi.split_der(data, limit=_CERTIFICATES_MAX)
    except HandfastError as error:
        return Verdict(False, error.reason, error.detail.depth, None, None)
    return alone(verifier, parts)


def in_batch(item: BatchItem) -> Verdict:
    """What a batch said."""
    end = None if item.not_after is None else item.not_after.timestamp()
    return Verdict(item.ok, item.reason, item.depth, item.spiffe_id, end)


def _offsets(sizes: Iterable[int], kind: str) -> array[int]:
    return array(kind, accumulate(sizes, initial=0))


def flat_buffer(some: Sequence[bytes], kind: str = "q") -> ChainBuffer:
    """Concatenated chains, as one buffer."""
    return ChainBuffer(b"".join(some), _offsets(map(len, some), kind))


def parted_buffer(some: Sequence[Chain], kind: str = "q") -> ChainBuffer:
    """Chains by certificates, as one buffer."""
    parts = list(chain.from_iterable(some))
    counts = _offsets(map(len, some), kind)
    return ChainBuffer(b"".join(parts), counts, _offsets(map(len, parts), kind))
