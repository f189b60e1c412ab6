# SPDX-License-Identifier: Apache-2.0
"""Servers in processes of their own, for clients that are measured beside them.

Each demands a client certificate of the bench's authority, answers 64 bytes and closes.
Those 64 bytes are a request in HTTP/1.0, so that nginx and haproxy have an answer, too;
the others send them back. Nobody makes tickets, as far as that can be told to them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import loopback, sampler, server_files

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

REQUEST = b"GET / HTTP/1.0\r\nX-Filler: ".ljust(60, b"x") + b"\r\n\r\n"
PYTHON = {
    "handfast_0": ("server_handfast", "--workers", "0"),
    "handfast_1": ("server_handfast", "--workers", "1"),
    "trio_ssl": ("server_trio",),
    "asyncio": ("server_asyncio",),
    "uvloop": ("server_asyncio", "--uvloop"),
}
CONFIGURED = {"nginx": server_files.nginx, "haproxy": server_files.haproxy}
NAMES = (*PYTHON, "go", *CONFIGURED)
START_WITHIN = 20.0


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process, all its threads together."""
    seconds = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        # One may end while we look.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (thread / "schedstat").read_text("ascii").split()
            seconds += int(words[0]) / 1e9
    return seconds


def free_port() -> int:
    """Return a port that was free a moment ago, for who cannot be given "any"."""
    with socket.create_server((loopback.HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _await_port(process: subprocess.Popen[str], port: int) -> None:
    """Return when somebody listens there."""
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            socket.create_connection((loopback.HOST, port), timeout=1.0).close()
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"expected a listener on port {port}, seen none; "
                    f"exit code {process.returncode}"
                ) from None
            time.sleep(0.01)
        else:
            return


def _command(given: argparse.Namespace, scratch: Path) -> tuple[list[str], int | None]:
    """Return how to start a server, and its port when it does not say it itself."""
    if given.server in PYTHON:
        module, *options = PYTHON[given.server]
        files = ["--pki", str(given.pki), "--groups", given.groups]
        return [sys.executable, "-m", f"bench.peers.{module}", *files, *options], None
    if given.server == "go":
        files = ["--pki", str(given.pki), "--groups", given.groups]
        return [str(given.program), *files, "--listen", f"{loopback.HOST}:0"], None
    program = shutil.which(given.server, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        sampler.absent(f"not here: {given.server} (`apt-get install {given.server}`)")
    port = free_port()
    arguments = CONFIGURED[given.server](
        given.pki, scratch, port, given.groups, getattr(given, "hold", 0)
    )
    return [program, *arguments], port


@contextlib.contextmanager
def running(given: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """Run the server `given.server`; yield its process id and port."""
    with tempfile.TemporaryDirectory() as scratch:
        command, port = _command(given, Path(scratch))
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            if port is None:
                assert process.stdout is not None
                line = process.stdout.readline()
                if line.startswith("absent: "):
                    sampler.absent(line.removeprefix("absent: ").strip())
                port = int(line)
            else:
                _await_port(process, port)
            yield process.pid, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()
