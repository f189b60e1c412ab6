# SPDX-License-Identifier: Apache-2.0
"""What must hold: checked whatever the interpreter's options."""

from __future__ import annotations

__all__ = ["need"]


def need(holds: object, otherwise: str) -> None:
    """Break the run when something does not hold."""
    if not holds:
        raise AssertionError(otherwise)
