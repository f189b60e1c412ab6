# SPDX-License-Identifier: Apache-2.0
"""The clock on the wall, for whatever takes another one in tests."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)
