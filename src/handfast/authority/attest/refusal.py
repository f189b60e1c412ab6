# SPDX-License-Identifier: Apache-2.0
"""How a caller is refused that cannot be told for certain."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from handfast.errors import AttestationRefused, Reason, detail_for

__all__ = ["refuse"]


def refuse(
    reason: Reason,
    *,
    expected: str = "",
    seen: str = "",
    hint: str | None = None,
    cause: BaseException | None = None,
) -> NoReturn:
    """Raise `AttestationRefused`."""
    detail = detail_for(reason, expected=expected, seen=seen, hint=hint)
    if isinstance(cause, OSError):
        detail = replace(detail, system_errno=cause.errno or 0)
    raise AttestationRefused(detail) from cause
