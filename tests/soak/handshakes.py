# SPDX-License-Identifier: Apache-2.0
"""Very many handshakes through everything that keeps state: nothing may grow.

    python -m tests.soak.handshakes [HANDSHAKES] [--leak KIND] [--json FILE]

Nine of ten are in memory, the tenth over loopback, with and without workers, by clients
of `open_many`; tests/soak/cast.py says who they are. SVIDs are replaced every second,
bundles every two. It tells on stderr how it goes, and at the end what was done and how
memory, descriptors and objects went (tests/soak/flat.py has the bounds). It exits with
1 when they grew, when an engine's object is left, when the sessions of peers that do
not come back passed their bound (R10), or when a handshake did not end as it should.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import trio
from tests.soak.cast import Cast
from tests.soak.flat import Sample
from tests.soak.handshakes_outcome import Outcome
from tests.soak.loopback import Loopback
from tests.soak.server_process import ROOT, take_all_descriptors

from handfast import Connection, _ffi

LEAKS = ("memory", "connections", "descriptors")

#: Handshakes between two samples at least: to look costs as much as some dozens.
_SAMPLE = 250


class Leak:
    """What is kept, when the program is to show that it would notice."""

    def __init__(self, kind: str | None = None) -> None:
        self._kind = kind
        self._kept: list[bytes | Connection | socket.socket] = []

    def round(self, last: Connection) -> None:
        """Keep something of a hundred handshakes."""
        match self._kind:
            case "memory":
                self._kept.append(b"x" * 200_000)
            case "connections":
                self._kept.append(last)
            case "descriptors":
                self._kept.append(socket.socket())
            case _:
                pass

    def end(self) -> None:
        """Give it all back."""
        for it in self._kept:
            if isinstance(it, socket.socket):
                it.close()
        self._kept.clear()


class _Run:
    def __init__(
        self, cast: Cast, outcome: Outcome, leak: Leak, tell: Callable[[str], object]
    ) -> None:
        self._cast, self._outcome, self._leak, self._tell = cast, outcome, leak, tell
        self._loopback = Loopback(cast)

    async def run(self, count: int, seconds_a_tick: float) -> None:
        """Have so many handshakes."""
        start = told = time.monotonic()
        step = max(_SAMPLE, count // 400)
        async with self._loopback.serving() as nursery:
            nursery.start_soon(self._rotate, seconds_a_tick)
            next_sample = 0
            for round_ in itertools.count():
                done = self._cast.counts.total()
                if done >= next_sample:
                    await self._loopback.quiet()
                    self._outcome.course.samples.append(Sample.take(done))
                    next_sample = done + step
                if time.monotonic() >= told:
                    self._progress(start)
                    told = time.monotonic() + 5
                if done >= count:
                    break
                await self._in_memory()
                # 100 in memory are to 24 on one of the four ports every second round.
                if round_ % 2:
                    await self._loopback.visit()
            self._loopback.check()
        self._outcome.failed += self._loopback.failed
        self._outcome.seconds = time.monotonic() - start

    async def _rotate(self, seconds: float) -> None:
        while True:
            await trio.sleep(seconds)
            self._cast.tick()

    async def _in_memory(self) -> None:
        last: Connection | None = None
        for number, meet in enumerate(self._cast.meetings()):
            last = meet() or last
            if not number % 10:
                await trio.lowlevel.checkpoint()
        if last is not None:
            self._leak.round(last)

    def _progress(self, start: float) -> None:
        last = self._outcome.course.samples[-1]
        done = self._cast.counts.total()
        rate = done / max(time.monotonic() - start, 1e-3)
        self._tell(
            f"{done} handshakes, {rate:.0f} a second, {last.rss / 1e6:.1f} MB, "
            f"{last.descriptors} descriptors"
        )


def _perform(
    outcome: Outcome,
    count: int,
    leak: Leak,
    seconds_a_tick: float,
    tell: Callable[[str], object],
) -> None:
    cast = Cast()
    run = _Run(cast, outcome, leak, tell)
    trio.run(run.run, count, seconds_a_tick)
    outcome.ticks = cast.ticks
    outcome.counts = cast.counts
    store = cast.store.statistics()
    outcome.store = {
        name: getattr(store, name)
        for name in ("entries", "max_entries", "inserts", "evictions")
    }


def shake_hands(
    count: int,
    *,
    leak: str | None = None,
    seconds_a_tick: float = 1.0,
    tell: Callable[[str], object] = str,
) -> Outcome:
    """Have so many handshakes, and see what is left of them."""
    outcome, kept = Outcome(), Leak(leak)
    gc.collect()
    before = _ffi.live_handles()
    try:
        _perform(outcome, count, kept, seconds_a_tick, tell)
        gc.collect()
        after = _ffi.live_handles()
    finally:
        kept.end()
    outcome.left = {
        kind: after[kind] - before[kind] for kind in after if after[kind] > before[kind]
    }
    return outcome


def main(arguments: list[str]) -> int:
    """Have as many as asked for; say what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.handshakes")
    parser.add_argument("handshakes", type=int, nargs="?", default=50_000)
    parser.add_argument("--leak", choices=LEAKS)
    parser.add_argument(
        "--json", type=Path, default=ROOT / "build" / "soak" / "handshakes.json"
    )
    asked = parser.parse_args(arguments)

    def tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    outcome = shake_hands(asked.handshakes, leak=asked.leak, tell=tell)
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(outcome.figures(), indent=2) + "\n")
    sys.stdout.write(f"{outcome}\n")
    return 1 if outcome.wrong() else 0


if __name__ == "__main__":
    take_all_descriptors()
    sys.exit(main(sys.argv[1:]))
