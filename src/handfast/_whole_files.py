# SPDX-License-Identifier: Apache-2.0
"""Files and folders that are there as a whole, and on the disk, or not at all.

Invariants:
    1. At any moment, power cuts included, a replaced file's name has the old content or
       the new one.
    2. What is being written has a hidden name with an ending of its own: nobody who
       reads a folder's certificates, keys or documents takes it for one.
    3. What a crash has left goes when the next file is written to that folder. A lock
       tells it from what another writer is busy with.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import Final

__all__ = [
    "make_folder",
    "remove_unfinished",
    "replace_file",
    "sync_folder",
    "write_new_file",
]

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Not made of the file's own name: with more added that could be too long.
_BEGIN, _END = ".handfast-", ".unfinished"


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Put a file in another's place, if there is one.

    Args:
        path: The file. Its folder must be there.
        data: All of it.
        mode: Who may read it; the umask may take from that.

    Raises:
        OSError: It cannot be written; the old one is still there then.
    """
    remove_unfinished(path.parent)
    with _unfinished(path.parent, mode) as (fresh, handle):
        _fill(handle, data)
        fresh.replace(path)  # before the lock goes
    sync_folder(path.parent)


def write_new_file(path: Path, data: bytes, mode: int) -> None:
    """Write a file that is not there yet, for readers who are not there yet either.

    Args:
        path: The file.
        data: All of it.
        mode: Who may read it, whatever the umask says.

    Raises:
        OSError: It is there, or cannot be written.
    """
    handle = os.open(path, _NEW, mode)
    try:
        os.fchmod(handle, mode)
        _fill(handle, data)
    finally:
        os.close(handle)


def make_folder(path: Path, mode: int) -> None:
    """Make a folder and what is missing above it; leave one that is there as it is.

    Args:
        path: The folder.
        mode: Who may use it. Of those above it that are made, the umask alone says so.

    Raises:
        OSError: It cannot be made, or is something else.
    """
    if path.is_dir():
        return
    make_folder(path.parent, 0o777)
    path.mkdir(mode, exist_ok=True)
    # Where we may make folders but not look there is nothing to hold on to.
    with suppress(PermissionError):
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have what was renamed or removed in a folder on the disk."""
    handle = os.open(folder, _FOLDER)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_unfinished(folder: Path) -> None:
    """Remove what writers who are no more have left in a folder."""
    for left in folder.glob(f"{_BEGIN}*{_END}"):
        # Another's, another's work, or gone: none is ours to remove.
        with suppress(OSError):
            handle = os.open(left, _LOOK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)


@contextmanager
def _unfinished(folder: Path, mode: int) -> Generator[tuple[Path, int]]:
    """A file to write into, locked until the end; gone then, if it has its name yet."""
    fresh, handle = _begin(folder, mode)
    try:
        yield fresh, handle
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
    finally:
        os.close(handle)


def _begin(folder: Path, mode: int) -> tuple[Path, int]:
    while True:
        fresh = folder / f"{_BEGIN}{secrets.token_hex(8)}{_END}"
        handle = os.open(fresh, _NEW, mode)
        # Where there are no locks nobody takes it away, either.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return fresh, handle
        # Taken for a dead writer's, between the two calls.
        os.close(handle)


def _fill(handle: int, data: bytes) -> None:
    with os.fdopen(handle, "wb", closefd=False) as file:
        file.write(data)
    os.fsync(handle)
