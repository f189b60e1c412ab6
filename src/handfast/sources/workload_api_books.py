# SPDX-License-Identifier: Apache-2.0
"""What a Workload API source tells about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import trio

from handfast.sources.ageing import Urgency
from handfast.sources.health import SourceStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handfast.sources.ageing import Ageing

__all__ = ["StreamStatistics", "WorkloadApiSourceStatistics", "watch"]

#: Seconds between two looks at the clock.
TICK: Final = 5.0
#: Seconds that an agent is given for a sign of life at least.
_HASTE: Final = 1.0
# No more than two: servers end connections at the third question between two messages.
_PROBED: Final = {Urgency.URGENT, Urgency.LAST}


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
class WorkloadApiSourceStatistics(SourceStatistics):
    """A Workload API source at one moment.

    Attributes:
        streams: What became of each stream that is followed, by the call's name.
        connects: Connections to the agent since the beginning.
        crls_put_aside: Revocation lists of no trust domain that we know.
        jwt_cached: JWT-SVIDs in the cache.
        jwt_fetched: Calls for them that were made.
        jwt_reused: Calls that the cache has spared.
    """

    streams: Mapping[str, StreamStatistics]
    connects: int
    crls_put_aside: int = 0
    jwt_cached: int = 0
    jwt_fetched: int = 0
    jwt_reused: int = 0

    @property
    def connected(self) -> bool:
        """Whether all streams are open."""
        return all(it.connected for it in self.streams.values())


async def watch(ageing: Ageing, probe: Callable[[float], None]) -> None:
    """Look for ever; a wall clock that was set is noticed one TICK later.

    Args:
        ageing: What to look at.
        probe: Asks a silent agent whether it is there, and gives it so many seconds.

    Cancellation: nothing is left behind.
    """
    while True:
        if ageing.look() and ageing.told in _PROBED:
            # Half of what is left: then there is time to connect anew.
            probe(max(_HASTE, (ageing.expires_in() or 0.0) / 2))
        await trio.sleep(TICK)
