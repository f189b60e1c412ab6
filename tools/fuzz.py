#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build every fuzz target and run each for its share of the time.

    python3 tools/fuzz.py --time 60 [TARGET ...]

C targets are fuzz/c/<target>.c under clang's libFuzzer with ASan and UBSan; Python
targets are fuzz/py/<target>.py under atheris. Seeds lie in fuzz/corpus/<target>, a
dictionary in fuzz/dict/<target>.dict. What a run finds new goes to build/fuzz/corpus.
An input that breaks something lands in build/fuzz/crashes, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "fuzz"
FUZZ = ROOT / "fuzz"
NEEDS = ("clang=clang,libclang-rt-dev",)

# One input may not take longer than this (seconds), nor more memory (MB).
INPUT_TIMEOUT = 10
MEMORY_LIMIT = 2048


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a preparing step; its output is shown only when it fails."""
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise SystemExit(f"fuzz: {command[0]} ended with {done.returncode}")


def build_c() -> None:
    """Compile the C targets with clang, in a build directory of their own."""
    run(sys.executable, ROOT / "tools" / "system.py", "need", *NEEDS)
    env = os.environ | {"CC": "clang"}
    # The archives hold machine code beside gcc's bitcode, so clang can link them.
    prefix = subprocess.run(
        [sys.executable, ROOT / "tools" / "openssl.py"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    options = ["-DHANDFAST_FUZZ=ON", "-DHANDFAST_TESTS=OFF"]
    options += [f"-DHANDFAST_OPENSSL_PREFIX={prefix}"]
    options += [f"-DHANDFAST_MB_PREFIX={ROOT / '.venv'}"]
    run("cmake", "-S", ROOT / "csrc", "-B", WORK / "c", *options, env=env)
    run("cmake", "--build", WORK / "c", "--parallel", str(os.cpu_count() or 1))


def prepare_python() -> Path:
    """Return the Python that has handfast and atheris."""
    run("make", "install")
    run(sys.executable, ROOT / "tools" / "environment.py", "cli", "fuzz")
    return ROOT / ".venv" / "bin" / "python"


def fuzz(name: str, command: list[str | Path], seconds: int) -> bool:
    """Run one target; tells whether nothing broke."""
    found = WORK / "corpus" / name
    crashes = WORK / "crashes"
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    arguments: list[str | Path] = [
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_TIMEOUT}",
        f"-rss_limit_mb={MEMORY_LIMIT}",
        f"-artifact_prefix={crashes / name}-",
        "-print_final_stats=1",
    ]
    dictionary = FUZZ / "dict" / f"{name}.dict"
    if dictionary.is_file():
        arguments.append(f"-dict={dictionary}")
    seeds = FUZZ / "corpus" / name
    corpora = [found, seeds] if seeds.is_dir() else [found]
    log = WORK / f"{name}.log"
    with log.open("wb") as out:
        code = subprocess.call(
            [*command, *arguments, *corpora],
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
    lines = log.read_text("utf-8", "replace").splitlines()
    stats = [line for line in lines if "number_of_executed_units" in line]
    count = stats[-1].rpartition(":")[2].strip() if stats else "no"
    print(f"fuzz: {name}: {seconds} s, {count} inputs, exit code {code}", flush=True)
    # A run that executed nothing has shown nothing.
    if code != 0 or not stats:
        print("\n".join(lines[-60:]), file=sys.stderr)
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz every target for a while.")
    parser.add_argument("--time", type=int, default=60, help="seconds in all")
    parser.add_argument("targets", nargs="*", help="names; all when none is given")
    arguments = parser.parse_args()
    wanted = set(arguments.targets)
    c_targets = [path.stem for path in sorted((FUZZ / "c").glob("*.c"))]
    py_targets = [path.stem for path in sorted((FUZZ / "py").glob("*.py"))]
    unknown = wanted - set(c_targets) - set(py_targets)
    if unknown or not c_targets + py_targets:
        print(f"fuzz: no such target: {', '.join(sorted(unknown)) or 'none at all'}")
        return 2
    c_targets = [name for name in c_targets if not wanted or name in wanted]
    py_targets = [name for name in py_targets if not wanted or name in wanted]
    commands: dict[str, list[str | Path]] = {}
    if c_targets:
        build_c()
        for name in c_targets:
            commands[name] = [WORK / "c" / f"fuzz_{name}"]
    if py_targets:
        python = prepare_python()
        for name in py_targets:
            commands[name] = [python, FUZZ / "py" / f"{name}.py"]
    seconds = max(1, arguments.time // len(commands))
    results = [fuzz(name, command, seconds) for name, command in commands.items()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
