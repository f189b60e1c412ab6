# SPDX-License-Identifier: Apache-2.0
"""The socket that workloads ask on.

Everybody may connect, unless the mode says otherwise: who asks is attested, and the
socket's file is no proof of anything.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from handfast._socket_files import remove_what_is_left

if TYPE_CHECKING:
    from typing import Final

__all__ = ["WORKLOAD_SOCKET_MODE", "open_workload_socket"]

#: Connecting to a Unix socket is writing to its file.
WORKLOAD_SOCKET_MODE: Final = 0o666
_FOLDER_MODE: Final = 0o755
_KEPT: Final = -1


@contextmanager
def open_workload_socket(
    path: Path,
    *,
    mode: int = WORKLOAD_SOCKET_MODE,
    uid: int = _KEPT,
    gid: int = _KEPT,
    backlog: int = 1024,
) -> Generator[trio.SocketListener]:
    """Listen on a Unix socket, whose file goes when this ends.

    A socket that nobody listens on any more is replaced; one that somebody listens on,
    and any other file, is not. Its folder is made where there is none.

    Args:
        path: The socket's file.
        mode: Who may connect.
        uid: Whose file it is; -1 for our own.
        gid: Of which group; -1 for our own.
        backlog: How many connections may wait in the system.

    Raises:
        OSError: The file cannot be made or given away, somebody listens there, or
            everybody may replace it.
    """
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    _need_safe(path.parent)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made: os.stat_result | None = None
    try:
        remove_what_is_left(path)
        # Until it listens nobody can connect, whatever the file says till then.
        _bind(listening, path)
        made = path.lstat()
        os.chown(path, uid, gid, follow_symlinks=False)
        path.chmod(mode)
        listening.listen(backlog)
        yield trio.SocketListener(trio.socket.from_stdlib_socket(listening))
    finally:
        listening.close()
        _remove_own(path, made)


def _bind(listening: socket.socket, path: Path) -> None:
    """Take an address; a failure names it, which the system's own does not."""
    try:
        listening.bind(str(path))
    except OSError as error:
        if error.errno is None:  # Python's own, before it asks the system
            text = "too long for a socket's path: Linux takes 107 bytes"
            raise OSError(errno.ENAMETOOLONG, text, str(path)) from None
        raise OSError(error.errno, error.strerror, str(path)) from None


def _need_safe(folder: Path) -> None:
    """See that nobody can put a socket of his own in the place of ours.

    Nor a link, through which the file that it leads to would be given away.
    """
    mode = folder.stat().st_mode
    # In a sticky directory, as /tmp is, a file is replaced by its owner alone.
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        text = "everybody may replace files in this directory: chmod o-w"
        raise PermissionError(errno.EPERM, text, str(folder))


def _remove_own(path: Path, made: os.stat_result | None) -> None:
    """Remove the file if it is still ours: it may be the next process's by now."""
    try:
        if made is not None and os.path.samestat(path.lstat(), made):
            path.unlink()
    except OSError:
        return  # whoever took it away has done it for us
