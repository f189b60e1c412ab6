# SPDX-License-Identifier: Apache-2.0
"""An agent that attests, in namespaces of its own: a program of its own.

    agent_program.py SOCKET [--no-peer-pidfd]

It reads a command a line, a JSON list, and answers each with a line: `attest` with what
it finds out about the next that connects.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import trio

from handfast.authority.attest import AttestationRefused, Attestor
from handfast.authority.attest.credentials import Socket
from handfast.authority.attest.system import Linux


class OldLinux(Linux):
    """This kernel, without SO_PEERPIDFD."""

    def peer_pidfd(self, sock: Socket) -> int | None:  # noqa: ARG002
        return None


async def main() -> None:
    """Listen, and do one command after the other."""
    path, *options = sys.argv[1:]
    old = "--no-peer-pidfd" in options
    attestor = Attestor(system=OldLinux() if old else None)
    listening = trio.socket.socket(socket.AF_UNIX)
    await listening.bind(path)
    listening.listen()
    listener = attestor.watch(trio.SocketListener(listening))
    answer(os.getpid())
    while line := await trio.to_thread.run_sync(sys.stdin.readline):
        match json.loads(line):
            case ["attest"]:
                stream = await listener.accept()
                try:
                    caller = await attestor.attest(stream)
                except AttestationRefused as error:
                    answer({"refused": str(error)})
                else:
                    answer(
                        {
                            "selectors": sorted(map(str, caller.selectors)),
                            "missing": dict(caller.missing),
                            "pid": caller.pid,
                        }
                    )
            case ["run", *command]:
                done = await trio.to_thread.run_sync(
                    lambda it: subprocess.run(it, check=False), command
                )
                answer(done.returncode)
            case ["a pid used twice"]:
                answer(use_twice(path))
            case ["connect in a child"]:
                answer(a_child("sleep 60", path))


def use_twice(path: str) -> list[int]:
    """Connect in a child that ends, and start another child with the same pid.

    It needs a pid namespace of our own: there we may say what the last pid was.
    """
    first = a_child("true", path)
    os.waitpid(first, 0)
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(first - 1), "ascii")
    return [first, a_child("sleep 60")]


def a_child(then: str, path: str | None = None) -> int:
    """Start a child that connects, when there is a path, and goes on as a shell."""
    child = os.fork()
    if child == 0:
        if path is not None:
            held = socket.socket(socket.AF_UNIX)
            held.connect(path)
            held.set_inheritable(True)
        os.execv("/bin/sh", ["sh", "-c", then])  # noqa: S606
    return child


def answer(value: object) -> None:
    """Write one line."""
    print(json.dumps(value), flush=True)  # noqa: T201


if __name__ == "__main__":
    trio.run(main)
