# SPDX-License-Identifier: Apache-2.0
"""Judging chains in the engine, and reading its verdict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib
from handfast.ids import SpiffeId
from handfast.peer import VerifiedPeer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast._ffi.snapshots import NativeBundleSet, NativePolicy

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

#: "At the engine's clock", for ``at``.
NOW: int = int(lib.HF_TIME_NOW)


# The same few peers come again and again, with the same IDs and times. Both are values
# made by pure functions, and making them is most of what a verdict costs in Python.
_KEPT = 1024


@lru_cache(maxsize=_KEPT)
def to_time(seconds: int) -> datetime:
    """Turn the engine's seconds into UTC; years beyond 1-9999 become the nearest."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return _LAST if seconds > 0 else _FIRST


def to_seconds(moment: datetime | None) -> int:
    """Turn an aware time into the engine's seconds, rounded down; None means now."""
    if moment is None:
        return NOW
    return (moment - _EPOCH) // timedelta(seconds=1)


@lru_cache(maxsize=_KEPT)
def _to_id(text: str) -> SpiffeId:
    return SpiffeId.parse(text)


def to_peer(out: Any, chain: Sequence[bytes]) -> VerifiedPeer:
    """Copy a verdict out of the engine."""
    spiffe_id = ffi.string(out.id, out.id_len).decode("ascii") if out.id_len else None
    return VerifiedPeer(
        spiffe_id=_to_id(spiffe_id) if spiffe_id is not None else None,
        chain=tuple(chain),
        not_before=to_time(out.not_before),
        not_after=to_time(out.not_after),
        leaf_not_before=to_time(out.leaf_not_before),
        leaf_not_after=to_time(out.leaf_not_after),
        verified_at=to_time(out.verified_at),
        path_length=int(out.path_length),
        chain_digest=bytes(ffi.buffer(out.chain_digest)),
        bundle_digest=bytes(ffi.buffer(out.bundle_digest)),
        anchor_digest=bytes(ffi.buffer(out.anchor_digest)),
    )


class NativeVerifier:
    """What a peer must show: a SPIFFE verifier or a web one."""

    __slots__ = ("handle",)

    def __init__(self, pointer: Any) -> None:
        if pointer == ffi.NULL:
            raise_for(0, subject="bundle")
        self.handle = ffi.gc(pointer, lib.hf_ffi_verifier_unref)

    @classmethod
    def spiffe(
        cls, bundles: NativeBundleSet, policy: NativePolicy, rules: int
    ) -> NativeVerifier:
        """Make one for SVIDs."""
        return cls(lib.hf_ffi_verifier_new(bundles.handle, policy.handle, rules))

    @classmethod
    def web(cls, roots: Sequence[bytes], max_depth: int) -> NativeVerifier:
        """Make one for RFC 5280 paths to these roots."""
        der = b"".join(roots)
        return cls(lib.hf_ffi_verifier_new_web(der, len(der), max_depth))

    def verify(self, chain: Sequence[bytes], at: int, purpose: int) -> VerifiedPeer:
        """Judge an SVID chain, leaf first; the policy runs too."""
        out = ffi.new("struct hf_peer *")
        code = lib.hf_ffi_verifier_verify(self.handle, *_flat(chain), at, purpose, out)
        if code:
            raise_for(code, chain=lambda: chain)
        return to_peer(out, chain)

    def verify_web(
        self,
        chain: Sequence[bytes],
        at: int,
        purpose: int,
        name: tuple[int, bytes],
    ) -> VerifiedPeer:
        """Judge a general chain, leaf first, for a name (``HF_NAME_*``, bytes)."""
        out = ffi.new("struct hf_peer *")
        kind, data = name
        code = lib.hf_ffi_verifier_verify_web(
            self.handle, *_flat(chain), at, purpose, kind, data, len(data), out
        )
        if code:
            raise_for(code, chain=lambda: chain)
        return to_peer(out, chain)


def _flat(chain: Sequence[bytes]) -> tuple[bytes, Any, int]:
    lengths = ffi.new("uint32_t[]", [len(certificate) for certificate in chain])
    return b"".join(chain), lengths, len(chain)
