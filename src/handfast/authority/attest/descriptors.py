# SPDX-License-Identifier: Apache-2.0
"""Descriptors with one owner, closed when nobody needs them any more."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["Descriptor"]


class Descriptor:
    """Owns a file descriptor; closes it with itself, whatever thread that is in."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    @property
    def number(self) -> int:
        """The descriptor, for a call that does not keep it."""
        return self._number

    def close(self) -> None:
        """Close it; a second time is nothing."""
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)

    def __del__(self) -> None:
        with suppress(OSError):
            self.close()

    def __repr__(self) -> str:
        return f"<Descriptor {self._number}>"
