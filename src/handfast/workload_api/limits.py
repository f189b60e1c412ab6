# SPDX-License-Identifier: Apache-2.0
"""What one end of a Workload API connection takes from the other (promise P8)."""

from __future__ import annotations

from dataclasses import dataclass, fields

from handfast._settings import refuse

__all__ = ["ClientLimits", "ServerLimits", "WireLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLimits:
    """Bounds on what is received; reaching one ends the call or the connection.

    Attributes:
        message: Bytes of one message.
        header_list: Bytes of one list of headers, as HTTP/2 counts them, and of the
            block that it is compressed into.
        control_burst: Frames without a payload worth having (PING, SETTINGS,
            RST_STREAM, WINDOW_UPDATE, tiny DATA, ...) that may come at once.
        control_rate: How many of them a second may come for ever.
    """

    message: int = 4 * 1024 * 1024
    header_list: int = 16 * 1024
    control_burst: int = 1000
    control_rate: float = 100.0

    def __post_init__(self) -> None:
        for name in (it.name for it in fields(self)):
            if not getattr(self, name) > 0:
                refuse(f"{name}= above 0", getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits(WireLimits):
    """A client's bounds.

    Attributes:
        message: Bytes of one message of a stream.
        answer: Bytes of the answer to a call that has one.
        fields: Of one message, repeated ones each for itself: an empty one costs its
            sender two bytes, and us a hundred.
        send_timeout: Seconds in which the server has to take some of what we send.
        ping_after: Seconds of silence, while a call waits, after which the server is
            asked for a sign of life; `math.inf` never asks. Many servers end
            connections on which that comes more often than every five minutes.
        ping_timeout: Seconds in which it has to give one.
    """

    answer: int = 1024 * 1024
    fields: int = 10_000
    send_timeout: float = 30.0
    ping_after: float = 360.0
    ping_timeout: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits(WireLimits):
    """A server's bounds.

    Attributes:
        message: Bytes of one request: requests of this API are small.
        connections: At once, by all callers together.
        connections_per_caller: At once, by one caller, where callers can be told apart.
        streams: Calls at once on one connection.
        calls_per_caller: Calls at once by one caller, over all its connections.
        preface_timeout: Seconds in which a new connection has to begin HTTP/2.
        request_timeout: Seconds in which a request has to be complete.
        idle_timeout: Seconds that a connection may be open without a call.
        send_timeout: Seconds in which a client has to take an answer.
    """

    message: int = 64 * 1024
    connections: int = 1024
    connections_per_caller: int = 128
    streams: int = 100
    calls_per_caller: int = 512
    preface_timeout: float = 10.0
    request_timeout: float = 10.0
    idle_timeout: float = 600.0
    send_timeout: float = 30.0
