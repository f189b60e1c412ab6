# SPDX-License-Identifier: Apache-2.0
"""Drivers of ours on Go's and Rust's TLS and SPIFFE: built by `make interop` alone.

They want tools that few machines have, and all but Go's standard library comes from
registries, pinned by go.sum and Cargo.lock: nothing for a test run without a network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

_PEERS = Path(__file__).parent / "peers"
_BUILD = Path(__file__).parents[2] / "build" / "interop"

_VERSION = re.compile(r"(\d+)\.(\d+)")


def _cache() -> Path:
    """Outlives a clone: what Rust's peers stand on takes minutes to compile."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "handfast" / "interop"


def _need(tool: str, wanted: tuple[int, int]) -> None:
    """Say what is missing, where a build would fail with something else."""
    oldest = ".".join(str(number) for number in wanted)
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
    is_new = found is not None and (int(found[1]), int(found[2])) >= wanted
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


def _go(name: str, folder: str, oldest: tuple[int, int]) -> Path:
    """Compile a Go program; the compiler's own cache makes a second time cheap."""
    _need("go", oldest)
    program = _BUILD / name
    # Two at a time: the tests' other processes want to live too.
    _build(_PEERS / folder, "go", "build", "-p", "2", "-o", program, ".")
    return program


def _rust(name: str, folder: str, oldest: tuple[int, int], target: Path) -> Path:
    _need("cargo", oldest)
    options = ("--release", "--locked", "--quiet", "--target-dir", target)
    _build(_PEERS / folder, "cargo", "build", "--jobs", "2", *options)
    return target / "release" / name


def go_tls() -> Path:
    """The client and server on Go's crypto/tls; Go 1.19 is Debian 12's."""
    return _go("go_tls", "go", (1, 19))


def go_spiffe() -> Path:
    """The client, server, Workload API and bundle endpoint on go-spiffe."""
    return _go("go_spiffe", "go_spiffe", (1, 24))


def rust_tls() -> Path:
    """The client and server on rustls 0.23."""
    return _rust("rust_tls", "rust", (1, 71), _BUILD / "rust")


def rust_spiffe() -> Path:
    """The Workload API client on rust-spiffe 0.19."""
    return _rust("rust_spiffe", "rust_spiffe", (1, 88), _cache() / "rust_spiffe")
