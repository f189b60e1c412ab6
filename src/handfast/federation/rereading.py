# SPDX-License-Identifier: Apache-2.0
"""Files that something else renews: read again when they change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from handfast.errors import HandfastError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Rereading"]

T = TypeVar("T")

#: The longest tick of a file system's clock, which is FAT's. What is written twice
#: within one tick has the same time both times.
_TICK_NS: Final = 2_000_000_000


class Rereading(Generic[T]):
    """Gives what is in some files now, and the last good of it while they are not.

    They are looked at for each call, which costs a `stat` each, and read when they have
    changed, or may have: for two seconds after a change another one might not show.
    What cannot be read, such as a half-written pair, is tried again then.

    Args:
        paths: The files.
        read: Reads them all.

    Raises:
        HandfastError: What `read` raises, the first time.
        OSError: They cannot be read, the first time.
    """

    def __init__(self, paths: Sequence[Path], read: Callable[[], T]) -> None:
        self._paths = paths
        self._read = read
        self._lock = threading.Lock()
        self._seen = self._look()
        self._last = read()

    def __call__(self) -> T:
        """Return the newest that can be used: the same object until it changes."""
        with self._lock:
            with suppress(OSError, HandfastError):
                seen = self._look()
                if seen is None or seen != self._seen:
                    found = self._read()
                    if found != self._last:
                        self._last = found
                    self._seen = seen
            return self._last

    def _look(self) -> tuple[int, ...] | None:
        """What tells whether they have changed; None while that would not show."""
        now = time.time_ns()
        facts = [path.stat() for path in self._paths]
        if any(abs(now - it.st_mtime_ns) < _TICK_NS for it in facts):
            return None
        return tuple(n for it in facts for n in (it.st_ino, it.st_mtime_ns, it.st_size))
