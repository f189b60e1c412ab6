# SPDX-License-Identifier: Apache-2.0
"""The directory of one process in /proc, held open.

An open directory of procfs belongs to one process for ever: when that has ended, reads
fail, and the next process with the same pid is not seen through it. Which process it
is, the pidfd says: see `process.py`.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import Final

from handfast.authority.attest.descriptors import Descriptor

__all__ = ["ProcessDirectory", "Stat", "Status", "read_stat", "read_status"]

# A command name may be anything, ')' included, so count from the last one. The first
# field after it is the third of proc_pid_stat(5).
_PPID: Final = 4 - 3
_START: Final = 22 - 3
# startcode … startstack and start_data … env_end: where the program lies, which execve
# chooses anew, at random.
_LAYOUT: Final = (*range(26 - 3, 29 - 3), *range(45 - 3, 52 - 3))


class ProcessDirectory:
    """Reads what /proc says about one process, and no more than asked for."""

    def __init__(self, proc: int, name: str) -> None:
        """Open a directory below `proc`.

        Raises:
            OSError: there is none, or we may not see it (hidepid).
        """
        flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._directory = Descriptor(os.open(name, flags, dir_fd=proc))
        self._device = os.fstat(proc).st_dev
        self._need_device(self._directory.number)

    @property
    def number(self) -> int:
        """The directory's descriptor."""
        return self._directory.number

    def read(self, name: str, most: int) -> bytes:
        """Read a whole file.

        Raises:
            OSError: it cannot be read, is longer than `most`, or something else was
                mounted over it.
        """
        # A FIFO in its place must not make us wait.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = Descriptor(os.open(name, flags, dir_fd=self.number))
        self._need_device(file.number)
        parts: list[bytes] = []
        length = 0
        while part := os.read(file.number, 65536):
            parts.append(part)
            length += len(part)
            if length > most:
                raise OSError(errno.EFBIG, f"more than {most} bytes", name)
        return b"".join(parts)

    def link(self, name: str) -> str:
        """Read what a link says."""
        return os.readlink(name, dir_fd=self.number)

    def open_path(self, name: str) -> Descriptor:
        """Open what a link leads to, for looking at it alone."""
        flags = os.O_PATH | os.O_CLOEXEC
        return Descriptor(os.open(name, flags, dir_fd=self.number))

    def open_file(self, name: str) -> Descriptor:
        """Open the regular file that a link leads to, for reading.

        Raises:
            OSError: it cannot be read, or is none.
        """
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        file = Descriptor(os.open(name, flags, dir_fd=self.number))
        if not stat.S_ISREG(os.fstat(file.number).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        return file

    def close(self) -> None:
        """Let go of it."""
        self._directory.close()

    def _need_device(self, fd: int) -> None:
        if os.fstat(fd).st_dev != self._device:
            raise OSError(errno.EXDEV, "something is mounted over a part of /proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """Of /proc/PID/stat: what tells one program of one process from the next.

    Two are equal when process and program are the same.
    """

    pid: int
    state: str = field(compare=False)
    parent: int = field(compare=False)
    start: int
    layout: tuple[int, ...]


def read_stat(text: bytes) -> Stat:
    """Take apart /proc/PID/stat.

    Raises:
        ValueError: it has another shape.
    """
    pid, _, _ = text.partition(b" (")
    _, bracket, rest = text.rpartition(b") ")
    fields = rest.split()
    if not bracket or len(fields) <= _LAYOUT[-1]:
        raise ValueError("stat is too short")
    return Stat(
        pid=int(pid),
        state=fields[0].decode("ascii"),
        parent=int(fields[_PPID]),
        start=int(fields[_START]),
        layout=tuple(int(fields[it]) for it in _LAYOUT),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Of /proc/PID/status: whose process it is now.

    Attributes:
        uids: Real, effective.
        gids: Real, effective.
        groups: Supplementary ones, in order.
    """

    uids: tuple[int, int]
    gids: tuple[int, int]
    groups: tuple[int, ...]


def read_status(text: bytes) -> Status:
    """Take apart /proc/PID/status.

    Raises:
        ValueError: it has another shape.
    """
    # The kernel escapes line ends in the name, which the process chooses.
    lines: dict[bytes, bytes] = {}
    for line in text.split(b"\n"):
        name, _, value = line.partition(b":\t")
        lines.setdefault(name, value)
    try:
        uids = [int(it) for it in lines[b"Uid"].split()]
        gids = [int(it) for it in lines[b"Gid"].split()]
        groups = tuple(sorted(int(it) for it in lines[b"Groups"].split()))
        return Status(uids=(uids[0], uids[1]), gids=(gids[0], gids[1]), groups=groups)
    except (KeyError, IndexError) as error:
        raise ValueError("status lacks Uid, Gid or Groups") from error
