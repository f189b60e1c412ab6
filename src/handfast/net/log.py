# SPDX-License-Identifier: Apache-2.0
"""What the server logs, in one place, so that it is clear what it never logs.

A stranger may write anything into a certificate. At the levels that people read, a line
has the stable reason, our own sentence for it and the address that the system knows;
what the peer sent, the identity it claims included, is in the debug log alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from handfast.errors import (
    ConfigError,
    InternalError,
    SourceError,
    VerificationError,
)

if TYPE_CHECKING:
    from handfast.errors import HandfastError, Reason

__all__ = ["log_failure", "log_shortage", "log_untold", "remote_end"]

_LOGGER = logging.getLogger("handfast.net")


def remote_end(transport: trio.abc.Stream) -> object:
    """Ask the system, while it knows, who the other end is: to be logged, if at all."""
    if not isinstance(transport, trio.SocketStream):
        return type(transport)
    try:
        return transport.socket.getpeername()
    except OSError:
        return None


def _address(remote: object) -> str:
    if remote is None:
        return "a peer that is gone"
    if isinstance(remote, type):
        return f"a {remote.__name__}"
    match remote:
        # IPv6 addresses have a flow and a scope, too.
        case [str(host), int(port)]:
            return f"{host}:{port}"
        case [str(host), int(port), int(), int()]:
            return f"[{host}]:{port}"
        case _:
            return "a local socket"


def log_failure(remote: object, failure: HandfastError) -> None:
    """Log a handshake that failed: as an error when it is ours to mend."""
    address = _address(remote)
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
