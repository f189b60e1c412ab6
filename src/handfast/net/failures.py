# SPDX-License-Identifier: Apache-2.0
"""Failures that clients and servers name in the same words."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import TYPE_CHECKING, Literal, NoReturn

import trio

from handfast.errors import (
    ConfigError,
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
    "again",
    "break_with",
    "crowded",
    "handshake_timed_out",
    "need_at_least_0",
    "need_positive",
    "need_role",
    "refuse_setting",
    "source_of",
    "system_failure",
]


def handshake_timed_out(seconds: float) -> HandshakeTimeout:
    """Make the error of a handshake that took too long; it is not raised here."""
    return HandshakeTimeout(
        detail_for(
            Reason.HANDSHAKE_TIMEOUT,
            expected=f"a handshake in {seconds:g} seconds",
            seen="one that was not done",
        )
    )


def crowded() -> UsageError:
    """Make the error of one handshake too many of one address; it is not raised."""
    seen = "one handshake more than max_handshakes_per_source= allows"
    return UsageError(detail_for(Reason.LIMIT, seen=seen))


def source_of(transport: trio.abc.Stream) -> str | None:
    """Say what counts as one source: an IPv4 address, or the /64 of an IPv6 one.

    None for everything that has no such address: there is no limit for those.
    """
    if not isinstance(transport, trio.SocketStream):
        return None
    try:
        name = transport.socket.getpeername()
    except OSError:
        return None
    match name:
        case (str(host), int(), *_):
            address = ipaddress.ip_address(host.partition("%")[0])
        case _:
            return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return address.packed[:8].hex()


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


def need_at_least_0(name: str, value: int) -> None:
    """Insist on a number of which there may be none."""
    if value < 0:
        raise ConfigError(
            detail_for(
                Reason.CONFIG_INVALID, expected=f"{name} of 0 or more", seen=f"{value}"
            )
        )


def refuse_setting(expected: str, seen: object) -> NoReturn:
    """Refuse a setting."""
    raise ConfigError(
        detail_for(Reason.CONFIG_INVALID, expected=expected, seen=f"{seen}")
    )


def again(error: HandfastError) -> HandfastError:
    """Copy an error to be told again: without the frames that the first one holds."""
    return type(error)(error.detail)


def break_with(error: HandfastError) -> NoReturn:
    """Say it as trio's contract has it."""
    raise trio.BrokenResourceError(str(error)) from error


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
