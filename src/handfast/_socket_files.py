# SPDX-License-Identifier: Apache-2.0
"""The files of local (Unix) sockets: what an earlier process has left there."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

__all__ = ["remove_what_is_left"]


def remove_what_is_left(file: Path) -> None:
    """Remove a socket that nobody listens on; leave everything else as it is.

    What stays makes ``bind`` say that the address is in use.
    """
    try:
        if not stat.S_ISSOCK(file.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(file))
        except ConnectionRefusedError:
            file.unlink()
        except BlockingIOError:
            return  # somebody listens, and the queue is full
