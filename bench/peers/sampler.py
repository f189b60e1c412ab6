# SPDX-License-Identifier: Apache-2.0
"""How the runner talks to a peer program, and what a sample is.

A peer is started once a scenario and lives through all rounds, so that samples of
different peers can be interleaved without starting anything in between. It prints its
facts (versions, what was negotiated) as one JSON line, then reads lines

    SECONDS SPLIT

and answers each with one JSON line: how many units of work (mostly: handshakes) were
done in that time, CPU seconds of the whole process, latencies on the grid
`LATENCY_GRID`; with SPLIT 1 also the CPU seconds of each end. A peer that cannot take
part here prints `{"absent": WHY}` instead of facts. c_sampler.c is the same thing for
peers in C. Those in Go and Rust do the same; where they verify, they tell count, CPU
and wall time alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import resource
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Shares of handshakes: 0 to 99 %, 99.9 %, all.
LATENCY_GRID = (*(percent / 100 for percent in range(100)), 0.999, 1.0)

Facts = dict[str, Any]


@dataclass(slots=True)
class Clock:
    """Counts one sample: latencies, CPU of the process, CPU of each end."""

    seconds: float = 0.0
    split: bool = False
    limit: int | None = None  # so many instead of so long
    units: int = 1  # of work in a lap
    latencies: list[float] = field(default_factory=list)
    client_cpu: float = 0.0
    server_cpu: float = 0.0
    count: int | None = None  # units, when they are not counted by laps
    cpu: float | None = None  # seconds, when it is not the whole process that counts
    more: Facts = field(default_factory=dict)  # what else a sample has to say
    _cpu: float = 0.0
    _wall: float = 0.0
    _usage: resource.struct_rusage | None = None

    def laps(self, units: int = 1) -> Iterator[None]:
        """Yield until the time is up; between two yields run that many units.

        One, mostly; many where a look at the clock would cost something beside one.
        """
        self.units = units
        if self.limit is not None:
            yield from itertools.repeat(None, self.limit // units)
            return
        now = self.start()
        end = now + self.seconds
        while now < end:
            yield
            last, now = now, time.perf_counter()
            self.latencies.append(now - last)
        self.stop()

    def start(self) -> float:
        """Begin to count."""
        self._usage = resource.getrusage(resource.RUSAGE_SELF)
        self._cpu = time.process_time()
        self._wall = time.perf_counter()
        return self._wall

    def stop(self) -> None:
        """End counting: from now on the differences stand still."""
        self._cpu = time.process_time() - self._cpu
        self._wall = time.perf_counter() - self._wall

    def sample(self) -> Facts:
        """Return what was counted."""
        assert self._usage is not None
        usage = resource.getrusage(resource.RUSAGE_SELF)
        ordered = sorted(self.latencies)
        last = len(ordered) - 1
        found: Facts = {
            "count": len(ordered) * self.units if self.count is None else self.count,
            "cpu": self._cpu if self.cpu is None else self.cpu,
            "wall": self._wall,
            "user": usage.ru_utime - self._usage.ru_utime,
            "system": usage.ru_stime - self._usage.ru_stime,
            "involuntary_switches": usage.ru_nivcsw - self._usage.ru_nivcsw,
            "max_rss_kib": usage.ru_maxrss,
            "latency_us": [
                round(ordered[int(share * last + 0.5)] / self.units * 1e6, 1)
                for share in LATENCY_GRID
            ],
        }
        if self.split:
            found |= {"client_cpu": self.client_cpu, "server_cpu": self.server_cpu}
        return found | self.more


def parser(description: str) -> argparse.ArgumentParser:
    """Return the parser of what every Python peer takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--pki", type=Path, required=True, help="from bench/pki.py")
    parser.add_argument("--groups", default="X25519", help="OpenSSL's names")
    parser.add_argument("--tickets", action="store_true", help="stdlib: the default")
    parser.add_argument("--resume", action="store_true", help="all but the first one")
    parser.add_argument("--identities", type=int, default=1, help="of each end")
    parser.add_argument("--count", type=int, help="do that many and end (for valgrind)")
    return parser


def arguments(description: str) -> argparse.Namespace:
    """Parse what every Python peer takes."""
    return parser(description).parse_args()


def absent(reason: str) -> NoReturn:
    """Say instead of facts why this peer cannot take part here, and end."""
    print(json.dumps({"absent": reason}), flush=True)
    raise SystemExit(0)


def python_facts() -> Facts:
    """Return the interpreter's part of the facts."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
    }


def serve(
    given: argparse.Namespace, facts: Facts, take: Callable[[Clock], None]
) -> None:
    """Print the facts, then answer requests; `take` fills a clock."""
    if given.count is not None:
        take(Clock(limit=given.count))
        return
    print(json.dumps(facts | python_facts()), flush=True)
    for line in sys.stdin:
        seconds, split = line.split()
        clock = Clock(seconds=float(seconds), split=split == "1")
        take(clock)
        print(json.dumps(clock.sample()), flush=True)
