# SPDX-License-Identifier: Apache-2.0
"""Processes of our own command line under trio, their JSON events counted."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

ROOT = Path(__file__).resolve().parents[2]
ENDPOINT = "SPIFFE_ENDPOINT_SOCKET"
PATIENCE = 60.0


class Program:
    """A running `handfast … --json`."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._send, self._events = trio.open_memory_channel[dict[str, Any]](math.inf)
        #: How many events of each kind it has printed.
        self.counts: Counter[str] = Counter()

    async def read(self) -> None:
        """Read its events until it ends."""
        assert self._process.stdout is not None
        rest = bytearray()
        async with self._send:
            async for data in self._process.stdout:
                rest += data
                *lines, last = bytes(rest).split(b"\n")
                rest[:] = last
                for line in lines:
                    event: dict[str, Any] = json.loads(line)
                    self.counts[event["event"]] += 1
                    self._send.send_nowait(event)

    async def wait_event(self, kind: str) -> dict[str, Any]:
        """Wait for the next event of a kind; others before it are passed over."""
        with trio.fail_after(PATIENCE):
            async for event in self._events:
                if event["event"] == kind:
                    return event
        raise AssertionError(f"it ended without {kind!r}: {dict(self.counts)}")

    async def drain_events(self, kind: str, count: int) -> None:
        """Wait until it has printed as many of a kind as there must be."""
        with trio.move_on_after(PATIENCE):
            while self.counts[kind] < count:
                await self.wait_event(kind)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def finish(self) -> None:
        """End its standard input, and wait until it has ended by itself."""
        assert self._process.stdin is not None
        await self._process.stdin.aclose()
        with trio.fail_after(PATIENCE):
            if await self._process.wait():
                raise AssertionError(f"it failed: {dict(self.counts)}")

    async def say(self, text: str) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(text.encode())


@asynccontextmanager
async def program(
    *arguments: str | Path, endpoint: str | None = None
) -> AsyncGenerator[Program, None]:
    """Run `handfast ARGUMENTS --json`; the agent's address is all it may be told."""
    environment = {name: it for name, it in os.environ.items() if name != ENDPOINT}
    if endpoint is not None:
        environment[ENDPOINT] = endpoint
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "handfast.cli", *map(str, arguments), "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    )
    found = Program(process)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(found.read)
            yield found
            process.terminate()
            nursery.cancel_scope.cancel()
    finally:
        await end_process(process)


async def end_process(process: trio.Process) -> None:
    """End a process and its pipes, whatever happens to us.

    Cancellation: it is ended all the same.
    """
    process.kill()
    with trio.CancelScope(shield=True):
        await process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                await pipe.aclose()
