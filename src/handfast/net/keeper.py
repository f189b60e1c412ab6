# SPDX-License-Identifier: Apache-2.0
"""One task that watches the ends of all streams of a trio run.

A stream has no task of its own, and a client's has no nursery: so this is a system task
of trio. It is there only while there is a stream to watch.

Invariants:
    1. A stream that is open and watched is in `_streams`, and in `_heap` with a time
       not later than the one at which something is due for it.
    2. The wall clock and the sources' generations are looked at every TICK seconds: a
       clock that jumps, or bundles that were replaced, are noticed one TICK later.
    3. No failure of one stream leaves this task: it would end the whole run.
"""

from __future__ import annotations

import heapq
import logging
import math
import weakref
from itertools import count
from typing import TYPE_CHECKING, Final

import trio

from handfast import _ffi
from handfast.errors import HandfastError, PeerError, Reason, SourceError

if TYPE_CHECKING:
    from handfast.net.living import LivingStream

__all__ = ["TICK", "Keeper", "keeper"]

#: Seconds between two looks at the wall clock and at the sources.
TICK: Final = 1.0

# A wall clock that moves this much against the monotonic one was set.
_JUMP: Final = 2.0

# Streams that are judged again between two checkpoints.
_PIECE: Final = 256

_LOGGER = logging.getLogger("handfast.net")


class Keeper:
    """Watches streams; see the module for its invariants."""

    def __init__(self) -> None:
        self._streams: weakref.WeakSet[LivingStream] = weakref.WeakSet()
        self._heap: list[tuple[float, int, weakref.ref[LivingStream]]] = []
        self._order = count()
        self._wake = trio.Event()
        self._running = False
        self._offset = math.nan
        self._source_failed = False

    def watch(self, stream: LivingStream) -> None:
        """Look after a stream, from now on and now."""
        self._streams.add(stream)
        self._push(-math.inf, stream)
        if not self._running:
            self._running = True
            trio.lowlevel.spawn_system_task(self._run, name="handfast.net.keeper")
        self._wake.set()

    def forget(self, stream: LivingStream) -> None:
        """Look after it no more: it was closed."""
        self._streams.discard(stream)

    def _push(self, when: float, stream: LivingStream) -> None:
        # The newest entry of a stream counts; what is left of older ones is skipped.
        stream.look_number = next(self._order)
        heapq.heappush(self._heap, (when, stream.look_number, weakref.ref(stream)))

    async def _run(self) -> None:
        try:
            async with trio.open_nursery() as endings:
                while self._streams:
                    self._wake = trio.Event()
                    self._mind_the_clock()
                    await self._judge(endings)
                    self._act(endings)
                    next_look = trio.current_time() + TICK
                    if self._heap:
                        next_look = min(next_look, self._heap[0][0])
                    with trio.move_on_at(next_look):
                        await self._wake.wait()
                # From here on a new stream starts a new task.
                self._heap.clear()
                self._offset = math.nan
                self._running = False
        finally:
            self._running = False

    def _mind_the_clock(self) -> None:
        """Look at every stream anew when the wall clock was set."""
        offset = _ffi.clock_now() - trio.current_time()
        moved, self._offset = offset - self._offset, offset
        if abs(moved) > _JUMP:
            _LOGGER.warning("the wall clock was set by %+.0f seconds", moved)
            self._heap = []
            for stream in list(self._streams):
                self._push(-math.inf, stream)

    def _act(self, endings: trio.Nursery) -> None:
        """Do what is due."""
        wall, now = float(_ffi.clock_now()), trio.current_time()
        while self._heap and self._heap[0][0] <= now:
            _when, number, reference = heapq.heappop(self._heap)
            stream = reference()
            if stream is None or stream.look_number != number or stream.closed:
                continue
            due = stream.look(wall)
            if isinstance(due, Reason):
                self._end(stream, due, endings)
            elif due < math.inf:
                # Whole seconds of the wall clock: never the same moment twice.
                self._push(max(due, now + 0.05), stream)

    def _end(self, stream: LivingStream, why: Reason, endings: trio.Nursery) -> None:
        self.forget(stream)
        endings.start_soon(_end_quietly, stream, why)

    async def _judge(self, endings: trio.Nursery) -> None:
        """Ask the newest snapshots whether they still carry the streams."""
        for number, stream in enumerate(list(self._streams), 1):
            way = stream.lifetime.on_revoked
            # Whoever drains has been asked already, and is closed all the same.
            due = way == "close" or (way == "drain" and not stream.draining)
            if due and self._is_revoked(stream):
                if way == "close":
                    self._end(stream, Reason.CREDENTIALS_REVOKED, endings)
                else:
                    stream.start_draining(reason=Reason.CREDENTIALS_REVOKED)
            if not number % _PIECE:
                await trio.lowlevel.checkpoint()

    def _is_revoked(self, stream: LivingStream) -> bool:
        if stream.closed:
            return False
        try:
            stream.connection.judge_again()
        except (PeerError, SourceError):
            return True
        except HandfastError:
            # A new snapshot that cannot be used: the next handshake says so, and what
            # was judged good before is not withdrawn by it.
            return False
        except Exception:
            # A source's own bug, which every new handshake meets, too: told once.
            if not self._source_failed:
                _LOGGER.exception("a source failed: nothing is judged again by it")
            self._source_failed = True
            return False
        self._source_failed = False
        return False


async def _end_quietly(stream: LivingStream, why: Reason) -> None:
    try:
        await stream.end(why)
    except Exception:
        _LOGGER.exception("a stream could not be ended")


_KEEPER: trio.lowlevel.RunVar[Keeper] = trio.lowlevel.RunVar("handfast.net.keeper")


def keeper() -> Keeper:
    """Return the keeper of this trio run."""
    try:
        return _KEEPER.get()
    except LookupError:
        _KEEPER.set(Keeper())
        return _KEEPER.get()
