# SPDX-License-Identifier: Apache-2.0
"""Whose memory the engine and its OpenSSL use: chosen before the engine starts.

``HANDFAST_MALLOC=system`` in the environment keeps the process's own allocator where
the build has another: for tools that watch ``malloc``, and for whoever hardens it. It
is read once, when the engine is loaded: the engine itself reads no environment.
"""

from __future__ import annotations

import os
from typing import Final

from handfast._ffi.library import ffi, lib

VARIABLE: Final = "HANDFAST_MALLOC"


def wants_own(value: str | None) -> bool:
    """Say whether the environment leaves our own allocator on: unset or its name do.

    Whatever else it says was meant to change something, and the only change there is
    is the system's.
    """
    return value is None or value.strip() in {"", "mimalloc"}


def owns(handle: object) -> bool:
    """Say whether an engine's object lies in our own allocator's memory: for tests."""
    return bool(lib.hf_allocator_owns(ffi.cast("void *", handle)))


def choose_allocator() -> None:
    """Do as the environment says; what comes before the engine's first allocation."""
    if not wants_own(os.environ.get(VARIABLE)):
        lib.hf_allocator_use_system()
