# SPDX-License-Identifier: Apache-2.0
"""What the kernel says about the other end of a Unix socket.

All of it was frozen when the other end called connect(): passing the socket on, or
executing another program, changes nothing of it.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Final, Protocol

from handfast.authority.attest.refusal import refuse
from handfast.errors import Reason

__all__ = [
    "PeerCredentials",
    "Socket",
    "parse_xucred",
    "peer_credentials",
    "peer_pidfd",
]

_IS_LINUX: Final = sys.platform == "linux"
# asm-generic/socket.h. Python has a name for SO_PEERCRED alone. These numbers differ on
# parisc and sparc, where the answers would not have the sizes that are checked below.
_SO_PEERGROUPS: Final = 59
_SO_PEERPIDFD: Final = 77
# (uid_t) -1: no process has it.
_NOBODY: Final = 0xFFFF_FFFF
# The most that Python lets a socket option have; a process with more groups than that
# has no selectors for them.
_MOST_BYTES: Final = 1024

# What says nothing of the caller: we have no descriptor left, or no memory.
_OUR_OWN: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

# struct xucred of macOS and FreeBSD: version, uid, number of groups, up to 16 groups.
_SOL_LOCAL: Final = 0
_LOCAL_PEERCRED: Final = 1
_XUCRED: Final = struct.Struct("=IIhxx16I")


class Socket(Protocol):
    """A socket that can be asked: Python's or trio's."""

    @property
    def family(self) -> socket.AddressFamily:
        """What kind of address it has."""
        ...

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """Return an option's value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerCredentials:
    """Who connected.

    Attributes:
        pid: Of the process; 0 when it is in a pid namespace that is not ours or below,
            and where the system does not say.
        uid: Its effective user.
        gid: Its effective group.
        groups: Its supplementary groups; None when the system does not say.
    """

    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...] | None


def peer_credentials(sock: Socket) -> PeerCredentials:
    """Ask who connected.

    Raises:
        AttestationRefused: the socket or the system does not say.
    """
    if sock.family != socket.AF_UNIX:
        refuse(
            Reason.ATTESTATION_UNSEEN,
            expected="a caller on a Unix socket",
            seen=f"one on a socket of {sock.family.name}",
        )
    try:
        if _IS_LINUX:
            return _of_linux(sock)
        xucred = sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
    except OSError as error:
        refuse(Reason.ATTESTATION_UNSEEN, seen=str(error), cause=error)
    return parse_xucred(xucred)


def _of_linux(sock: Socket) -> PeerCredentials:
    ucred = struct.Struct("=iII")
    answer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, ucred.size)
    pid, uid, gid = ucred.unpack(answer)
    if _NOBODY in {uid, gid}:
        refuse(Reason.ATTESTATION_UNSEEN, seen="a socket that nobody connected")
    return PeerCredentials(pid=pid, uid=uid, gid=gid, groups=_groups(sock))


def _groups(sock: Socket) -> tuple[int, ...] | None:
    try:
        answer = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError:  # an old kernel, or more of them than fit
        return None
    return struct.unpack(f"={len(answer) // 4}I", answer)


def parse_xucred(answer: bytes) -> PeerCredentials:
    """Read the credentials that macOS and FreeBSD give.

    Raises:
        AttestationRefused: they are of another version or shape.
    """
    if len(answer) < _XUCRED.size:
        refuse(
            Reason.ATTESTATION_UNSEEN,
            expected=f"credentials of {_XUCRED.size} bytes",
            seen=f"{len(answer)}",
        )
    version, uid, count, *groups = _XUCRED.unpack(answer[: _XUCRED.size])
    if version != 0 or not 0 < count <= len(groups):
        refuse(
            Reason.ATTESTATION_UNSEEN,
            expected="credentials of version 0",
            seen=f"version {version} with {count} groups",
        )
    # The first is the effective group.
    rest = tuple(groups[1:count])
    return PeerCredentials(pid=0, uid=uid, gid=groups[0], groups=rest)


def peer_pidfd(sock: Socket) -> int | None:
    """Get a descriptor of the very process that connected (Linux 6.5 and newer).

    Returns:
        The descriptor, or None: this kernel has no such thing.

    Raises:
        AttestationRefused: the process is gone.
        OSError: we have no descriptor left.
    """
    try:
        answer = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD, 4)
    except OSError as error:
        if error.errno in {errno.ENOPROTOOPT, errno.EOPNOTSUPP}:
            return None
        if error.errno in _OUR_OWN:
            raise
        refuse(Reason.ATTESTATION_ENDED, seen=str(error), cause=error)
    (descriptor,) = struct.unpack("=i", answer)
    return int(descriptor)
