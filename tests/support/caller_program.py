# SPDX-License-Identifier: Apache-2.0
"""A process that calls, and does on the way what a test tells it: a program of its own.

It reads a command a line, a JSON list, and answers each with a line.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> None:
    """Do one command after the other."""
    held: list[socket.socket] = []
    answer(os.getpid())
    for line in sys.stdin:
        match json.loads(line):
            case ["connect", str(path)]:
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(path)
                sock.set_inheritable(True)
                held.append(sock)
            case ["exec", str(program), *rest]:
                os.execv(program, [program, *rest])  # noqa: S606
            case ["leave to a child"]:
                if os.fork():
                    os._exit(0)
            case ["become", int(user)]:
                os.seteuid(user)
            case ["pass to", str(path)]:
                with socket.socket(socket.AF_UNIX) as other:
                    other.connect(path)
                    socket.send_fds(other, [b"x"], [held[0].fileno()])
        answer(os.getpid())


def answer(value: object) -> None:
    """Write one line."""
    print(json.dumps(value), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
