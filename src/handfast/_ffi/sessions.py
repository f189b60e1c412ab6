# SPDX-License-Identifier: Apache-2.0
"""The engine's store of sessions that may be resumed."""

from __future__ import annotations

from handfast._ffi.failure import raise_for
from handfast._ffi.library import ffi, lib

#: The engine's own limits, where none are given, and what they may be at most.
SESSION_ENTRIES: int = int(lib.HF_SESSION_ENTRIES)
SESSION_ENTRIES_MAX: int = int(lib.HF_SESSION_ENTRIES_MAX)
SESSION_AGE: int = int(lib.HF_SESSION_AGE)
SESSION_AGE_MAX: int = int(lib.HF_SESSION_AGE_MAX)


class NativeSessionStore:
    """Sessions by their id, or by what a client calls their destination."""

    __slots__ = ("handle",)

    def __init__(self, max_entries: int, max_age: int) -> None:
        pointer = lib.hf_ffi_session_store_new(max_entries, max_age)
        if pointer == ffi.NULL:
            raise_for(0, subject="own")
        self.handle = ffi.gc(pointer, lib.hf_ffi_session_store_unref)

    def clear(self) -> None:
        """Forget everything."""
        lib.hf_session_store_clear(self.handle)

    def statistics(self) -> dict[str, int]:
        """Read the counters, by the engine's names."""
        out = ffi.new("struct hf_session_statistics *")
        lib.hf_session_store_statistics(self.handle, out)
        return {
            name: int(getattr(out, name))
            for name, _field in ffi.typeof("struct hf_session_statistics").fields
        }
