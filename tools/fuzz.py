#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build every fuzz target and run each for its share of the time.

    python3 tools/fuzz.py --time 60 [--seed 1] [TARGET ...]
    python3 tools/fuzz.py --plain --inputs 1000000 --seed 7 fast_subset
    python3 tools/fuzz.py --merge [TARGET ...]

C targets are fuzz/c/<target>.c under clang's libFuzzer with ASan and UBSan; Python
targets are fuzz/py/<target>.py under atheris. Seeds lie in fuzz/corpus/<target>, a
dictionary in fuzz/dict/<target>.dict. What a run finds new goes to build/fuzz/corpus.
An input that breaks something lands in build/fuzz/crashes, and the exit code is 1.

A run begins from another seed each time, unless one is given: then the inputs are the
same, as far as the time reaches, which is what a gate wants.

--plain runs C targets without libFuzzer and sanitizers, on inputs from a seed, to count
cases fast. --merge replaces seeds by the fewest inputs that reach as much. --log adds a
line of JSON for each run, which tools/fuzz_figures.py sums up.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz_run import Run, watch

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "fuzz"
FUZZ = ROOT / "fuzz"
NEEDS = ("clang=clang,libclang-rt-dev",)

# One input may not take longer than this (seconds, and others work here, too), nor more
# memory (MB).
INPUT_TIMEOUT = 25
MEMORY_LIMIT = 2048

# These read their input as choices, of which a short input has too few; libFuzzer would
# only slowly come to longer ones.
CHOICES = {
    "batch",
    "chain_cache",
    "fast_subset",
    "recall",
    "verify_many",
    "workload_api_client",
    "workload_api_messages",
    "workload_api_server",
}
CHOICES_OPTIONS = ("-len_control=0", "-max_len=512")

# What libFuzzer called an input; somebody else's names stay.
FOUND_NAME = re.compile(r"[0-9a-f]{16,40}")


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: from the command line."""

    seconds: int
    jobs: int
    nice: int
    seed: int
    log: Path | None
    pause: Path | None


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a preparing step; its output is shown only when it fails."""
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise SystemExit(f"fuzz: {command[0]} ended with {done.returncode}")


