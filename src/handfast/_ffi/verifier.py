# SPDX-License-Identifier: Apache-2.0
"""Judging chains in the engine, and reading its verdict.

A verdict is written into a block that belongs to one call at a time, copied out of it
in one piece, and read later, when somebody asks (`handfast.peer`). Blocks go round:
taking one from a list and putting it back is safe for threads and signal handlers.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib
from handfast.errors import InternalError, Reason, detail_for
from handfast.peer import RECORD, from_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast._ffi.cache import NativeChainCache
    from handfast._ffi.crl import NativeCrlBook
    from handfast._ffi.snapshots import NativeBundleSet, NativePolicy
    from handfast.peer import VerifiedPeer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: "At the engine's clock", for ``at``.
NOW: int = int(lib.HF_TIME_NOW)

_PEER = ffi.typeof("struct hf_peer *")

if ffi.offsetof("struct hf_peer", "id") != RECORD.size:
    raise InternalError(
        detail_for(
            Reason.INTERNAL,
            expected=f"a peer's ID at byte {RECORD.size} of its record",
            seen=f"at byte {ffi.offsetof('struct hf_peer', 'id')}",
        )
    )

# How many lengths of certificates become bytes; more than the engine's limit never do.
_LENGTHS: Final = tuple(
    struct.Struct(f"={count}I").pack for count in range(int(lib.HF_CHAIN_MAX) + 1)
)

_blocks: list[tuple[Any, Any]] = []
_BLOCKS_KEPT = 8

_verify = lib.hf_ffi_verify


def _new_block() -> tuple[Any, Any]:
    block = ffi.new(_PEER)
    return block, ffi.buffer(block)


def to_seconds(moment: datetime | None) -> int:
    """Turn an aware time into the engine's seconds, rounded down; None means now."""
    if moment is None:
        return NOW
    return (moment - _EPOCH) // timedelta(seconds=1)


def to_peer(out: Any, chain: Sequence[bytes]) -> VerifiedPeer:
    """Copy a verdict out of the engine."""
    return from_record(ffi.buffer(out)[: RECORD.size + out.id_len], tuple(chain))


class NativeVerifier:
    """What a peer must show: a SPIFFE verifier or a web one."""

    __slots__ = ("bundles", "crls", "handle")

    def __init__(
        self,
        pointer: Any,
        bundles: NativeBundleSet | None = None,
        crls: NativeCrlBook | None = None,
    ) -> None:
        if pointer == ffi.NULL:
            raise_for(0, subject="bundle")
        self.bundles = bundles
        self.crls = crls
        self.handle = ffi.gc(pointer, lib.hf_ffi_verifier_unref)

    @classmethod
    def spiffe(
        cls,
        bundles: NativeBundleSet,
        policy: NativePolicy,
        rules: int,
        cache: NativeChainCache | None,
    ) -> NativeVerifier:
        """Make one for SVIDs; without a cache it judges each chain anew."""
        memory = ffi.NULL if cache is None else cache.handle
        pointer = lib.hf_ffi_verifier_new(bundles.handle, policy.handle, rules, memory)
        return cls(pointer, bundles)

    @classmethod
    def web(cls, roots: Sequence[bytes], max_depth: int) -> NativeVerifier:
        """Make one for RFC 5280 paths to these roots."""
        der = b"".join(roots)
        return cls(lib.hf_ffi_verifier_new_web(der, len(der), max_depth))

    def verify(self, chain: tuple[bytes, ...], at: int, purpose: int) -> VerifiedPeer:
        """Judge an SVID chain, leaf first; the policy runs too."""
        # Written flat: with a chain that is known, calls are most of what this costs.
        count = len(chain)
        lengths = _LENGTHS[count](*map(len, chain)) if count < len(_LENGTHS) else b""
        try:
            block = _blocks.pop()
        except IndexError:
            block = _new_block()
        out, view = block
        answer = _verify(self.handle, b"".join(chain), lengths, count, at, purpose, out)
        record: bytes = view[:answer] if answer > 0 else b""
        if len(_blocks) < _BLOCKS_KEPT:
            _blocks.append(block)
        if answer < 0:
            raise_for(-answer, chain=lambda: chain)
        return from_record(record, chain)

    def verify_web(
        self,
        chain: Sequence[bytes],
        at: int,
        purpose: int,
        name: tuple[int, bytes],
    ) -> VerifiedPeer:
        """Judge a general chain, leaf first, for a name (``HF_NAME_*``, bytes)."""
        out = ffi.new(_PEER)
        kind, data = name
        lengths = ffi.new("uint32_t[]", [len(certificate) for certificate in chain])
        code = lib.hf_ffi_verifier_verify_web(
            self.handle,
            b"".join(chain),
            lengths,
            len(chain),
            at,
            purpose,
            kind,
            data,
            len(data),
            out,
        )
        if code:
            raise_for(code, chain=lambda: chain)
        return to_peer(out, chain)
