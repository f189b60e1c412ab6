# SPDX-License-Identifier: Apache-2.0
"""Callers and agents as processes of their own, and what this machine lets them do."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from handfast.authority.attest import Caller

HERE = Path(__file__).parent
PYTHON = os.path.realpath(sys.executable)
CALLER = str(HERE / "caller_program.py")
AGENT = str(HERE / "agent_program.py")

#: What a copy of Python needs to find the rest of itself.
_SURROUNDINGS = {"PYTHONHOME": f"{sys.base_prefix}:{sys.base_exec_prefix}"}


class Program:
    """A process that does what it is told, a line each."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        self._rest = b""
        self.process = process
        self.said: Any = None

    async def do(self, *command: object) -> Any:
        """Tell it something, and return its answer."""
        await self._stdin.send_all(json.dumps(command).encode() + b"\n")
        return await self.answer()

    async def answer(self) -> Any:
        """Wait for the next line."""
        while b"\n" not in self._rest:
            more = await self._stdout.receive_some()
            assert more, "the program has ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    async def end(self) -> None:
        """End it, and wait until it has."""
        self.process.kill()
        await self.process.wait()


def _with_tools(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Let unshare and mount be found also where wheels are tried: by a bare PATH."""
    env = dict(os.environ if env is None else env)
    return env | {"PATH": os.pathsep.join((env.get("PATH", ""), os.defpath))}


@asynccontextmanager
async def running(
    *command: str, env: Mapping[str, str] | None = None
) -> AsyncGenerator[Program]:
    """Run a program until the block is over; it has said its first line."""
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_with_tools(env)
    )
    program = Program(process)
    try:
        program.said = await program.answer()
        yield program
    finally:
        with trio.CancelScope(shield=True):
            await program.end()
            assert process.stdin is not None
            assert process.stdout is not None
            await process.stdin.aclose()
            await process.stdout.aclose()


def a_caller(*before: str, program: str = PYTHON) -> Any:
    """Run a caller, maybe by another program or in namespaces of its own."""
    command = (*before, program, "-S", CALLER)
    return running(*command, env=os.environ | _SURROUNDINGS)


def an_agent(*command: str) -> Any:
    """Run an agent: what to run it by, its socket, and its options."""
    place = next(i for i, it in enumerate(command) if it.startswith("/"))
    return running(*command[:place], sys.executable, AGENT, *command[place:])


@asynccontextmanager
async def listening(folder: Path) -> AsyncGenerator[trio.SocketListener]:
    """Listen on a Unix socket in a folder: `folder / "socket"`."""
    sock = trio.socket.socket(socket.AF_UNIX)
    await sock.bind(str(folder / "socket"))
    sock.listen()
    async with trio.SocketListener(sock) as listener:
        yield listener


def values(caller: Caller, name: str) -> list[str]:
    """Return what a caller's selectors of a name say."""
    texts = sorted(map(str, caller.selectors))
    return [it.removeprefix(f"{name}:") for it in texts if it.startswith(f"{name}:")]


def copy_of_python(path: Path, more: bytes = b"") -> str:
    """Make a Python of another name, and of another hash when there is more."""
    shutil.copy(PYTHON, path)
    with path.open("ab") as file:
        file.write(more)
    return str(path)


def sha256_of(path: str) -> str:
    """Hash a file by another way than ours."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def move(path: str | Path, to: str | Path) -> None:
    """Put a file in another's place, in one step."""
    Path(path).replace(to)


def open_descriptors() -> set[str]:
    """Return the numbers of our open descriptors, that of this question included."""
    return {it.name for it in Path("/proc/self/fd").iterdir()}


@functools.cache
def _why_not(*command: str) -> str:
    try:
        done = subprocess.run(
            [*command, "true"],
            env=_with_tools(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip() or "it fails"


def unshare(*options: str) -> tuple[str, ...]:
    """Return how to run a program in namespaces of its own.

    A machine that does not allow it skips the test, and says why: a test of the same
    rule with the kernel's answers in place of the kernel stands beside each such test.
    """
    command = ("unshare", *options)
    if why := _why_not(*command):
        pytest.skip(f"no {' '.join(command)} on this machine: {why}")
    return command
