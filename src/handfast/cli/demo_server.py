# SPDX-License-Identifier: Apache-2.0
"""The demo's two workload processes: ``handfast serve`` and ``handfast connect``."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from types import TracebackType
from typing import IO, Any, Self

from handfast.cli.demo_cast import Cast, Workload

# Long enough for a loaded machine; a failure says what the process printed.
_PATIENCE = 30.0


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "handfast.cli", *arguments]


def _pipe(pipe: IO[str] | None) -> IO[str]:
    """Narrow a pipe that was asked for and so is there."""
    if pipe is None:
        raise RuntimeError("the process has no such pipe")
    return pipe


class DemoServer:
    """A ``handfast serve --json`` process, its events in order."""

    def __init__(self, cast: Cast) -> None:
        workload = cast.server
        self._process = subprocess.Popen(
            _command(
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--json",
                "--echo",
                *workload.options(),
                "--bundle",
                f"{cast.partner.domain}={cast.partner.bundle_file}",
                "--allow",
                cast.caller.name,
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.port = 0

    def _read(self) -> None:
        for line in _pipe(self._process.stdout):
            self._events.put(json.loads(line))
        self._events.put(None)

    def next_event(self, kind: str) -> dict[str, Any]:
        """Wait for the next event of a kind; others before it are passed over.

        Raises:
            RuntimeError: the process ended or said nothing in time.
        """
        while True:
            try:
                event = self._events.get(timeout=_PATIENCE)
            except queue.Empty:
                raise RuntimeError(f"the server said nothing about {kind!r}") from None
            if event is None:
                self._process.wait()
                said = _pipe(self._process.stderr).read()
                raise RuntimeError(f"the server ended: {said}")
            if event["event"] == kind:
                return event

    def __enter__(self) -> Self:
        self._reader.start()
        try:
            self.port = self.next_event("listening")["port"]
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        _pipe(self._process.stdout).close()
        _pipe(self._process.stderr).close()


def call(caller: Workload, server: DemoServer, text: str) -> dict[str, Any]:
    """Run ``handfast connect`` as the caller's process and return what it saw.

    Raises:
        RuntimeError: the call failed; the text is the process's own explanation.
    """
    done = subprocess.run(
        _command(
            "connect",
            "127.0.0.1",
            str(server.port),
            "--json",
            *caller.options(),
            "--allow-trust-domain",
            caller.domain,
        ),
        input=text,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the call failed: {done.stderr}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    connected = next(event for event in events if event["event"] == "connected")
    received = "".join(event["text"] for event in events if event["event"] == "data")
    return {
        "peer": connected["spiffe_id"],
        "version": connected["version"],
        "cipher": connected["cipher"],
        "text": received,
    }
