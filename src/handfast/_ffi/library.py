# SPDX-License-Identifier: Apache-2.0
"""The loaded engine: its OpenSSL, its clock, and how many of its objects we hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

# cffi's compiled modules carry no types; everything that leaves this package does.
from handfast._native import ffi as _ffi
from handfast._native import lib as _lib

ffi: Any = _ffi
lib: Any = _lib

#: Bytes that can be handed to the engine without a copy.
Data = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSslVersion:
    """Which OpenSSL the engine was built with and which one runs.

    Attributes:
        built: Of the headers at compile time.
        running: Of the library that is loaded.
        origin: ``"pinned"`` (ours, linked in) or ``"system"``.
        lanes: What checks ECDSA signatures eight at a time beside it, and makes X25519
            keys: ``"avx512ifma"``, or why nothing does: ``"off"`` (``HANDFAST_MB=0``),
            ``"not built"``, ``"unsupported"`` (by this CPU), ``"failed"`` (its
            self-test).
        release: The running one with its day, ``"OpenSSL 3.5.7 9 Jun 2026"``.
        build: How it was compiled and linked: ``"O3, LTO, PGO"``; ``"distribution"``
            for the system's.
        allocator: Whose memory it and the engine use: ``"mimalloc 2.3.2"`` (hidden,
            theirs alone) or ``"system"`` (the C library's: in builds without one of our
            own, beside a system's OpenSSL, or by ``HANDFAST_MALLOC=system``).
    """

    built: str
    running: str
    origin: str
    lanes: str
    release: str
    build: str
    allocator: str

    def __str__(self) -> str:
        """Return one line: release, linkage, build, allocator."""
        linkage = "static" if self.origin == "pinned" else "shared"
        allocator = "system malloc" if self.allocator == "system" else self.allocator
        return f"{self.release} ({linkage}; {self.build}, {allocator})"


def openssl_version() -> OpenSslVersion:
    """Return the engine's OpenSSL: built, running, where it came from and how.

    ``str()`` of it is a line for logs and reports.

    Example:
        >>> openssl_version().origin in ("pinned", "system")
        True
    """
    return OpenSslVersion(
        built=text(lib.hf_openssl_built()),
        running=text(lib.hf_openssl_running()),
        origin=text(lib.hf_openssl_origin()),
        lanes=text(lib.hf_mb_state()),
        release=text(lib.hf_openssl_text()),
        build=text(lib.hf_openssl_build()),
        allocator=text(lib.hf_allocator()),
    )


def text(pointer: Any) -> str:
    """Copy a NUL-terminated C text; an empty one for NULL."""
    if pointer == ffi.NULL:
        return ""
    return str(ffi.string(pointer).decode("utf-8", "backslashreplace"))


def clock_now() -> int:
    """Return the engine's wall clock in seconds since 1970."""
    return int(lib.hf_clock_now())


def fix_clock(seconds: int) -> None:
    """Stop the engine's clock at a time, for the whole process: tests only."""
    lib.hf_clock_set(seconds)


def reset_clock() -> None:
    """Go back to the system's clock."""
    lib.hf_clock_reset()


#: Kinds of engine objects that Python can hold, as :func:`live_handles` counts them.
HANDLE_KINDS: Final = {
    "bundle": int(lib.HF_FFI_BUNDLE),
    "bundle_set": int(lib.HF_FFI_BUNDLE_SET),
    "policy": int(lib.HF_FFI_POLICY),
    "verifier": int(lib.HF_FFI_VERIFIER),
    "svid": int(lib.HF_FFI_SVID),
    "config": int(lib.HF_FFI_CONFIG),
    "conn": int(lib.HF_FFI_CONN),
    "chain_cache": int(lib.HF_FFI_CHAIN_CACHE),
    "crl_set": int(lib.HF_FFI_CRL_SET),
    "crl_book": int(lib.HF_FFI_CRL_BOOK),
    "session_store": int(lib.HF_FFI_SESSION_STORE),
    "acceptor": int(lib.HF_FFI_ACCEPTOR),
    "ticket_keys": int(lib.HF_FFI_TICKET_KEYS),
    "presented": int(lib.HF_FFI_PRESENTED),
}


def live_handles() -> dict[str, int]:
    """Count the engine's objects that Python holds now, by kind.

    Counted in C, where objects are made and given back, so it cannot drift.
    """
    return {name: int(lib.hf_ffi_live(kind)) for name, kind in HANDLE_KINDS.items()}
