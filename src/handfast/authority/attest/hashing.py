# SPDX-License-Identifier: Apache-2.0
"""SHA-256 of executables, each read once while nobody but root can change it.

What is remembered is found again by device, inode, size and times. A user who mounts an
image of his own (on a loop device, from a stick) chooses all of these but the device,
whose number is the next image's when the first one is gone, and may change what is
below a file system without its knowing. So only files of the file systems that this
system itself runs from are remembered: they are there as long as it runs, and root has
mounted them. All others are read each time, out of a budget of their user's: bytes are
the work of whoever has us read them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from handfast.authority.attest.refusal import refuse
from handfast.errors import Reason
from handfast.workload_api.rates import Rates

__all__ = ["HashCache"]

_PART: Final = 1 << 20
# A file that changed a moment ago may change again under the same time stamp.
_SETTLED_NS: Final = 2_000_000_000
_OTHERS_MAY_WRITE: Final = 0o022
#: Bytes that are read for one user at once, and a second for ever.
_BURST: Final = 1 << 30
_RATE: Final = 64 << 20
_MOST_SECONDS: Final = 8.0
_OUR_SYSTEM: Final = ("/", "/usr")

_Key = tuple[int, int, int, int, int]


class HashCache:
    """Hashes open files, and remembers those that only root may change.

    A file that its owner may write is read each time: times and sizes are his to set,
    and a page that is mapped and dirty changes without the time changing.

    Args:
        most_bytes: The largest file that is hashed.
        most_entries: How many hashes are remembered.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        most_bytes: int = 512 << 20,
        most_entries: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._budget = Rates(burst=_BURST, rate=_RATE)
        self._devices = frozenset(Path(it).stat().st_dev for it in _OUR_SYSTEM)
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._known: OrderedDict[_Key, str] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def sha256(self, fd: int, *, payer: int | None = None) -> str:
        """Hash an open file, from its beginning to its end.

        Args:
            fd: The file.
            payer: The user whose bytes are counted, if anybody's are.

        Raises:
            OSError: it cannot be read, is too large, or is being written.
            AttestationRefused: the user has had too much read of late, or it takes too
                long: ask again later.
        """
        before = os.fstat(fd)
        key = _key(before)
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
        if before.st_size > self._most_bytes:
            raise OSError(errno.EFBIG, f"more than {self._most_bytes} bytes")
        self._pay(payer, before.st_size)
        digest = _read(fd, before.st_size, self._clock)
        if _key(os.fstat(fd)) != key:
            raise OSError(errno.ETXTBSY, "the file is being written")
        if before.st_dev in self._devices and _is_settled(before):
            with self._lock:
                self._known[key] = digest
                while len(self._known) > self._most_entries:
                    self._known.popitem(last=False)
        return digest

    def _pay(self, payer: int | None, size: int) -> None:
        if payer is None:
            return
        with self._lock:
            may = self._budget.take(payer, now=self._clock(), cost=size)
        if not may:
            refuse(
                Reason.ATTESTATION_SLOW,
                expected=f"at most {_RATE >> 20} MiB of executables a second, for long",
                seen=f"more, for user {payer}",
                hint="connect less often; or have root own the executables, in /usr",
            )


def _read(fd: int, size: int, clock: Callable[[], float]) -> str:
    digest = hashlib.sha256()
    done = 0
    end = clock() + _MOST_SECONDS
    while part := os.pread(fd, min(_PART, size + 1 - done), done):
        digest.update(part)
        done += len(part)
        if clock() > end:
            refuse(
                Reason.ATTESTATION_SLOW,
                expected=f"an executable that is read within {_MOST_SECONDS:g} s",
                seen=f"{done} of {size} bytes",
            )
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
