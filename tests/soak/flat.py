# SPDX-License-Identifier: Apache-2.0
"""Whether a process stays as it is: memory, descriptors and objects along a long run.

A leak is a slope. What allocators and caches take while they warm up is a step, so the
first part of a run is left out; what they move about afterwards is noise, so growth
below a floor is none. A run's bound is therefore the slope that is allowed, or the
floor spread over what was measured: long runs see small leaks, short ones large ones.
"""

from __future__ import annotations

import gc
import resource
import statistics
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Course", "Sample"]

#: Bytes of resident memory a handshake: 8 MB in a million.
RSS_SLOPE = 8.0
#: Bytes that come and go with whole pages and arenas.
RSS_FLOOR = 1_000_000
#: Objects of Python's a handshake, and how many come and go: trio keeps up to 1,000
#: deadlines that are over, two objects each, before it looks through them.
OBJECT_SLOPE = 0.01
OBJECT_FLOOR = 2_500

#: The part of a run that is left out.
WARM_UP = 0.4


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process is at after so many handshakes."""

    handshakes: int
    rss: int
    descriptors: int
    objects: int

    @classmethod
    def take(cls, handshakes: int) -> Sample:
        """Look at this process, with its garbage collected."""
        gc.collect()
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return cls(
            handshakes=handshakes,
            rss=int(pages) * resource.getpagesize(),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            objects=len(gc.get_objects()),
        )


@dataclass
class Course:
    """A run's samples, and what they say."""

    samples: list[Sample] = field(default_factory=list[Sample])

    @property
    def measured(self) -> list[Sample]:
        """The samples after the warm-up."""
        first = self.samples[-1].handshakes * WARM_UP
        return [it for it in self.samples if it.handshakes >= first]

    @property
    def span(self) -> int:
        """Handshakes between the first and the last sample that count."""
        measured = self.measured
        return measured[-1].handshakes - measured[0].handshakes

    def _slope(self, values: list[int]) -> float:
        handshakes = [it.handshakes for it in self.measured]
        return statistics.linear_regression(handshakes, values).slope

    @property
    def rss_slope(self) -> float:
        """Bytes a handshake, by least squares."""
        return self._slope([it.rss for it in self.measured])

    @property
    def rss_bound(self) -> float:
        """Bytes a handshake that are allowed in a run of this length."""
        return max(RSS_SLOPE, RSS_FLOOR / self.span)

    @property
    def object_slope(self) -> float:
        """Objects a handshake, by least squares."""
        return self._slope([it.objects for it in self.measured])

    @property
    def object_bound(self) -> float:
        """Objects a handshake that are allowed in a run of this length."""
        return max(OBJECT_SLOPE, OBJECT_FLOOR / self.span)

    @property
    def more_descriptors(self) -> int:
        """How many more are open late than early.

        The fewest of each third: one that is about to be closed is none too many.
        """
        open_ = [it.descriptors for it in self.measured]
        third = max(1, len(open_) // 3)
        return min(open_[-third:]) - min(open_[:third])

    def wrong(self) -> list[str]:
        """Say what is not flat."""
        told: list[str] = []
        if self.rss_slope > self.rss_bound:
            told.append(f"memory grows by {self.rss_slope:.1f} bytes a handshake")
        if self.object_slope > self.object_bound:
            told.append(f"objects grow by {self.object_slope:.3f} a handshake")
        if self.more_descriptors > 0:
            told.append(f"{self.more_descriptors} more descriptors are open")
        return told
