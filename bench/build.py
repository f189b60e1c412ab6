# SPDX-License-Identifier: Apache-2.0
"""Builds the peers: in C as the engine is built, in Go and Rust where those are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from bench.sampling import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PEERS = ROOT / "bench" / "peers"
CACHE = ROOT / "build" / "editable" / "CMakeCache.txt"
CACHED = (
    "CMAKE_BUILD_TYPE",
    "CMAKE_C_COMPILER",
    "CMAKE_C_FLAGS",
    "HANDFAST_LTO",
    "HANDFAST_PGO",
    "HANDFAST_MALLOC",
)
STOCK = "c_loop_stock"
OTHERS = ("go_handshake", "go_verify", "rust_handshake", "rust_verify")


def engine_facts() -> dict[str, Any]:
    """Read how `make install` built the engine; empty for an installed wheel."""
    if not CACHE.is_file():
        return {}
    entries = (line.split("=", 1) for line in CACHE.read_text("utf-8").splitlines())
    found = {entry[0].split(":")[0]: entry[1] for entry in entries if len(entry) == 2}
    return {name: found.get(name) for name in CACHED}


class BuildError(SystemExit):
    """A peer does not build; what the tools said is the message."""


def _run(step: list[str], where: Path, **settings: str) -> None:
    done = subprocess.run(
        step,
        capture_output=True,
        text=True,
        check=False,
        cwd=where,
        env=os.environ | settings,
    )
    if done.returncode != 0:
        raise BuildError(f"{' '.join(step)} failed:\n{done.stdout}{done.stderr}")


def c_peers(
    output: Path,
    *,
    lto: bool,
    pgo: bool = False,
    malloc: str = "system",
    programs: Iterable[str] = (),
) -> Path:
    """Build C peers below `output` and return the directory of their programs.

    All of them, unless `programs` names some: with LTO each takes a minute to link.
    """
    where = output.resolve() / ("c-lto" if lto else "c")
    options = [f"-DHANDFAST_LTO={'ON' if lto else 'OFF'}", "-DCMAKE_BUILD_TYPE=Release"]
    options += [f"-DHANDFAST_PGO={'ON' if pgo else 'OFF'}"]
    options += [f"-DHANDFAST_MALLOC={malloc}"]
    # The engine's own build found its signature lanes in this environment, too.
    options += [f"-DPython_EXECUTABLE={sys.executable}"]
    _run(["cmake", "-S", str(PEERS), "-B", str(where), *options], ROOT)
    targets = [word for name in programs for word in ("--target", name)]
    _run(["cmake", "--build", str(where), "--parallel", "2", *targets], ROOT)
    return where


def stock_peer(output: Path, programs: Path) -> None:
    """Build the C loop on OpenSSL as its release is by default: our aims' measure.

    That OpenSSL comes into the cache like ours, once, in two minutes.
    """
    tool = [sys.executable, str(ROOT / "tools" / "openssl.py"), "--variant", "stock"]
    found = subprocess.run(tool, stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode != 0:
        raise BuildError("tools/openssl.py --variant stock failed; see above")
    where = output.resolve() / "c-stock"
    options = [f"-DHANDFAST_OPENSSL_PREFIX={found.stdout.strip()}"]
    options += ["-DCMAKE_BUILD_TYPE=Release", "-DHANDFAST_MB=OFF"]
    _run(["cmake", "-S", str(PEERS), "-B", str(where), *options], ROOT)
    step = ["cmake", "--build", str(where), "--parallel", "2", "--target", "c_loop"]
    _run(step, ROOT)
    shutil.copy2(where / "c_loop", programs / STOCK)


def other_peers(
    output: Path, programs: Path, names: Iterable[str] = OTHERS
) -> dict[str, str]:
    """Build the peers in Go and Rust into `programs`; return who is missing, and why.

    Their modules come by their own clients, pinned by go.sum and Cargo.lock.
    """
    missing = {}
    for name in names:
        build = _go_peer if name.startswith("go_") else _rust_peer
        try:
            build(output.resolve(), programs / name)
        except FileNotFoundError as error:
            missing[name] = f"not here: {error.filename}"
        except BuildError as error:
            # Without a network there are no modules: no reason to measure nobody.
            last = str(error).strip().rpartition("\n")[2]
            missing[name] = f"does not build here: {last}"
    return missing


def _go_peer(_output: Path, program: Path) -> None:
    package = "./handshake" if program.name == "go_handshake" else "."
    _run(["go", "build", "-trimpath", "-o", str(program), package], PEERS / "go")


def _rust_peer(output: Path, program: Path) -> None:
    target = output / "rust"
    step = ["cargo", "build", "--release", "--locked", "--quiet"]
    step += ["--bin", program.name]
    _run(step, PEERS / "rust", CARGO_TARGET_DIR=str(target))
    shutil.copy2(target / "release" / program.name, program)
