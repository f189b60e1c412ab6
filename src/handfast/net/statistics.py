# SPDX-License-Identifier: Apache-2.0
"""Counters that streams and listeners give out: frozen records of one moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from handfast.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ListenerCounters", "ListenerStatistics", "StreamStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatistics:
    """What one stream carried.

    Attributes:
        bytes_sent: Application bytes of every `send_all` that came to its end.
        bytes_received: Application bytes that were handed out.
    """

    bytes_sent: int
    bytes_received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerStatistics:
    """What became of the connections that one listener accepted in `serve_mtls`.

    Attributes:
        accepted: Connections taken from the system.
        handshakes_ok: Peers that were authenticated, authorized and given a handler.
        handshakes_failed: All others, by reason, timeouts and `gave_way` included.
        timeouts: Those that took longer than ``handshake_timeout``.
        gave_way: Those that were dropped for a newer one, at ``max_handshakes`` or when
            the system had no file descriptor left (reason ``limit``).
        handshaking: Handshakes under way now.
        active: Handlers that run now.
        ended: Streams that were ended on purpose, by reason: ``max_age``,
            ``credentials_ended``, ``credentials_revoked``, ``drained``.
        plain_text: Connections in plain text that were given their own handler.
        passed_through: Connections that were passed on to a backend.
    """

    accepted: int
    handshakes_ok: int
    handshakes_failed: Mapping[Reason, int]
    timeouts: int
    gave_way: int
    handshaking: int
    active: int
    ended: Mapping[Reason, int]
    plain_text: int = 0
    passed_through: int = 0


class ListenerCounters:
    """The counters behind :class:`ListenerStatistics`; one task at a time by nature."""

    __slots__ = (
        "accepted",
        "active",
        "ended",
        "failed",
        "gave_way",
        "handshaking",
        "ok",
        "passed",
        "plain",
    )

    def __init__(self) -> None:
        self.accepted = self.ok = self.gave_way = self.handshaking = self.active = 0
        self.plain = self.passed = 0
        self.failed: Counter[Reason] = Counter()
        self.ended: Counter[Reason] = Counter()

    def freeze(self, under_way: int) -> ListenerStatistics:
        """Take the record of this moment; `under_way` is what workers have."""
        return ListenerStatistics(
            accepted=self.accepted + under_way,
            handshakes_ok=self.ok,
            handshakes_failed=MappingProxyType(dict(self.failed)),
            timeouts=self.failed[Reason.HANDSHAKE_TIMEOUT],
            gave_way=self.gave_way,
            handshaking=self.handshaking + under_way,
            active=self.active,
            ended=MappingProxyType(dict(self.ended)),
            plain_text=self.plain,
            passed_through=self.passed,
        )
