# SPDX-License-Identifier: Apache-2.0
"""Failures that clients and servers name in the same words."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Final, Literal, NoReturn

import trio

from handfast._settings import refuse as refuse_setting
from handfast.errors import (
    HandshakeTimeout,
    Reason,
    TransportError,
    UsageError,
    detail_for,
)

if TYPE_CHECKING:
    from handfast.errors import HandfastError
    from handfast.tls import TlsConfig

__all__ = [
    "GAVE_WAY",
    "again",
    "break_with",
    "handshake_timed_out",
    "need_positive",
    "need_role",
    "refuse_setting",
    "system_failure",
    "too_late",
]

#: What is said of a handshake that was dropped for a newer one.
GAVE_WAY: Final = "the oldest handshake, which gave way to a new connection"


def handshake_timed_out(seconds: float) -> HandshakeTimeout:
    """Make the error of a handshake that took too long; it is not raised here."""
    return HandshakeTimeout(
        detail_for(
            Reason.HANDSHAKE_TIMEOUT,
            expected=f"a handshake in {seconds:g} seconds",
            seen="one that was not done",
        )
    )


def too_late(seconds: float, *, gave_way: bool, verified: bool) -> HandfastError:
    """Say why a handshake was stopped."""
    if verified and not gave_way:
        seen = "a verified peer that found no place among max_connections= in time"
    elif gave_way:
        seen = GAVE_WAY
    else:
        return handshake_timed_out(seconds)
    return UsageError(detail_for(Reason.LIMIT, seen=seen))


def system_failure(error: OSError) -> TransportError:
    """Name a failure of the event loop's own system calls, such as a full epoll."""
    detail = detail_for(Reason.IO, seen=f"{error}")
    return TransportError(dataclasses.replace(detail, system_errno=error.errno or 0))


def need_positive(name: str, value: float) -> None:
    """Insist on a limit that lets something happen."""
    if not value > 0:
        refuse_setting(f"{name} above 0", value)


def again(error: HandfastError) -> HandfastError:
    """Copy an error to be told again: without the frames that the first one holds."""
    return copy.copy(error)


def break_with(error: HandfastError) -> NoReturn:
    """Say it as trio's contract has it."""
    raise trio.BrokenResourceError(str(error)) from error


def need_role(config: TlsConfig, role: Literal["client", "server"]) -> None:
    """Insist on a configuration for this side: two servers would wait for each other.

    Who serves here is promised verified peers, which a one-way server has not.

    Raises:
        ConfigError: it is for the other side, or a one-way server's.
    """
    if config.role == role == "server" and not config.is_mutual:
        refuse_setting(
            "a configuration made by TlsConfig.server(), by which peers are verified",
            "one of TlsConfig.one_way_server(), which asks nobody who it is",
        )
    if config.role != role:
        refuse_setting(
            f"a configuration made by TlsConfig.{role}()", f"one for a {config.role}"
        )
