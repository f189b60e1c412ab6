# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - a kernel whose answers are given does not look at the questions
"""A kernel whose answers are given, and a folder in place of /proc."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import trio
import trio.testing
from tests.support.attesting import PYTHON

from handfast.authority.attest import Attestor, Caller
from handfast.authority.attest.credentials import (
    PeerCredentials,
    Socket,
)
from handfast.authority.attest.system import Linux

PID = 4711
USER = 1000
_STAT = "{pid} ({name}) {state} {parent} " + "0 " * 17 + "{start} " + "{layout} " * 30
_STATUS = "Name:\t{name}\nUid:\t{uids}\nGid:\t{gids}\nGroups:\t{groups}\n"


class Answers(Linux):
    """A kernel of our own, as far as attestation asks it."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.who = PeerCredentials(pid=PID, uid=USER, gid=100, groups=(10, 20))
        self.pid = PID
        self.ended_after = 1000
        self.knows_pidfds = True
        for pid in (PID, 1):
            (self.proc / str(pid)).mkdir(parents=True)
            self.stat(pid)
            self.status(pid)
            self.write("cgroup", "0::/system.slice/web.service\n", pid)
            self.write(
                "mountinfo", Path("/proc/self/mountinfo").read_text("ascii"), pid
            )
            (self.proc / str(pid) / "exe").symlink_to(PYTHON)
        (self.proc / "self").symlink_to("/proc/self")
        (self.proc / "sys").symlink_to("/proc/sys")

    def write(self, name: str, text: str, pid: int = PID) -> None:
        (self.proc / str(pid) / name).write_text(text, "ascii")

    def stat(self, pid: int = PID, **given: object) -> None:
        facts = {"pid": pid, "name": "a) Z 1 (", "state": "S", "parent": 1}
        facts |= {"start": 5000, "layout": 7}
        self.write("stat", _STAT.format(**(facts | given)), pid)

    def status(self, pid: int = PID, **given: str) -> None:
        facts = {"name": "a\\nUid:\t0", "uids": "1000\t1000\t1000\t1000"}
        facts |= {"gids": "100\t100\t100\t100", "groups": "10 20 "}
        self.write("status", _STATUS.format(**(facts | given)), pid)

    def execute(self, program: str, layout: int) -> None:
        """As execve does: another file runs, and lies elsewhere."""
        self.stat(layout=layout)
        link = self.proc / str(PID) / "exe"
        link.unlink()
        link.symlink_to(program)

    def credentials(self, sock: Socket) -> PeerCredentials:
        return self.who

    def peer_pidfd(self, sock: Socket) -> int | None:
        return os.dup(0) if self.knows_pidfds else None

    def pidfd_open(self, pid: int) -> int:
        assert pid == PID
        return os.dup(0)

    def has_ended(self, pidfd: int) -> bool:
        self.ended_after -= 1
        return self.ended_after < 0

    def pid_of(self, proc: int, pidfd: int) -> int:
        return self.pid

    def open_proc(self) -> int:
        return os.open(self.proc, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def boot_time(self) -> float:
        return 60.0


async def ask(kernel: Answers, judge: Attestor | None = None) -> Caller:
    """Attest one end of a pair of sockets."""
    judge = judge or Attestor(system=kernel)
    ours, theirs = socket.socketpair()
    with theirs:
        async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
            return await judge.attest(stream)


def path_of(fd: int) -> str:
    """Say which file a descriptor of ours is of."""
    return str(Path(f"/proc/self/fd/{fd}").readlink())
