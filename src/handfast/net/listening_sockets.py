# SPDX-License-Identifier: Apache-2.0
"""Listening sockets that trio does not open: inherited ones, and shared ports."""

from __future__ import annotations

import os
import re
import socket
import stat
from typing import TYPE_CHECKING, Final

import trio

from handfast.net.failures import refuse_setting

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["inherited_sockets", "open_shared_listeners"]

# sd_listen_fds(3): the first descriptor of those that are passed on.
_FIRST: Final = 3
# No process has more descriptors.
_COUNT: Final = re.compile(r"[0-9]{1,6}")

# In this process; a child of fork is another one, to which LISTEN_PID says no.
_TAKEN: Final[set[int]] = set()


def inherited_sockets(name: str | None) -> list[socket.socket]:
    """Take the sockets that a supervisor passed to this process.

    Each is taken once: a second call would give a descriptor a second owner.

    Raises:
        ConfigError: there are none, or one is no listening stream socket.
    """
    names = _names()
    wanted = [
        _FIRST + index
        for index, it in enumerate(names)
        if it is not None and name in {None, it}
    ]
    if not wanted:
        which = "" if name is None else f" named {name!r}"
        refuse_setting(
            f"listening sockets{which} from a supervisor (LISTEN_FDS of this process)",
            f"{[it for it in names if it is not None]}",
        )
    for fd in wanted:
        _need_listening(fd)
    _TAKEN.update(wanted)
    taken = [socket.socket(fileno=fd) for fd in wanted]
    for it in taken:
        it.set_inheritable(False)
        it.setblocking(False)
    return taken


def _names() -> list[str | None]:
    """Return the name of each descriptor that was passed; None: it was taken."""
    environment = os.environ
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environment.get("LISTEN_FDS", "")
    if not _COUNT.fullmatch(count):
        return []
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    names += [""] * (int(count) - len(names))
    return [
        None if _FIRST + index in _TAKEN else names[index] or "unknown"
        for index in range(int(count))
    ]


def _need_listening(fd: int) -> None:
    try:
        is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        is_socket = False
    if is_socket:
        with socket.socket(fileno=os.dup(fd)) as it:
            if it.type == socket.SOCK_STREAM and it.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                return
    refuse_setting("a listening stream socket from the supervisor", f"descriptor {fd}")


async def open_shared_listeners(
    port: int, host: str | bytes | None, backlog: int | None
) -> Sequence[trio.SocketListener]:
    """Listen as `trio.open_tcp_listeners` does, on a port that others may share.

    Raises:
        OSError: the port cannot be listened on.
    """
    found = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    listeners: list[trio.SocketListener] = []
    try:
        for family, kind, protocol, _, address in found:
            plain = trio.socket.socket(family, kind, protocol)
            try:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if family == socket.AF_INET6:
                    plain.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                await plain.bind(address)
                plain.listen(0xFFFF if backlog is None else min(backlog, 0xFFFF))
                listeners.append(trio.SocketListener(plain))
            except BaseException:
                plain.close()
                raise
    except BaseException:
        for it in listeners:
            it.socket.close()
        raise
    return listeners
