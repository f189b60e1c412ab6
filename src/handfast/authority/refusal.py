# SPDX-License-Identifier: Apache-2.0
"""How the authority refuses what it was told to do: in the words of its own rules."""

from __future__ import annotations

from typing import NoReturn

from handfast.errors import ConfigError, Reason, detail_for

__all__ = ["refuse"]


def refuse(expected: str, seen: str, hint: str = "") -> NoReturn:
    """Refuse a setting, a file or a command.

    Raises:
        ConfigError: Always: what was wanted, what was there, and what to do.
    """
    raise ConfigError(
        detail_for(Reason.CONFIG_INVALID, expected=expected, seen=seen, hint=hint)
    )
