# SPDX-License-Identifier: Apache-2.0
"""Builds the C peer on the OpenSSL that handfast has, and says how both were built."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from bench.sampling import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CACHE = ROOT / "build" / "editable" / "CMakeCache.txt"
CACHED = ("CMAKE_BUILD_TYPE", "CMAKE_C_COMPILER", "CMAKE_C_FLAGS", "HANDFAST_LTO")


def engine_facts() -> dict[str, Any]:
    """Read how `make install` built the engine; empty for an installed wheel."""
    if not CACHE.is_file():
        return {}
    entries = (line.split("=", 1) for line in CACHE.read_text("utf-8").splitlines())
    found = {entry[0].split(":")[0]: entry[1] for entry in entries if len(entry) == 2}
    return {name: found.get(name) for name in CACHED}


def openssl_prefix() -> str:
    """Return the prefix of the pinned OpenSSL; empty for the system's."""
    finder = [sys.executable, str(ROOT / "tools" / "openssl.py")]
    done = subprocess.run(finder, check=True, stdout=subprocess.PIPE, text=True)
    prefix = done.stdout.strip()
    return "" if prefix == "system" else prefix


def c_loop(output: Path, *, lto: bool) -> Path:
    """Build the C loop into `output` and return the program."""
    where = output.resolve() / ("c-lto" if lto else "c")
    subprocess.run(
        [
            "make",
            "--no-print-directory",
            f"--directory={ROOT / 'bench' / 'peers'}",
            f"OUT={where}",
            f"PREFIX={openssl_prefix()}",
            f"LTO={int(lto)}",
        ],
        check=True,
        stdout=sys.stderr,
    )
    return where / "c_loop"
