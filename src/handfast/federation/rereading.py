# SPDX-License-Identifier: Apache-2.0
"""Files that something else renews: read when they change, and replaced as a whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from handfast.errors import HandfastError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Rereading", "replace_file"]

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


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Put a file in another's place: at any moment it is the old one or the new one.

    Raises:
        OSError: It cannot be written; the old one is still there then.
    """
    unfinished = path.with_name(f"{path.name}.tmp")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(unfinished, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Have what was renamed or removed in a directory on the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
