# SPDX-License-Identifier: Apache-2.0
"""What a pool of connections did: a frozen record of one moment."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PoolCounters", "PoolStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatistics:
    """What a :class:`ConnectionPool` did so far, and what it has now.

    Attributes:
        opened: Connections that were made.
        reused: Times that an idle one was lent again.
        waited: Times that somebody had to wait for a place.
        pruned: Idle ones that were closed: too old, ended, revoked or gone.
        evicted: Idle ones that were closed to make room for another endpoint.
        idle: Connections that wait for use now.
        busy: Those that are lent or being made now.
        waiting: Tasks that wait for a place now.
    """

    opened: int
    reused: int
    waited: int
    pruned: int
    evicted: int
    idle: int
    busy: int
    waiting: int


class PoolCounters:
    """The counters behind :class:`PoolStatistics`."""

    __slots__ = ("evicted", "opened", "pruned", "reused", "waited")

    def __init__(self) -> None:
        self.opened = self.reused = self.waited = self.pruned = self.evicted = 0

    def freeze(self, *, idle: int, places: int, waiting: int) -> PoolStatistics:
        """Take the record of this moment."""
        return PoolStatistics(
            opened=self.opened,
            reused=self.reused,
            waited=self.waited,
            pruned=self.pruned,
            evicted=self.evicted,
            idle=idle,
            busy=places - idle,
            waiting=waiting,
        )
