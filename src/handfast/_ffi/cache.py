# SPDX-License-Identifier: Apache-2.0
"""The engine's verified-chain cache, and the clock by which its entries grow old."""

from __future__ import annotations

from typing import Any, Self

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib

#: The engine's own limits, where none are given.
CACHE_ENTRIES: int = int(lib.HF_CHAIN_CACHE_ENTRIES)
CACHE_BYTES: int = int(lib.HF_CHAIN_CACHE_BYTES)
CACHE_AGE: int = int(lib.HF_CHAIN_CACHE_AGE)


class NativeChainCache:
    """Verdicts that were given, by what they were given for."""

    __slots__ = ("handle",)

    def __init__(self, pointer: Any) -> None:
        self.handle = pointer

    @classmethod
    def create(cls, max_entries: int, max_bytes: int, max_age: int) -> Self:
        """Make one of its own."""
        pointer = lib.hf_ffi_chain_cache_new(max_entries, max_bytes, max_age)
        if pointer == ffi.NULL:
            raise_for(0, subject="own")
        return cls(ffi.gc(pointer, lib.hf_ffi_chain_cache_unref))

    @classmethod
    def shared(cls) -> Self:
        """Return the process's own: borrowed, and NULL if there is no memory for it."""
        return cls(lib.hf_chain_cache_default())

    def clear(self) -> None:
        """Forget everything."""
        lib.hf_chain_cache_clear(self.handle)

    def statistics(self) -> dict[str, int]:
        """Read the counters, by the engine's names."""
        out = ffi.new("struct hf_chain_cache_statistics *")
        lib.hf_chain_cache_statistics(self.handle, out)
        return {
            name: int(getattr(out, name))
            for name, _field in ffi.typeof("struct hf_chain_cache_statistics").fields
        }


def fix_monotonic_clock(seconds: int) -> None:
    """Stop the clock of ages at a time, for the whole process: tests only."""
    lib.hf_clock_monotonic_set(seconds)


def reset_monotonic_clock() -> None:
    """Go back to the system's clock of ages."""
    lib.hf_clock_monotonic_reset()
