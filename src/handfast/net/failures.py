# SPDX-License-Identifier: Apache-2.0
"""Failures that clients and servers name in the same words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from handfast.errors import (
    ConfigError,
    HandshakeTimeout,
    Reason,
    TransportError,
    detail_for,
)

if TYPE_CHECKING:
    from handfast.tls import TlsConfig

__all__ = ["handshake_timed_out", "need_positive", "need_role", "system_failure"]


def handshake_timed_out(seconds: float) -> HandshakeTimeout:
    """Make the error of a handshake that took too long; it is not raised here."""
    return HandshakeTimeout(
        detail_for(
            Reason.HANDSHAKE_TIMEOUT,
            expected=f"a handshake in {seconds:g} seconds",
            seen="one that was not done",
        )
    )


def system_failure(error: OSError) -> TransportError:
    """Name a failure of the event loop's own system calls, such as a full epoll."""
    detail = detail_for(Reason.IO, seen=f"{error}")
    return TransportError(dataclasses.replace(detail, system_errno=error.errno or 0))


def need_positive(name: str, value: float) -> None:
    """Insist on a limit that lets something happen."""
    if not value > 0:
        raise ConfigError(
            detail_for(
                Reason.CONFIG_INVALID, expected=f"{name} above 0", seen=f"{value}"
            )
        )


def need_role(config: TlsConfig, role: Literal["client", "server"]) -> None:
    """Insist on a configuration for this side: two servers would wait for each other.

    Raises:
        ConfigError: it is for the other side.
    """
    if config.role != role:
        raise ConfigError(
            detail_for(
                Reason.CONFIG_INVALID,
                expected=f"a configuration made by TlsConfig.{role}()",
                seen=f"one for a {config.role}",
            )
        )
