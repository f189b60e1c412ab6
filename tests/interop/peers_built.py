# SPDX-License-Identifier: Apache-2.0
"""Our drivers of Go's crypto/tls and of rustls: built once, where their tools are.

`make test` installs neither: conftest leaves the tests of a peer out where its tool is
missing or too old. rustls comes from its registry, pinned by Cargo.lock; Go's is its
standard library.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

_PEERS = Path(__file__).parent / "peers"
_BUILD = Path(__file__).parents[2] / "build" / "interop"

# rustls 0.23 and its TLS 1.3; Go 1.19 is Debian 12's.
_OLDEST = {"go": (1, 19), "cargo": (1, 71)}
_VERSION = re.compile(r"(\d+)\.(\d+)")


def is_here(tool: str) -> bool:
    """Whether a tool is there and new enough."""
    if shutil.which(tool) is None:
        return False
    said = subprocess.run(
        [tool, "version" if tool == "go" else "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = _VERSION.search(said)
    return found is not None and (int(found[1]), int(found[2])) >= _OLDEST[tool]


def _build(where: Path, *command: str | Path) -> None:
    _BUILD.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def go_tls() -> Path:
    """The client and server on Go's crypto/tls."""
    program = _BUILD / "go_tls"
    _build(_PEERS / "go", "go", "build", "-o", program, ".")
    return program


def rust_tls() -> Path:
    """The client and server on rustls."""
    target = _BUILD / "rust"
    options = ("--release", "--locked", "--quiet", "--target-dir", target)
    _build(_PEERS / "rust", "cargo", "build", *options)
    return target / "release" / "rust_tls"
