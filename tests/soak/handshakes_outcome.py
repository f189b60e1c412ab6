# SPDX-License-Identifier: Apache-2.0
"""What very many handshakes came to (tests/soak/handshakes.py)."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field

from tests.soak.flat import Course

__all__ = ["Outcome"]


@dataclass
class Outcome:
    """What happened."""

    seconds: float = 0.0
    ticks: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])
    failed: list[str] = field(default_factory=list[str])
    course: Course = field(default_factory=Course)
    store: dict[str, int] = field(default_factory=dict[str, int])
    left: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def bounded(self) -> bool:
        """Whether the store had more to keep than it may, and kept no more (R10)."""
        return (
            self.store["entries"] <= self.store["max_entries"]
            and self.store["evictions"] > 0
        )

    def wrong(self) -> list[str]:
        """Say what was not as it should be."""
        told = [*self.course.wrong(), *self.failed]
        told += [f"{count} {kind} left" for kind, count in self.left.items()]
        return told if self.bounded else [*told, f"the session store: {self.store}"]

    def figures(self) -> dict[str, object]:
        """Give all of it, for a file."""
        first, last = self.course.measured[0], self.course.measured[-1]
        return {
            "handshakes": self.counts.total(),
            "seconds": round(self.seconds, 1),
            "rotations": self.ticks,
            "counts": dict(sorted(self.counts.items())),
            "rss_bytes_a_handshake": round(self.course.rss_slope, 3),
            "rss_bound": round(self.course.rss_bound, 3),
            "objects_a_handshake": round(self.course.object_slope, 5),
            "object_bound": round(self.course.object_bound, 5),
            "more_descriptors": self.course.more_descriptors,
            "after_warm_up": asdict(first),
            "at_the_end": asdict(last),
            "session_store": self.store,
            "left": self.left,
            "wrong": self.wrong(),
        }

    def __str__(self) -> str:
        """Write some lines."""
        course = self.course
        counts = ", ".join(f"{kind} {n}" for kind, n in sorted(self.counts.items()))
        first, last = course.measured[0], course.measured[-1]
        did = (
            f"{self.counts.total()} handshakes in {self.seconds:.0f} s, "
            f"{self.ticks} rotations: {counts}"
        )
        went = (
            f"memory {course.rss_slope:+.2f} bytes a handshake over {course.span} "
            f"(at most {course.rss_bound:.1f}), "
            f"{first.rss / 1e6:.1f} to {last.rss / 1e6:.1f} MB; "
            f"objects {course.object_slope:+.4f} (at most {course.object_bound:.3f}); "
            f"descriptors {course.more_descriptors:+d}; "
            f"sessions {self.store['entries']} of {self.store['max_entries']}, "
            f"{self.store['evictions']} evicted; left {self.left or 'nothing'}"
        )
        return "\n  ".join([did, went, *self.wrong()[:10]])
