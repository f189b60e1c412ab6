# SPDX-License-Identifier: Apache-2.0
"""Files of one moment: directories held open, limits, and stamps that tell of changes.

Kubernetes swaps a whole set by one symbolic link: ``tls.crt`` points to
``..data/tls.crt``, and ``..data`` to a directory that is never changed. Others swap a
link to the directory itself. Both are resolved once and held open by descriptor, so
that every file of a read comes from the same directory. What is written in place is
told by stamps: each file is looked at again, by its path, after all were read.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from handfast.errors import Reason, SourceError, detail_for
from handfast.text import escape

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Folders", "RawFile", "Stamp", "stamp_of"]

_DATA: Final = "..data"
# A pipe without a writer must not hold us up.
_FILE: Final = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
_FOLDER: Final = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)

#: Device, inode, size, modification and change of a file.
Stamp = tuple[int, int, int, int, int]


def _stamp(status: os.stat_result) -> Stamp:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def stamp_of(path: Path) -> Stamp | None:
    """What is at a path now; None when nothing is."""
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def inconsistent(expected: str, seen: str) -> SourceError:
    """Make the error of a set that may be half written; it is not raised."""
    detail = detail_for(Reason.SOURCE_INCONSISTENT, expected=expected, seen=seen)
    return SourceError(detail)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawFile:
    """What was in a file.

    Attributes:
        path: Where it was looked for.
        data: Its bytes: perhaps a private key, so they are never shown.
        stamp: How to tell whether it is still the same.
        mode: Its permissions.
        swapped: Whether it came with a whole set, by ``..data``: it is complete.
    """

    path: Path
    data: bytes
    stamp: Stamp
    mode: int
    swapped: bool

    @property
    def modified_ns(self) -> int:
        """When it was written last."""
        return self.stamp[3]

    def __repr__(self) -> str:
        return f"<RawFile {self.path}, {len(self.data)} bytes>"


class _Folder:
    """One directory, and the one that its ``..data`` points to, held open.

    Args:
        fd: The directory, open; it is closed with the stack.
        stack: What is closed in the end.
        swapped: Whether it belongs to a set that is swapped by one link.
    """

    def __init__(self, fd: int, stack: ExitStack, *, swapped: bool = False) -> None:
        self._fd = fd
        stack.callback(os.close, fd)
        self._data: int | None = None
        self._swapped = swapped
        self.mode = os.fstat(self._fd).st_mode
        with suppress(FileNotFoundError, NotADirectoryError):
            self._data = os.open(_DATA, _FOLDER, dir_fd=self._fd)
            stack.callback(os.close, self._data)

    @property
    def is_volume(self) -> bool:
        """Whether Kubernetes writes it."""
        return self._data is not None or self._swapped

    def open(self, name: str, flags: int = _FILE) -> tuple[int, bool]:
        """Open a file; say whether it belongs to a set that is swapped by one link."""
        if self._data is not None:
            target = ""
            with suppress(OSError):  # not a link
                target = os.readlink(name, dir_fd=self._fd)
            parent, _, rest = target.partition("/")
            if parent == _DATA and rest:
                return os.open(rest, flags, dir_fd=self._data), True
        return os.open(name, flags, dir_fd=self._fd), self._swapped


class Folders:
    """Opens files so that all of one directory are of one moment; a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._folders: dict[Path, _Folder] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def folder(self, path: Path) -> _Folder:
        """Hold a directory open, once."""
        found = self._folders.get(path)
        if found is None:
            above = self._folders.get(path.parent)
            if above is None:
                fd, swapped = os.open(path, _FOLDER), False
            else:  # its link may lead into the set that is held open already
                fd, swapped = above.open(path.name, _FOLDER)
            found = _Folder(fd, self._stack, swapped=swapped)
            self._folders[path] = found
        return found

    def read(self, path: Path, limit: int) -> RawFile:
        """Read a file of at most ``limit`` bytes.

        Raises:
            SourceError: it is too large, no plain file, or changes while it is read.
            OSError: it cannot be opened.
        """
        descriptor, swapped = self.folder(path.parent).open(path.name)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            where = escape(str(path))
            if not stat.S_ISREG(before.st_mode):
                expected, seen = "a plain file", f"{where} is something else"
                raise SourceError(
                    detail_for(Reason.SOURCE_LAYOUT, expected=expected, seen=seen)
                )
            data = file.read(limit + 1)
            if len(data) > limit:
                expected = f"{where} of at most {limit} bytes"
                raise SourceError(
                    detail_for(Reason.LIMIT, expected=expected, seen="more")
                )
            if not data.strip():
                # A writer that opens with truncation has been here, or is.
                raise inconsistent(f"something in {where}", "an empty file")
            if _stamp(os.fstat(descriptor)) != _stamp(before):
                raise inconsistent(f"{where} to stay", "a change while it was read")
        return RawFile(
            path=path,
            data=data,
            stamp=_stamp(before),
            mode=before.st_mode,
            swapped=swapped,
        )
