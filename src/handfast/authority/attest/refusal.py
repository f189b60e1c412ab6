# SPDX-License-Identifier: Apache-2.0
"""The error of a caller that cannot be told for certain."""

from __future__ import annotations

from typing import NoReturn

from handfast.errors import ErrorDetail, PeerError, Reason, detail_for

__all__ = ["AttestationRefused", "refuse"]


class AttestationRefused(PeerError):  # noqa: N818 - it says what happened
    """It is not certain which process is calling, so it gets nothing.

    What the system hides or cannot say about a process that *is* certain is no refusal:
    the selectors are missing then, and `Caller.missing` says why.
    """


def refuse(
    expected: str, seen: str, hint: str = "", *, cause: BaseException | None = None
) -> NoReturn:
    """Raise `AttestationRefused`."""
    known = detail_for(Reason.NOT_AUTHORIZED)
    detail = ErrorDetail(
        reason=known.reason,
        category=known.category,
        text="the caller cannot be attested",
        hint=hint,
        expected=expected,
        seen=seen,
        system_errno=(cause.errno or 0) if isinstance(cause, OSError) else 0,
    )
    raise AttestationRefused(detail) from cause
