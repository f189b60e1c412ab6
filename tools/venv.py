#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment .venv and put what extras of pyproject.toml name into it.

    python3 tools/venv.py [--venv DIR] [EXTRA ...]

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
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Build tools that a bare machine lacks come from the package index, too.
FALLBACKS = {"cmake": "cmake>=3.25", "ninja": "ninja>=1.11"}


def requirements(extras: list[str]) -> dict[str, list[str]]:
    """Return what to install, by stamp name."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = document["project"]
    base = [*document["build-system"]["requires"], *project["dependencies"]]
    base += [text for name, text in FALLBACKS.items() if shutil.which(name) is None]
    optional = project["optional-dependencies"]
    unknown = sorted(set(extras) - set(optional))
    if unknown:
        known = ", ".join(sorted(optional))
        raise SystemExit(f"venv: no such extra: {', '.join(unknown)}; there are {known}")
    return {"base": base} | {extra: optional[extra] for extra in extras}


def create(venv: Path) -> None:
    """Create the environment when it is not there or its Python has gone."""
    if (venv / "bin" / "python").exists() and (venv / "bin" / "pip").exists():
        return
    print(f"venv: making {venv.name} with Python {sys.version.split()[0]}", flush=True)
    system = [sys.executable, str(ROOT / "tools" / "system.py"), "need"]
    if subprocess.run([*system, "python-venv", "python-headers"], check=False).returncode:
        raise SystemExit(1)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)


def main() -> int:
    """Bring the environment up to what was asked for."""
    if sys.version_info < (3, 11):
        version = sys.version.split()[0]
        print(f"venv: Python 3.11 or newer is needed, this is {version}; "
              "name another: make PYTHON=python3.12 ...", file=sys.stderr)
        return 1
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
        print(f"venv: installing {names}", flush=True)
        pip = [str(arguments.venv / "bin" / "python"), "-m", "pip", "install"]
        pip += ["--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *dict.fromkeys(wanted)], check=True)
        for stamp, digest in stamps:
            stamp.write_text(digest, "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
