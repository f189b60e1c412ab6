# SPDX-License-Identifier: Apache-2.0
"""One process, held by its pidfd and by its directory in /proc.

Theory of operation. A pid is a number that the next process may get; a pidfd is the
process. So long as the pidfd says that the process has not ended, no other has its pid.
From that follows, in this order:

1. Take the pidfd of the very process that connected; ask it for the pid.
2. Open /proc/<pid>. The directory is of *some* process with that pid, for ever of that.
3. Ask the pidfd whether its process has ended. It has not: then the pid was its own all
   the while, and so the directory is its own, too.
4. Read. A process can execute another program in the meantime, or change its user: so
   read what execve changes first and last, and refuse what is not the same.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final, NoReturn

from handfast.authority.attest.descriptors import Descriptor
from handfast.authority.attest.proc import (
    ProcessDirectory,
    Stat,
    Status,
    read_stat,
    read_status,
)
from handfast.authority.attest.refusal import refuse
from handfast.authority.attest.system import System
from handfast.errors import Reason

__all__ = ["Fingerprint", "Process", "open_process"]

_MOST: Final = 64 << 10
_ENDED: Final = frozenset("ZXx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What another program, user, cgroup or process would change.

    None is what the system hides from us; it hides the same the next time.
    """

    stat: Stat
    status: Status
    program: str | None
    cgroup: bytes | None


class Process:
    """The process that connected; None of its `directory`: the system hides it."""

    def __init__(
        self,
        system: System,
        pid: int,
        pidfd: Descriptor,
        directory: ProcessDirectory | None,
    ) -> None:
        self._system = system
        self._pidfd = pidfd
        self.pid = pid
        self.directory = directory
        self.fingerprint: Fingerprint | None = None

    def has_ended(self) -> bool:
        """Say whether it has ended."""
        return self._pidfd.number < 0 or self._system.has_ended(self._pidfd.number)

    def look(self) -> Fingerprint | None:
        """Read what must not change, None where the system hides all of it.

        Raises:
            AttestationRefused: it has ended, or /proc tells of another process.
        """
        directory = self.directory
        if directory is None:
            return None
        try:
            stat = read_stat(directory.read("stat", _MOST))
            status = read_status(directory.read("status", _MOST))
        except (OSError, ValueError) as error:
            _refuse_what_is_read(error)
        if stat.pid != self.pid:
            refuse(
                Reason.ATTESTATION_PROC,
                expected=f"process {self.pid} in /proc/{self.pid}",
                seen=f"process {stat.pid}",
            )
        if stat.state in _ENDED or self.has_ended():
            refuse(Reason.ATTESTATION_ENDED, seen=f"process {self.pid}")
        return Fingerprint(
            stat=stat,
            status=status,
            program=_or_none(directory, "exe"),
            cgroup=_read_or_none(directory, "cgroup"),
        )

    def close(self) -> None:
        """Let go of it."""
        self._pidfd.close()
        if self.directory is not None:
            self.directory.close()


def open_process(system: System, proc: int, pidfd: Descriptor, said: int) -> Process:
    """Open the directory of the process that a pidfd is.

    Args:
        system: The kernel.
        proc: /proc.
        pidfd: The process; the result owns it.
        said: The pid that the socket's credentials say.

    Raises:
        AttestationRefused: it has ended, or this /proc is not ours.
    """
    try:
        pid = system.pid_of(proc, pidfd.number)
    except OSError as error:
        refuse(Reason.ATTESTATION_PROC, seen=str(error), cause=error)
    if pid < 1 or system.has_ended(pidfd.number):
        refuse(Reason.ATTESTATION_ENDED, seen=f"process {said}")
    if pid != said:
        refuse(
            Reason.ATTESTATION_PROC,
            expected=f"process {said}, as the socket says",
            seen=f"process {pid} of another pid namespace",
        )
    directory: ProcessDirectory | None
    try:
        directory = ProcessDirectory(proc, str(pid))
    except OSError:
        directory = None  # hidepid, or a process of somebody whom we may not see
    process = Process(system, pid, pidfd, directory)
    if process.has_ended():
        refuse(Reason.ATTESTATION_ENDED, seen=f"process {pid}")
    return process


def _refuse_what_is_read(error: OSError | ValueError) -> NoReturn:
    """Say that /proc tells nothing of a process, or nothing that can be."""
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ESRCH}:
        refuse(Reason.ATTESTATION_ENDED, seen=str(error), cause=error)
    refuse(Reason.ATTESTATION_PROC, seen=str(error), cause=error)


def _or_none(directory: ProcessDirectory, name: str) -> str | None:
    try:
        return directory.link(name)
    except OSError:
        return None


def _read_or_none(directory: ProcessDirectory, name: str) -> bytes | None:
    try:
        return directory.read(name, _MOST)
    except OSError:
        return None
