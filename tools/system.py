#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make sure that something from the operating system is there.

    tools/system.py need python-venv python-headers clang=clang gnutls-cli=gnutls-bin

A need is COMMAND or COMMAND=PACKAGE[,PACKAGE] (a command on the PATH), `python-venv`
or `python-headers` (parts of this very Python that Debian packages apart). What is
missing is installed by apt-get when this is Debian and we are root; otherwise the one
command to run is printed and the exit code is 1.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path


def is_missing(need: str) -> bool:
    """Tell whether a need is unmet."""
    if need == "python-venv":
        return importlib.util.find_spec("ensurepip") is None
    if need == "python-headers":
        return not (Path(sysconfig.get_path("include")) / "Python.h").is_file()
    return shutil.which(need.partition("=")[0]) is None


def packages_for(need: str) -> list[str]:
    """Name the Debian packages that meet a need."""
    if need.startswith("python-"):
        suffix = {"python-venv": "venv", "python-headers": "dev"}[need]
        return [f"python{sys.version_info.major}.{sys.version_info.minor}-{suffix}"]
    command, _, packages = need.partition("=")
    return packages.split(",") if packages else [command]


def apt_install(packages: list[str]) -> bool:
    """Install packages; the lists are fetched first, since a fresh image has none."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    for command in (["apt-get", "update"], install):
        done = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            tail = "\n".join(done.stdout.splitlines()[-5:])
            print(f"{' '.join(command)} failed:\n{tail}", file=sys.stderr)
            return False
    return True


def main(arguments: list[str]) -> int:
    """Meet the needs named on the command line."""
    command, *needs = arguments or [""]
    if command != "need" or not needs:
        print(__doc__, file=sys.stderr)
        return 2
    missing = [need for need in needs if is_missing(need)]
    return meet(missing) if missing else 0


def meet(missing: list[str]) -> int:
    """Install what is missing, or say how."""
    packages = sorted({name for need in missing for name in packages_for(need)})
    by_hand = f"apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        names = ", ".join(need.partition("=")[0] for need in missing)
        print(f"missing here: {names}; on Debian that is: {by_hand}", file=sys.stderr)
        return 1
    if os.geteuid() != 0:
        print(f"missing here; please run: sudo {by_hand}", file=sys.stderr)
        return 1
    print(f"system: {by_hand}", file=sys.stderr)
    still = missing
    if apt_install(packages):
        still = [need for need in missing if is_missing(need)]
    if still:
        print(f"still missing: {', '.join(still)}", file=sys.stderr)
    return 1 if still else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
