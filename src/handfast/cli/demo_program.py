# SPDX-License-Identifier: Apache-2.0
"""A ``handfast`` process of the demo, its JSON events in order."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Self

from handfast.cli.sources import ENDPOINT

# Long enough for a loaded machine; a failure says what the process printed.
PATIENCE = 30.0


def command(*arguments: str | Path) -> list[str]:
    """Write a command line of ours."""
    return [sys.executable, "-m", "handfast.cli", *map(str, arguments)]


def environment(endpoint: str | None) -> dict[str, str]:
    """Our environment, with the agent's address in it or without any."""
    found = {name: it for name, it in os.environ.items() if name != ENDPOINT}
    return found if endpoint is None else found | {ENDPOINT: endpoint}


def _pipe(pipe: IO[str] | None) -> IO[str]:
    """Narrow a pipe that was asked for and so is there."""
    if pipe is None:
        raise RuntimeError("the process has no such pipe")
    return pipe


class Program:
    """A process that prints events; a context manager.

    Args:
        name: What it is in the demo.
        arguments: Its command line.
        ready: The event with which it says that it is.
        endpoint: The agent to give it, by the environment.
    """

    def __init__(
        self, name: str, *arguments: str | Path, ready: str, endpoint: str | None = None
    ) -> None:
        self._name = name
        self._ready = ready
        self._process = subprocess.Popen(
            command(*arguments, "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(endpoint),
        )
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._said: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_words, daemon=True),
        ]
        #: What it said when it was ready.
        self.facts: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def _read_events(self) -> None:
        for line in _pipe(self._process.stdout):
            self._events.put(json.loads(line))
        self._events.put(None)

    def _read_words(self) -> None:
        self._said.extend(_pipe(self._process.stderr))

    def next_event(self, kind: str) -> dict[str, Any]:
        """Wait for the next event of a kind; others before it are passed over.

        Raises:
            RuntimeError: the process ended or said nothing in time.
        """
        while True:
            try:
                event = self._events.get(timeout=PATIENCE)
            except queue.Empty:
                raise RuntimeError(f"the {self._name} did not say {kind!r}") from None
            if event is None:
                self._process.wait()
                raise RuntimeError(f"the {self._name} ended: {''.join(self._said)}")
            if event["event"] == kind:
                return event

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.start()
        try:
            self.facts = self.next_event(self._ready)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        _pipe(self._process.stdout).close()
        _pipe(self._process.stderr).close()
