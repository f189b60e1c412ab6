# SPDX-License-Identifier: Apache-2.0
"""What a source of files remembers of its looks, and when it raises its voice."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from handfast.errors import HandfastError

__all__ = ["Books", "FileSourceStatistics"]

_LOGGER = logging.getLogger("handfast.sources")

# A set that is written file by file does not fit for a moment at each renewal: that is
# worth a warning only when it stays so.
_PATIENCE: Final = 5

#: Parts of an SVID's life that are left when it should have been renewed long ago.
_LATE: Final = (0.25, 0.1, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSourceStatistics:
    """Counts since the beginning.

    Attributes:
        looks: How often the files were looked at.
        updates: How often they held something new that is good.
        inconsistent: Looks that met a set which changed, or did not fit together, as
            sets do that are just being written.
        failures: All looks that failed, those included.
        warnings: What was let pass and should be mended.
    """

    looks: int
    updates: int
    inconsistent: int
    failures: int
    warnings: tuple[str, ...]


class Books:
    """Counts and logs; used under the source's lock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._looks = 0
        self._updates = 0
        self._updated_at: datetime | None = None
        self._inconsistent = 0
        self._failures = 0
        self.in_a_row = 0
        self._told = ""
        self._late_told = len(_LATE)
        self._warnings: tuple[str, ...] = ()
        self.failure: HandfastError | OSError | None = None
        self.failed_at: datetime | None = None
        self.confirmed_at: datetime | None = None

    def unchanged(self) -> None:
        """The files are what they were: still the newest."""
        self._looks += 1
        self.in_a_row = 0
        if self.failure is not None:
            _LOGGER.info("the files are in order again")
        self.failure, self._told = None, ""
        self.confirmed_at = self._now()

    def updated(self, warnings: Sequence[str], directory: Path) -> None:
        """There is a new set."""
        self.unchanged()
        self._updates += 1
        self._updated_at = self.confirmed_at
        self._late_told = len(_LATE)
        for warning in warnings:
            if warning not in self._warnings:
                _LOGGER.warning("%s: %s", directory, warning)
        self._warnings = tuple(warnings)

    def failed(
        self, error: HandfastError | OSError, directory: Path, *, passing: bool
    ) -> None:
        """A look failed; tell of each kind of failure once, not of each look."""
        self._looks += 1
        self._failures += 1
        self.in_a_row += 1
        self._inconsistent += passing
        _forget_frames(error)
        self.failure, self.failed_at = error, self._now()
        told = str(error)
        if told != self._told and (not passing or self.in_a_row >= _PATIENCE):
            self._told = told
            _LOGGER.warning("%s: %s", directory, error)

    def mind_the_end(self, begin: datetime, end: datetime, directory: Path) -> None:
        """Warn, louder each time, when our chain nears its end without a renewal."""
        # Authorities date SVIDs back, for clocks that are behind: one of ten seconds
        # may say that it is a minute old already. What counts is when we got it.
        begin = max(begin, self._updated_at or begin)
        life = (end - begin).total_seconds()
        left = (end - self._now()).total_seconds()
        late = sum(left <= part * life for part in _LATE)
        if late <= len(_LATE) - self._late_told:
            return
        self._late_told = len(_LATE) - late
        level = logging.ERROR if left <= 0 else logging.WARNING
        _LOGGER.log(
            level,
            "%s: the SVID was not renewed; %s",
            directory,
            "it has ended" if left <= 0 else f"it ends in {left:.0f} seconds",
            extra={"seconds_left": left, "failure": self.failure},
        )

    def statistics(self) -> FileSourceStatistics:
        """All counts."""
        return FileSourceStatistics(
            looks=self._looks,
            updates=self._updates,
            inconsistent=self._inconsistent,
            failures=self._failures,
            warnings=self._warnings,
        )


def _forget_frames(error: BaseException) -> None:
    """Keep an error without what it came through: frames hold the bytes of a key."""
    left: list[BaseException] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            left += [it for it in (one.__cause__, one.__context__) if it is not None]
