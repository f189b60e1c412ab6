# SPDX-License-Identifier: Apache-2.0
"""How it is said, at either end, that a handshake took too long."""

from __future__ import annotations

from handfast.errors import HandshakeTimeout, Reason, detail_for

__all__ = ["handshake_timed_out"]


def handshake_timed_out(seconds: float) -> HandshakeTimeout:
    """Make the error; it is not raised here."""
    return HandshakeTimeout(
        detail_for(
            Reason.HANDSHAKE_TIMEOUT,
            expected=f"a handshake in {seconds:g} seconds",
            seen="one that was not done",
        )
    )
