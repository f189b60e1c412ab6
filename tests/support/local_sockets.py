# SPDX-License-Identifier: Apache-2.0
"""Listening on a local socket without a thread, so that a clock may jump meanwhile."""

from __future__ import annotations

import socket
from pathlib import Path

import trio


def listen(path: str | Path) -> trio.SocketListener:
    """Listen at a path that is free.

    Not by trio's bind: it waits for a thread, and a clock that jumps does not.
    """
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    bound.listen(64)
    bound.setblocking(False)
    return trio.SocketListener(trio.socket.from_stdlib_socket(bound))
