# SPDX-License-Identifier: Apache-2.0
"""Builds the C peers as the engine is built, and says how that was."""

from __future__ import annotations

import subprocess
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


def c_peers(output: Path, *, lto: bool) -> Path:
    """Build the C peers below `output` and return the directory of their programs."""
    where = output.resolve() / ("c-lto" if lto else "c")
    source = ROOT / "bench" / "peers"
    options = [f"-DHANDFAST_LTO={'ON' if lto else 'OFF'}", "-DCMAKE_BUILD_TYPE=Release"]
    for step in (
        ["cmake", "-S", str(source), "-B", str(where), *options],
        ["cmake", "--build", str(where), "--parallel", "2"],
    ):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(step)} failed:\n{done.stdout}{done.stderr}")
    return where
