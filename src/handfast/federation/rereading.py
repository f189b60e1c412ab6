# SPDX-License-Identifier: Apache-2.0
"""Files that something else renews: read again when they change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from handfast.errors import HandfastError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Rereading"]

T = TypeVar("T")


class Rereading(Generic[T]):
    """Gives what is in some files now, and the last good of it while they are not.

    They are looked at for each call, which costs a `stat` each, and read when they have
    changed. What cannot be read, such as a half-written pair, is tried again then.

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
                if seen != self._seen:
                    self._last = self._read()
                    self._seen = seen
            return self._last

    def _look(self) -> tuple[int, ...]:
        facts = [path.stat() for path in self._paths]
        return tuple(n for it in facts for n in (it.st_ino, it.st_mtime_ns, it.st_size))
