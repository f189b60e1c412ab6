# SPDX-License-Identifier: Apache-2.0
"""Identities in files, and programs of others run beside ours."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

# Only a bound for a hanging process: nothing waits for it when all is well.
PATIENCE = 60.0

_NOTHING: Mapping[str, str] = MappingProxyType({})


def require(command: str) -> str:
    """Find a peer program; the message says how `make test` gets it."""
    path = shutil.which(command)
    assert path, f"{command} is not here: `make test` installs it (tools/system.py)"
    return path


def write_pem(folder: Path, name: str, chain: bytes, key: bytes) -> tuple[Path, Path]:
    """Write a chain and its key as OpenSSL's tools want them."""
    cert, secret = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(chain)
    secret.touch(mode=0o600)
    secret.write_bytes(key)
    return cert, secret


class Running:
    """A process whose standard output and error are read line by line, together."""

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str]
    ) -> None:
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ
            | {"LC_ALL": "C", "PYTHONUNBUFFERED": "1"}
            | dict(environment),
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.seen: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self._lines.put(raw.decode("utf-8", "replace").rstrip("\r\n"))
        self._lines.put(None)

    def wait_for(self, *texts: str) -> str:
        """Wait for the next line with any of the texts."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            assert line is not None, f"never said {texts}; said:\n" + self.everything()
            self.seen.append(line)
            if any(text in line for text in texts):
                return line

    def event(self, kind: str) -> dict[str, Any]:
        """Wait for one of our own JSON events."""
        return dict(json.loads(self.wait_for(f'"event":"{kind}"')))

    def send(self, text: str) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end_input(self) -> None:
        """Close its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def exit_code(self) -> int:
        """Wait for its end; the rest of its output lands in `seen`."""
        code = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        self._drain()
        return code

    def _drain(self) -> None:
        while not self._lines.empty():
            line = self._lines.get_nowait()
            if line is not None:
                self.seen.append(line)

    def everything(self) -> str:
        """All that it said so far."""
        self._drain()
        return "\n".join(self.seen)

    def stop(self) -> None:
        """End it and close its pipes."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


@contextmanager
def running(
    *command: str | Path, environment: Mapping[str, str] = _NOTHING
) -> Iterator[Running]:
    """Run a program for the length of a block."""
    program = Running(command, environment)
    try:
        yield program
    finally:
        program.stop()


def handfast(*arguments: str | Path) -> list[str | Path]:
    """Spell our own command line."""
    return [sys.executable, "-m", "handfast.cli", *arguments]