def build_c(*, plain: bool) -> Path:
    """Compile the C targets, in a build directory of their own."""
    folder = WORK / ("plain" if plain else "c")
    env = dict(os.environ)
    options = ["-DHANDFAST_TESTS=OFF"]
    if plain:
        options.append("-DHANDFAST_FUZZ_PLAIN=ON")
    else:
        run(sys.executable, ROOT / "tools" / "system.py", "need", *NEEDS)
        env["CC"] = "clang"
        options.append("-DHANDFAST_FUZZ=ON")
    # The archives hold machine code beside gcc's bitcode, so clang can link them.
    prefix = subprocess.run(
        [sys.executable, ROOT / "tools" / "openssl.py"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    options.append(f"-DHANDFAST_OPENSSL_PREFIX={prefix}")
    # Without the lanes, their target and the batch's would hold OpenSSL against itself.
    lanes = ROOT / ".venv"
    if (lanes / "lib" / "libcrypto_mb.a").is_file():
        options.append(f"-DHANDFAST_MB_PREFIX={lanes}")
    run("cmake", "-S", ROOT / "csrc", "-B", folder, *options, env=env)
    run("cmake", "--build", folder, "--parallel", str(os.cpu_count() or 1))
    return folder


def prepare_python() -> Path:
    """Return the Python that has handfast and atheris."""
    run("make", "install")
    run(sys.executable, ROOT / "tools" / "environment.py", "cli", "fuzz")
    return ROOT / ".venv" / "bin" / "python"


def corpora(name: str, *, anew: bool = False) -> list[Path]:
    """Return where inputs of a target lie: new ones first, which libFuzzer writes.

    What earlier runs found leads elsewhere, so a run that is to be the same as others
    begins without.
    """
    found, seeds = WORK / ("anew" if anew else "corpus") / name, FUZZ / "corpus" / name
    if anew:
        shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True, exist_ok=True)
    return [found, seeds] if seeds.is_dir() else [found]


def fuzz(name: str, command: list[str | Path], options: Options) -> bool:
    """Run one target; tells whether nothing broke."""
    crashes = WORK / "crashes"
    crashes.mkdir(parents=True, exist_ok=True)
    arguments: list[str | Path] = [
        f"-max_total_time={options.seconds}",
        f"-seed={options.seed}",
        f"-timeout={INPUT_TIMEOUT}",
        f"-rss_limit_mb={MEMORY_LIMIT}",
        f"-artifact_prefix={crashes / name}-",
        "-print_final_stats=1",
    ]
    dictionary = FUZZ / "dict" / f"{name}.dict"
    if dictionary.is_file():
        arguments.append(f"-dict={dictionary}")
    if name in CHOICES:
        arguments += CHOICES_OPTIONS
    inputs = corpora(name, anew=options.seed != 0)
    return attempt(name, [*command, *arguments, *inputs], options)


def newest() -> int:
    """Say when anything that a target is made of was written last."""
    made = (ROOT / ".venv" / "lib").glob("python*/site-packages/handfast/*")
    files = [
        *made,
        *(p for it in ("src", "fuzz/py") for p in (ROOT / it).rglob("*.py")),
    ]
    return max(path.stat().st_mtime_ns for path in files)


def steady() -> list[str]:
    """How to start a target so that a seed leads to the same inputs again.

    Coverage of compares is kept by addresses, and Python's sets are in the order of
    their hashes. Where addresses cannot be kept still, runs are only alike.
    """
    still = ["setarch", "-R"]
    try:
        subprocess.run([*still, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        still = []
    return [*still, "env", "PYTHONHASHSEED=0"]


def attempt(name: str, command: list[str | Path], options: Options) -> bool:
    """Run a command to its end and report; tells whether nothing broke."""
    plain = ["nice", "-n", str(options.nice)] if options.nice else []
    plain += steady() if options.seed else []
    before = newest()
    done: Run = watch(
        name, [*plain, *map(str, command)], WORK / f"{name}.log", options.pause
    )
    print(f"fuzz: {done}", flush=True)
    if options.log is not None:
        done.append_to(options.log)
    # A run that executed nothing has shown nothing.
    if done.code != 0 or done.executions == 0:
        print(done.tail, file=sys.stderr)
        if newest() != before:
            # A native module that is written anew under a process kills it.
            changed = "the sources or what was built of them changed meanwhile"
            print(f"fuzz: {name}: {changed}: run it again", file=sys.stderr)
        return False
    return True


def merge(name: str, command: list[str | Path]) -> bool:
    """Replace the seeds of a target by a minimal set that covers the same."""
    seeds = FUZZ / "corpus" / name
    fresh = WORK / "merged" / name
    run("rm", "-rf", fresh)
    fresh.mkdir(parents=True)
    run(*command, "-merge=1", "-timeout=30", fresh, *corpora(name))
    # What has a name of its own is a regression, kept for its story.
    for path in seeds.glob("*"):
        if FOUND_NAME.fullmatch(path.name):
            path.unlink()
    seeds.mkdir(exist_ok=True)
    for path in fresh.iterdir():
        path.replace(seeds / path.name)
    print(f"fuzz: {name}: {len(list(seeds.iterdir()))} seeds")
    return True


def commands(wanted: set[str], *, plain: bool) -> dict[str, list[str | Path]]:
    """Build what is wanted; return how each target is started."""
    c_targets = [path.stem for path in sorted((FUZZ / "c").glob("*.c"))]
    py_targets = [path.stem for path in sorted((FUZZ / "py").glob("*.py"))]
    unknown = wanted - set(c_targets) - set(py_targets)
    if unknown or not c_targets + py_targets:
        names = ", ".join(sorted(unknown)) or "none at all"
        raise SystemExit(f"fuzz: no such target: {names}")
    c_targets = [name for name in c_targets if not wanted or name in wanted]
    py_targets = [name for name in py_targets if not wanted or name in wanted]
    found: dict[str, list[str | Path]] = {}
    if c_targets:
        folder = build_c(plain=plain)
        kind = "plain" if plain else "fuzz"
        found |= {name: [folder / f"{kind}_{name}"] for name in c_targets}
    if py_targets and not plain:
        python = prepare_python()
        found |= {n: [python, FUZZ / "py" / f"{n}.py"] for n in py_targets}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz every target for a while.")
    parser.add_argument("--time", type=int, default=60, help="seconds in all")
    parser.add_argument("--jobs", type=int, default=1, help="targets at once")
    parser.add_argument("--nice", type=int, default=0, help="how much to give way")
    parser.add_argument("--log", type=Path, help="add a line for each run")
    parser.add_argument("--pause", type=Path, help="stand still while this exists")
    parser.add_argument("--merge", action="store_true", help="minimise the seeds")
    parser.add_argument("--plain", action="store_true", help="count cases instead")
    parser.add_argument("--inputs", type=int, default=100_000, help="for --plain")
    parser.add_argument("--seed", type=int, default=0, help="0 for another each time")
    parser.add_argument("targets", nargs="*", help="names; all when none is given")
    given = parser.parse_args()
    wanted = commands(set(given.targets), plain=given.plain)
    seconds = max(1, given.time * given.jobs // len(wanted))
    options = Options(
        seconds, given.jobs, given.nice, given.seed, given.log, given.pause
    )

    def one(item: tuple[str, list[str | Path]]) -> bool:
        name, command = item
        if given.merge:
            return merge(name, command)
        if given.plain:
            numbers = [str(given.seed or 1), str(given.inputs)]
            return attempt(f"plain-{name}", [*command, *numbers], options)
        return fuzz(name, command, options)

    with ThreadPoolExecutor(given.jobs) as pool:
        good = list(pool.map(one, wanted.items()))
    broken = [name for name, ok in zip(wanted, good, strict=True) if not ok]
    if broken:
        # Said once more at the end, where a cut log still shows it.
        print(f"fuzz: broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
