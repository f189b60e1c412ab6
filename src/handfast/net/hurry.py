# SPDX-License-Identifier: Apache-2.0
"""One task that ends the handshakes of a trio run that take too long.

Nearly every handshake is done in milliseconds, and a cancel scope of its own costs it
more than anything else that Python does for it. So a deadline is an entry in a heap
that its handshake leaves behind, and one system task of trio sleeps until the earliest.

Invariants:
    1. The task is there while there are entries, and wakes at the earliest at the
       latest. What is done by then is dropped: an entry keeps no stream alive.
    2. There are at most twice as many entries as handshakes under way, or a few, also
       where deadlines are far away or for ever (P8).
    3. Nothing of one stream fails in here: it would end the whole run.
"""

from __future__ import annotations

import heapq
import math
import weakref
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

import trio

from handfast.net.failures import handshake_timed_out

if TYPE_CHECKING:
    from handfast.errors import HandfastError

__all__ = ["hurry"]


class Hurried(Protocol):
    """A stream over a socket."""

    @property
    def is_shaking_hands(self) -> bool:
        """Whether the handshake is still to be done; not once it was closed."""
        ...

    def give_up(self, why: HandfastError) -> None:
        """Close the socket, and say why to whoever is in the handshake."""
        ...


# From how many entries on they are looked through for those that are done.
_FEW: Final = 1024

# When, an order for those of one moment, the seconds that were given, and whose.
_Entry = tuple[float, int, float, "weakref.ref[Hurried]"]


class _Deadlines:
    """The deadlines of a trio run; see the module for its invariants."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._order = count()
        self._wake = trio.Event()
        self._wakes_at = 0.0
        self._running = False
        self._most = _FEW

    def add(self, stream: Hurried, seconds: float, due: float) -> None:
        entry = (due, next(self._order), seconds, weakref.ref(stream))
        heapq.heappush(self._heap, entry)
        if len(self._heap) > self._most:
            self._sweep()
        if not self._running:
            self._running = True
            trio.lowlevel.spawn_system_task(self._run, name="handfast.net.hurry")
        elif due < self._wakes_at:
            self._wake.set()

    async def _run(self) -> None:
        try:
            while self._drop():
                self._wake = trio.Event()
                self._wakes_at = self._heap[0][0]
                with trio.move_on_at(self._wakes_at):
                    await self._wake.wait()
        finally:
            self._running = False

    def _drop(self) -> bool:
        """Take out what is done or due; say whether anything is left."""
        now, heap = trio.current_time(), self._heap
        while heap:
            due, _number, seconds, reference = heap[0]
            stream = reference()
            if stream is None or not stream.is_shaking_hands:
                heapq.heappop(heap)
            elif due > now:
                return True
            else:
                heapq.heappop(heap)
                stream.give_up(handshake_timed_out(seconds))
        return False

    def _sweep(self) -> None:
        """Take out what is done, wherever it lies."""
        self._heap[:] = [it for it in self._heap if _is_under_way(it)]
        heapq.heapify(self._heap)
        self._most = max(_FEW, 2 * len(self._heap))


def _is_under_way(entry: _Entry) -> bool:
    stream = entry[3]()
    return stream is not None and stream.is_shaking_hands


_DEADLINES: trio.lowlevel.RunVar[_Deadlines] = trio.lowlevel.RunVar(
    "handfast.net.hurry"
)


def hurry(stream: Hurried, seconds: float, *, due: float | None = None) -> None:
    """End the handshake of a stream over a socket unless it is done in time.

    Whoever is inside of it gets a `HandshakeTimeout`, and the socket is closed.

    Args:
        stream: The stream; a handshake has been begun, or is to be.
        seconds: How long it may take.
        due: When that is over, on trio's clock; None counts from now.

    Raises:
        ValueError: the seconds are not a number.
    """
    if math.isnan(seconds):
        raise ValueError("a handshake's time must be a number")
    try:
        deadlines = _DEADLINES.get()
    except LookupError:
        deadlines = _Deadlines()
        _DEADLINES.set(deadlines)
    deadlines.add(
        stream, seconds, trio.current_time() + seconds if due is None else due
    )
