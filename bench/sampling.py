# SPDX-License-Identifier: Apache-2.0
"""A running peer program, seen from the runner (the protocol: peers/sampler.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from bench.scenarios import Peer

ROOT = Path(__file__).resolve().parent.parent
BUILT = ("c_", "go_", "rust_")


class PeerError(Exception):
    """A peer ended or said something that is no sample; its own words are on stderr."""


def command(peer: Peer, pki: Path, programs: Path) -> list[str]:
    """Return how to start a peer."""
    program = [str(programs / peer.program)]
    if not peer.program.startswith(BUILT):
        program = [sys.executable, "-m", f"bench.peers.{peer.program}"]
    if peer.helper is not None:
        program += ["--program", str(programs / peer.helper)]
    return [*program, "--pki", str(pki), *peer.options]


class RunningPeer:
    """A peer process, from its start to its end."""

    def __init__(self, peer: Peer, pki: Path, programs: Path, cpu: int | None) -> None:
        self.peer = peer
        self.command = command(peer, pki, programs)
        self.samples: list[dict[str, Any]] = []
        self.split: dict[str, Any] | None = None
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        if cpu is not None:
            os.sched_setaffinity(self._process.pid, {cpu})
        self.facts = self._read()

    @property
    def absent(self) -> str | None:
        """Why this peer cannot take part here; None when it can."""
        return self.facts.get("absent")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        """End the process: it stops at the end of its input."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            found = json.loads(line)
        except ValueError:
            self._stop()
            code = self._process.returncode
            raise PeerError(
                f"{self.peer.name}: expected a JSON line, seen {line!r} (exit code "
                f"{code}); by hand: {' '.join(self.command)}"
            ) from None
        assert isinstance(found, dict)
        return found

    def sample(self, seconds: float, *, split: bool = False) -> dict[str, Any]:
        """Let it work for `seconds`; nobody else works meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds} {int(split)}\n")
        self._process.stdin.flush()
        return self._read()
