# SPDX-License-Identifier: Apache-2.0
"""SHA-256 of executables, each read once while nobody but root can change it."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections import OrderedDict
from typing import Final

__all__ = ["HashCache"]

_PART: Final = 1 << 20
# A file that changed a moment ago may change again under the same time stamp.
_SETTLED_NS: Final = 2_000_000_000
_OTHERS_MAY_WRITE: Final = 0o022

_Key = tuple[int, int, int, int, int]


class HashCache:
    """Hashes open files, and remembers those that only root may change.

    A file that its owner may write is read each time: times and sizes are his to set,
    and a page that is mapped and dirty changes without the time changing.

    Args:
        most_bytes: The largest file that is hashed.
        most_entries: How many hashes are remembered.
    """

    def __init__(
        self, *, most_bytes: int = 512 << 20, most_entries: int = 1024
    ) -> None:
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._known: OrderedDict[_Key, str] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def sha256(self, fd: int) -> str:
        """Hash an open file, from its beginning to its end.

        Raises:
            OSError: it cannot be read, is too large, or is being written.
        """
        before = os.fstat(fd)
        key = _key(before)
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
        if before.st_size > self._most_bytes:
            raise OSError(errno.EFBIG, f"more than {self._most_bytes} bytes")
        digest = _read(fd, before.st_size)
        if _key(os.fstat(fd)) != key:
            raise OSError(errno.ETXTBSY, "the file is being written")
        if _is_settled(before):
            with self._lock:
                self._known[key] = digest
                while len(self._known) > self._most_entries:
                    self._known.popitem(last=False)
        return digest


def _read(fd: int, size: int) -> str:
    digest = hashlib.sha256()
    done = 0
    while part := os.pread(fd, min(_PART, size + 1 - done), done):
        digest.update(part)
        done += len(part)
        if done > size:
            break
    if done != size:
        raise OSError(errno.ETXTBSY, "the file changes its size")
    return digest.hexdigest()


def _key(facts: os.stat_result) -> _Key:
    times = facts.st_mtime_ns, facts.st_ctime_ns
    return facts.st_dev, facts.st_ino, facts.st_size, *times


def _is_settled(facts: os.stat_result) -> bool:
    if facts.st_uid != 0 or facts.st_mode & _OTHERS_MAY_WRITE:
        return False
    return time.time_ns() - facts.st_ctime_ns > _SETTLED_NS
