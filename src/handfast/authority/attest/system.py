# SPDX-License-Identifier: Apache-2.0
"""The questions that attestation has for the kernel, and the kernel's answers.

One small interface, so that a test can put the answers of a kernel that lies, is old,
or reuses a pid just now, in place of this machine's.
"""

from __future__ import annotations

import ctypes
import os
import re
import select
import sys
import time
from typing import Final, Protocol

from handfast.authority.attest.credentials import (
    PeerCredentials,
    Socket,
    peer_credentials,
    peer_pidfd,
)
from handfast.authority.attest.descriptors import Descriptor
from handfast.authority.attest.refusal import refuse
from handfast.errors import Reason

__all__ = ["Linux", "System"]

_PROC_MAGIC: Final = 0x9FA0
_PID: Final = re.compile(rb"^Pid:\t(-?\d+)$", re.MULTILINE)


class System(Protocol):
    """What is asked of the kernel."""

    def credentials(self, sock: Socket) -> PeerCredentials:
        """Say who connected (SO_PEERCRED, SO_PEERGROUPS)."""
        ...

    def peer_pidfd(self, sock: Socket) -> int | None:
        """Open the process that connected (SO_PEERPIDFD); None: not on this kernel."""
        ...

    def pidfd_open(self, pid: int) -> int:
        """Open the process that has a pid now."""
        ...

    def has_ended(self, pidfd: int) -> bool:
        """Say whether a process has ended, a zombie included."""
        ...

    def pid_of(self, proc: int, pidfd: int) -> int:
        """Say which pid a process has in this /proc; below 1: none."""
        ...

    def open_proc(self) -> int:
        """Open /proc.

        Raises:
            AttestationRefused: that is no procfs.
        """
        ...

    def boot_time(self) -> float:
        """Seconds since boot, the clock of start times."""
        ...


class Linux:
    """This machine's own answers."""

    def credentials(self, sock: Socket) -> PeerCredentials:
        """Ask the socket."""
        return peer_credentials(sock)

    def peer_pidfd(self, sock: Socket) -> int | None:
        """Ask the socket."""
        return peer_pidfd(sock)

    def pidfd_open(self, pid: int) -> int:
        """Ask for a pid."""
        return os.pidfd_open(pid)

    def has_ended(self, pidfd: int) -> bool:
        """Poll the pidfd: it is readable from the end on."""
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def pid_of(self, proc: int, pidfd: int) -> int:
        """Read our own fdinfo of it."""
        flags = os.O_RDONLY | os.O_CLOEXEC
        info = Descriptor(os.open(f"self/fdinfo/{pidfd}", flags, dir_fd=proc))
        found = _PID.search(os.read(info.number, 4096))
        return int(found[1]) if found else 0

    def open_proc(self) -> int:
        """Open it, and ask what file system it is."""
        flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            proc = Descriptor(os.open("/proc", flags))
            magic = _file_system(proc.number)
        except OSError as error:
            refuse(Reason.ATTESTATION_PROC, seen=str(error), cause=error)
        if magic != _PROC_MAGIC:
            refuse(
                Reason.ATTESTATION_PROC,
                expected="procfs",
                seen=f"a file system of type {magic:#x}",
            )
        return os.dup(proc.number)

    def boot_time(self) -> float:
        """Read CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def _file_system(fd: int) -> int:
    """Return the f_type of fstatfs(2), which Python does not have.

    It is the first field of struct statfs: a word, but on s390x, where it is 32 bits.
    """
    library = ctypes.CDLL(None, use_errno=True)
    answer = ctypes.create_string_buffer(512)
    if library.fstatfs(ctypes.c_int(fd), answer):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "fstatfs")
    size = 4 if os.uname().machine == "s390x" else ctypes.sizeof(ctypes.c_long)
    return int.from_bytes(answer.raw[:size], sys.byteorder)
