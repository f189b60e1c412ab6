# SPDX-License-Identifier: Apache-2.0
"""What the server logs, in one place, so that it is clear what it never logs.

A stranger may write anything into a certificate. At the levels that people read, a line
has the stable reason, our own sentence for it and the address that the system knows;
what the peer sent, the identity it claims included, is in the debug log alone.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import trio

from handfast.errors import (
    ConfigError,
    InternalError,
    SourceError,
    VerificationError,
)
from handfast.net.origin import Proxied

if TYPE_CHECKING:
    from handfast.errors import HandfastError, Reason

__all__ = [
    "RareLines",
    "address_text",
    "log_failure",
    "log_shortage",
    "log_untold",
]

_LOGGER = logging.getLogger("handfast.net")


def address_text(remote: object) -> str:
    """Write where a connection comes from."""
    if remote is None:
        return "a peer that is gone"
    if isinstance(remote, type):
        return f"a {remote.__name__}"
    if isinstance(remote, Proxied):
        return f"{address_text(remote.source)} by way of {address_text(remote.proxy)}"
    match remote:
        # IPv6 addresses have a flow and a scope, too.
        case [str(host), int(port)]:
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case [str(host), int(port), int(), int()]:
            return f"[{host}]:{port}"
        case _:
            return "a local socket"


def log_failure(remote: object, failure: HandfastError) -> None:
    """Log a handshake that failed: as an error when it is ours to mend."""
    address = address_text(remote)
    match failure:
        case SourceError() | ConfigError() | InternalError():
            level = logging.ERROR
        case VerificationError():
            level = logging.WARNING
        case _:
            # Scanners, health checks and people who hang up: a busy port sees many.
            level = logging.INFO
    _LOGGER.log(
        level,
        "handshake with %s failed: %s: %s",
        address,
        failure.reason,
        failure.detail.text,
        extra={"peer_address": address, "reason": str(failure.reason)},
    )
    if _LOGGER.isEnabledFor(logging.DEBUG):
        _LOGGER.debug(
            "what %s sent, not verified: %s",
            address,
            failure,
            extra={"peer_address": address, "failure": failure},
        )


def log_untold(count: int, reason: Reason) -> None:
    """Log handshakes that failed in such numbers that they were only counted."""
    _LOGGER.info(
        "%d more handshakes failed: %s; too many to tell one by one",
        count,
        reason,
        extra={"reason": str(reason)},
    )


def log_shortage(text: str) -> None:
    """Log that the system cannot accept: once until it can again."""
    _LOGGER.error("cannot accept a connection: %s; trying again until it works", text)


class RareLines:
    """So many lines in so many seconds; the others are counted for the next one.

    For lines that strangers can cause: a log that anybody can fill hides what matters.
    """

    __slots__ = ("_left", "_lines", "_seconds", "_unsaid", "_until")

    def __init__(self, lines: int = 20, seconds: float = 60.0) -> None:
        self._lines = self._left = lines
        self._seconds = seconds
        self._until = -math.inf
        self._unsaid = 0

    def may_say(self) -> int | None:
        """Return how many lines were left out before this one; None: leave it out."""
        now = trio.current_time()
        if now >= self._until:
            self._left, self._until = self._lines, now + self._seconds
        if not self._left:
            self._unsaid += 1
            return None
        self._left -= 1
        unsaid, self._unsaid = self._unsaid, 0
        return unsaid
