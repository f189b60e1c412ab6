# SPDX-License-Identifier: Apache-2.0
"""What a step on a socket waits for, and how the engine says it in a number."""

from __future__ import annotations

import enum
from typing import Any

__all__ = ["DONE", "PROGRESS", "Want", "want_of"]


class Want(enum.IntFlag):
    """What a step on a socket waits for."""

    NOTHING = 0
    READ = 1
    WRITE = 2


# Making an IntFlag by value is slow; there are four.
WANTS: tuple[Want, ...] = tuple(Want(bits) for bits in range(4))


def want_of(step: Any) -> Want:
    """Say what a step waits for."""
    bits: int = step.want
    return WANTS[bits]


# What hf_ffi_progress answers: what to wait for, and from 4 on that it is done.
DONE = 4
PROGRESS: tuple[tuple[bool, Want], ...] = tuple(
    (done, want) for done in (False, True) for want in WANTS
)
