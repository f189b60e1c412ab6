# SPDX-License-Identifier: Apache-2.0
"""Durations as people write them: 90s, 15m, 1h, 30d."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from handfast.authority.refusal import refuse
from handfast.text import escape

if TYPE_CHECKING:
    from typing import Final

__all__ = ["parse_duration"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
#: Eleven days in seconds, and ever so long in days: nobody writes more by intention.
_SECONDS_MAX: Final = 10**6


def parse_duration(value: str | int) -> timedelta:
    """Read a time to live: seconds, or a number with its unit.

    Raises:
        ConfigError: It is neither.

    Example:
        >>> parse_duration("90m")
        datetime.timedelta(seconds=5400)
    """
    if isinstance(value, int):
        if not 0 < value < _SECONDS_MAX:
            seen = "less" if value <= 0 else "more"
            refuse(f"seconds from 1 to {_SECONDS_MAX - 1}, or a unit", seen)
        return timedelta(seconds=value)
    found = _DURATION.fullmatch(value)
    if found is None:
        refuse("a duration: 90s, 15m, 1h or 30d", f"'{escape(value)}'")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
