#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment .venv and fill it with extras of pyproject.toml.

    python3 tools/environment.py [--venv DIR] [EXTRA ...]

The build requirements and the runtime dependencies always go in; handfast itself does
not (`make install` does that). Nothing is done twice: each set of requirements leaves a
stamp with its own text, so a second call costs a file read.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:
    message = "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..."
    raise SystemExit(f"environment: {message}") from None

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools" / "backend"))

import handfast_build  # noqa: E402 - the build backend, which builds are to agree with

# Build tools that a bare machine lacks come from the package index, too.
FALLBACKS = {"cmake": "cmake>=3.25", "ninja": "ninja>=1.11"}


def requirements(extras: list[str]) -> dict[str, list[str]]:
    """Return what to install, by stamp name."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = document["project"]
    base = [*document["build-system"]["requires"], *project["dependencies"]]
    base += handfast_build.lanes()
    base += [text for tool, text in FALLBACKS.items() if shutil.which(tool) is None]
    optional = project["optional-dependencies"]
    unknown = sorted(set(extras) - set(optional))
    if unknown:
        known = ", ".join(sorted(optional))
        raise SystemExit(
            f"environment: no such extra: {', '.join(unknown)}; there are {known}"
        )
    return {"base": base} | {extra: optional[extra] for extra in extras}


def create(venv: Path) -> None:
    """Create the environment when it is not there or its Python has gone."""
    if (venv / "bin" / "python").exists() and (venv / "bin" / "pip").exists():
        return
    print(
        f"environment: making {venv.name} with Python {sys.version.split()[0]}",
        flush=True,
    )
    system = [sys.executable, str(ROOT / "tools" / "system.py")]
    needs = ["need", "python-venv", "python-headers"]
    if subprocess.run([*system, *needs], check=False).returncode != 0:
        raise SystemExit(1)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)


def main() -> int:
    """Bring the environment up to what was asked for."""
    parser = argparse.ArgumentParser(description="Make the development environment.")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("extras", nargs="*")
    arguments = parser.parse_args()
    create(arguments.venv)
    wanted: list[str] = []
    stamps: list[tuple[Path, str]] = []
    for name, texts in requirements(arguments.extras).items():
        stamp = arguments.venv / f".handfast-{name}"
        digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        if not stamp.is_file() or stamp.read_text("ascii") != digest:
            wanted += texts
            stamps.append((stamp, digest))
    if wanted:
        names = ", ".join(stamp.name.removeprefix(".handfast-") for stamp, _ in stamps)
        print(f"environment: installing {names}", flush=True)
        pip = [str(arguments.venv / "bin" / "python"), "-m", "pip", "install"]
        pip += ["--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *dict.fromkeys(wanted)], check=True)
        for stamp, digest in stamps:
            stamp.write_text(digest, "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
