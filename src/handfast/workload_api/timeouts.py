# SPDX-License-Identifier: Apache-2.0
"""Deadlines on the wire: ``grpc-timeout``."""

from __future__ import annotations

import math
import re
from typing import Final

from handfast.text import escape

__all__ = ["read_timeout", "write_timeout"]

_FORM: Final = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNITS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_MILLISECONDS_MAX: Final = 99_999_999
_SECONDS_MAX: Final = 99_999_999


def write_timeout(seconds: float) -> str:
    """Write a time limit, rounded up to milliseconds, or to seconds when it is long.

    Example:
        >>> write_timeout(1.5), write_timeout(1e6)
        ('1500m', '1000000S')
    """
    milliseconds = math.ceil(max(seconds, 0.0) * 1000)
    if milliseconds <= _MILLISECONDS_MAX:
        return f"{milliseconds}m"
    return f"{min(math.ceil(seconds), _SECONDS_MAX)}S"


def read_timeout(text: str) -> float:
    """Read a time limit in seconds.

    Raises:
        ValueError: it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"grpc-timeout {escape(text)}")
    return int(found[1]) * _UNITS[found[2]]
