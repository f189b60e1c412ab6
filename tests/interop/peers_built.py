# SPDX-License-Identifier: Apache-2.0
"""Drivers of ours on Go's crypto/tls and on rustls: built by `make interop` alone.

They want tools that few machines have, and rustls comes from its registry, pinned by
Cargo.lock: nothing for a test run without a network. Go's is its standard library.
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


def _need(tool: str) -> None:
    """Say what is missing, where a build would fail with something else."""
    oldest = ".".join(str(number) for number in _OLDEST[tool])
    where = shutil.which(tool)
    assert where, (
        f"{tool} >= {oldest} is not on the PATH; `make interop PEERS=` goes on"
    )
    said = subprocess.run(
        [where, "version" if tool == "go" else "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = _VERSION.search(said.stdout)
    is_new = found is not None and (int(found[1]), int(found[2])) >= _OLDEST[tool]
    assert is_new, f"{tool} >= {oldest} is wanted: {said.stdout}{said.stderr}"


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
    _need("go")
    program = _BUILD / "go_tls"
    _build(_PEERS / "go", "go", "build", "-o", program, ".")
    return program


def rust_tls() -> Path:
    """The client and server on rustls."""
    _need("cargo")
    target = _BUILD / "rust"
    options = ("--release", "--locked", "--quiet", "--target-dir", target)
    _build(_PEERS / "rust", "cargo", "build", *options)
    return target / "release" / "rust_tls"
