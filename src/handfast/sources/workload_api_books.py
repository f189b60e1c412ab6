# SPDX-License-Identifier: Apache-2.0
"""What a Workload API source tells about itself: numbers, ages, growing warnings."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import trio

from handfast.sources.workload_api_pace import Urgency, urgency_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from handfast.errors import SourceError
    from handfast.sources.workload_api_state import Standing

__all__ = ["Alarm", "StreamStatistics", "WorkloadApiSourceStatistics"]

_LOGGER = logging.getLogger("handfast.sources")

#: Seconds between two looks at the clock.
TICK: Final = 5.0

_LEVELS: Final = {
    Urgency.LATE: logging.WARNING,
    Urgency.URGENT: logging.WARNING,
    Urgency.LAST: logging.ERROR,
    Urgency.EXPIRED: logging.CRITICAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatistics:
    """What became of one stream.

    Attributes:
        connected: Whether it is open, and has given something.
        opened: How often it was opened.
        updates: Messages that changed something.
        unchanged: Messages that said what was known.
        rejected: Messages that could not be used.
        failures: Ends that were not good, by gRPC status or reason.
        age: Seconds since the last message that could be used; None before it.
        failure: The last failure in words; None after a message that could be used.
    """

    connected: bool
    opened: int
    updates: int
    unchanged: int
    rejected: int
    failures: Mapping[str, int]
    age: float | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadApiSourceStatistics:
    """A Workload API source at one moment.

    Attributes:
        generation: Of the snapshot; 0 before the first.
        streams: What became of each stream that is followed, by the call's name.
        connects: Connections to the agent since the beginning.
        expires_in: Seconds until our identity ends; None without one, negative after.
        urgency: How late its renewal is; grows from 0 to 4.
        crls_put_aside: Revocation lists that are not used.
        jwt_cached: JWT-SVIDs in the cache.
        jwt_fetched: Calls for them that were made.
        jwt_reused: Calls that the cache has spared.
    """

    generation: int
    streams: Mapping[str, StreamStatistics]
    connects: int
    expires_in: float | None
    urgency: Urgency
    crls_put_aside: int = 0
    jwt_cached: int = 0
    jwt_fetched: int = 0
    jwt_reused: int = 0

    @property
    def connected(self) -> bool:
        """Whether all streams are open."""
        return all(it.connected for it in self.streams.values())

    @property
    def failures(self) -> Mapping[str, int]:
        """Ends that were not good, of all streams."""
        total: Counter[str] = Counter()
        for it in self.streams.values():
            total.update(it.failures)
        return total


@dataclass(slots=True)
class Alarm:
    """Says louder and louder that an identity is not renewed (W5).

    Attributes:
        agent: What the log calls the source.
        now: The clock.
        identity: Gives the identity and its time; None while there is none.
        trouble: Says what the agent does instead.
        told: How urgent it was when it was told last.
    """

    agent: str
    now: Callable[[], datetime]
    identity: Callable[[], Standing | None]
    trouble: Callable[[], SourceError | None]
    told: Urgency = Urgency.FRESH
    _about: bytes = field(default=b"", repr=False)

    def urgency(self) -> Urgency:
        """How late the renewal is now."""
        found = self.identity()
        if found is None:
            return Urgency.FRESH
        return urgency_of(found.begins, found.ends, self.now())

    def look(self) -> Urgency:
        """Look at the clock, and tell what is more urgent than before."""
        found = self.identity()
        urgency = self.urgency()
        if found is None or found.svid.chain[0] != self._about:
            self._about = b"" if found is None else found.svid.chain[0]
            self.told = Urgency.FRESH
        if urgency > self.told and found is not None:
            self.told = urgency
            trouble = self.trouble()
            _LOGGER.log(
                _LEVELS[urgency],
                "%s has not renewed %s, which ends at %s: %s",
                self.agent,
                found.svid.spiffe_id,
                f"{found.ends:%Y-%m-%dT%H:%M:%SZ}",
                "it is connected" if trouble is None else trouble.detail.message(),
                extra={"spiffe_id": str(found.svid.spiffe_id), "urgency": int(urgency)},
            )
        return urgency

    async def watch(self) -> None:
        """Look for ever; a wall clock that was set is noticed one TICK later.

        Cancellation: nothing is left behind.
        """
        while True:
            self.look()
            await trio.sleep(TICK)
