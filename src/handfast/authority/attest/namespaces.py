# SPDX-License-Identifier: Apache-2.0
"""Users and groups that our user namespace has no number for."""

from __future__ import annotations

import os
from typing import Final

from handfast.authority.attest.descriptors import Descriptor

__all__ = ["UnmappedIds"]

# All of them but (uid_t) -1.
_EVERY: Final = 0xFFFF_FFFF


class UnmappedIds:
    """Tells the overflow ID, which stands for every user without a number here.

    The kernel shows all of those as 65534, which is also a user's number (nobody's). In
    a namespace that has numbers for all users, such as the first, it is nobody alone.

    Args:
        proc: /proc.
    """

    def __init__(self, proc: int) -> None:
        self._users = _unmapped(proc, "uid")
        self._groups = _unmapped(proc, "gid")

    def is_user(self, number: int) -> bool:
        """Say whether a number may stand for any user."""
        return number == self._users

    def is_group(self, number: int) -> bool:
        """Say whether a number may stand for any group."""
        return number == self._groups


def _unmapped(proc: int, kind: str) -> int | None:
    """Return the overflow ID; None where it is an ID like others.

    Raises:
        OSError, ValueError: /proc does not say.
    """
    lines = _read(proc, f"self/{kind}_map").splitlines()
    if sum(int(line.split()[2]) for line in lines) >= _EVERY:
        return None
    return int(_read(proc, f"sys/kernel/overflow{kind}"))


def _read(proc: int, name: str) -> bytes:
    file = Descriptor(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc))
    return os.read(file.number, 65536)
