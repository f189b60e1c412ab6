# SPDX-License-Identifier: Apache-2.0
"""What a source of files remembers of its looks."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from handfast.errors import Reason
from handfast.sources.ageing import without_frames
from handfast.sources.health import SourceStatistics

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSourceStatistics(SourceStatistics):
    """A source of files at one moment.

    Attributes:
        looks: How often the files were looked at.
        updates: How often they held something new that is good.
        unchanged: How often they held what was known.
        inconsistent: Looks that met a set which changed, or did not fit together, as
            sets do that are just being written; among the failures, too.
        warnings: What was let pass and should be mended.
    """

    looks: int
    updates: int
    unchanged: int
    inconsistent: int
    warnings: tuple[str, ...]


class Books:
    """Counts and logs; used under the source's lock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.updates = 0
        self.unchanged = 0
        self.inconsistent = 0
        self.failures: Counter[str] = Counter()
        self.in_a_row = 0
        self._told = ""
        self.warnings: tuple[str, ...] = ()
        self.failure: HandfastError | OSError | None = None
        self.failed_at: datetime | None = None
        self.confirmed_at: datetime | None = None

    @property
    def looks(self) -> int:
        """How often the files were looked at, to an end."""
        return self.updates + self.unchanged + self.failures.total()

    def same(self) -> None:
        """The files are what they were: still the newest."""
        self.unchanged += 1
        self._good()

    def _good(self) -> None:
        self.in_a_row = 0
        if self.failure is not None:
            _LOGGER.info("the files are in order again")
        self.failure, self._told = None, ""
        self.confirmed_at = self._now()

    def updated(self, warnings: Sequence[str], directory: Path) -> None:
        """There is a new set."""
        self.updates += 1
        self._good()
        for warning in warnings:
            if warning not in self.warnings:
                _LOGGER.warning("%s: %s", directory, warning)
        self.warnings = tuple(warnings)

    def failed(
        self, error: HandfastError | OSError, directory: Path, *, passing: bool
    ) -> None:
        """A look failed; tell of each kind of failure once, not of each look."""
        # What the system says of a file is what it says of a socket.
        self.failures[getattr(error, "reason", Reason.SOURCE_UNAVAILABLE)] += 1
        self.in_a_row += 1
        self.inconsistent += passing
        without_frames(error)
        self.failure, self.failed_at = error, self._now()
        told = str(error)
        if told != self._told and (not passing or self.in_a_row >= _PATIENCE):
            self._told = told
            _LOGGER.warning("%s: %s", directory, error)
