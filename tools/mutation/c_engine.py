# SPDX-License-Identifier: Apache-2.0
"""An engine that is quick to change: one file compiled, then tests linked and run.

Nothing is optimised and gold links (0.1 s with a static OpenSSL), the test that noticed
the last mutant of a file is asked first, and a mutant that is noticed costs no further
link. What survives is asked again under ASan and UBSan, which `make sanitize` runs with
the same tests. All of it works on a copy of csrc, so that edits meanwhile disturb
nothing.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# After CMake's own flags, so that these win.
QUICK = ("-O0", "-g0", "-w", "-fno-lto")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OPTIMISED = ("-O2", "-g0", "-w", "-fno-lto")

#: A test may take this many times as long as without a mutant, and two seconds.
PATIENCE = 4.0
LONGEST = 120.0
#: Bytes of memory: a loop that allocates must not take the machine with it.
MEMORY = 4 << 30
CPU_SECONDS = 120


class BuildError(Exception):
    """The unchanged engine does not build, or its own tests do not pass."""


def _limit_time() -> None:
    # Also for children of a test, and when nobody is left to watch it.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def _limit() -> None:
    _limit_time()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command: Sequence[str], cwd: Path) -> None:
    """Run a step that has to work."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant: killed (by whom), survived, same code, or no C."""

    verdict: str
    by: str = ""


class Engine:
    """The unchanged engine and its tests, ready to be tried with other objects."""

    def __init__(self, work: Path, jobs: int, *, sanitize: bool = False) -> None:
        self.work = work
        self.jobs = jobs
        self.extra = SANITIZE if sanitize else ()
        self.source = work / "csrc"
        self.objects = work / "objects"
        self.commands: dict[str, list[str]] = {}
        self.libraries: list[str] = []
        self.durations: dict[str, float] = {}

    def build(self) -> None:
        """Copy, configure, compile and link what has changed since the last time."""
        self._copy()
        self._configure()
        files = sorted(self.commands)
        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(self._compile_original, files))

    def _copy(self) -> None:
        """Bring the copy up to date; times are kept, so what is unchanged is known."""
        old = self.source
        new = self.work / "csrc.new"
        self.work.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(ROOT / "csrc", new)
        shutil.rmtree(old, ignore_errors=True)
        new.rename(old)

    def _configure(self) -> None:
        tool = [sys.executable, str(ROOT / "tools" / "openssl.py")]
        found = subprocess.run(tool, check=True, stdout=subprocess.PIPE, text=True)
        prefix = found.stdout.strip()
        options = ["-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DHANDFAST_MB=OFF"]
        options += ["-DHANDFAST_TESTS=ON", f"-DHANDFAST_OPENSSL_PREFIX={prefix}"]
        build = self.work / "cmake"
        run(["cmake", "-S", str(self.source), "-B", str(build), *options], self.work)
        self.libraries = [f"{prefix}/lib/libssl.a", f"{prefix}/lib/libcrypto.a"]
        self.commands = {}
        entries = json.loads((build / "compile_commands.json").read_text("utf-8"))
        for entry in entries:
            file = Path(entry["file"]).relative_to(self.source).as_posix()
            words = shlex.split(entry["command"])
            at = words.index("-o")
            # Everything but the input, the output and -c, which each use gives anew.
            self.commands[file] = [w for w in words[:at] if w != "-c"]

    def tests(self) -> list[str]:
        """Name the test programs."""
        paths = (Path(file) for file in self.commands)
        return sorted(p.stem for p in paths if p.stem.startswith("test_"))

    def object_of(self, file: str) -> Path:
        """Return the place of the unchanged object."""
        return self.objects / (file.replace("/", "_") + ".o")

    def _dependencies_changed(self, target: Path) -> bool:
        listing = target.with_suffix(".d")
        if not target.is_file() or not listing.is_file():
            return True
        made = target.stat().st_mtime
        words = listing.read_text("utf-8").replace("\\\n", " ").split()[1:]
        paths = [Path(word) for word in words]
        return any(not p.exists() or p.stat().st_mtime > made for p in paths)

    def _compile_original(self, file: str) -> None:
        target = self.object_of(file)
        if not self._dependencies_changed(target):
            return
        self.objects.mkdir(parents=True, exist_ok=True)
        depend = ["-MMD", "-MF", str(target.with_suffix(".d"))]
        flags = [*QUICK, *self.extra, *depend]
        command = [*self.commands[file], *flags, "-o", str(target)]
        run([*command, "-c", str(self.source / file)], self.work)

    def compile(
        self, file: str, source: Path, target: Path, flags: Sequence[str]
    ) -> bool:
        """Compile a changed file in the place of `file`; tells whether it is C."""
        command = [*self.commands[file], *flags, f"-fmacro-prefix-map={source}=src.c"]
        command += ["-o", str(target), "-c", str(source)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def passes(self, test: str, folder: Path, changed: dict[str, Path]) -> bool:
        """Link a test, with some objects replaced, and run it."""
        program = folder / test
        objects = [
            str(changed.get(file, self.object_of(file)))
            for file in sorted(self.commands)
            if not Path(file).stem.startswith("test_") or Path(file).stem == test
        ]
        flags = ["-fuse-ld=gold", "-fno-lto", *self.extra]
        command = ["cc", *flags, *objects, *self.libraries]
        run([*command, "-lpthread", "-ldl", "-lm", "-o", str(program)], self.work)
        known = self.durations.get(test)
        try:
            done = subprocess.run(
                [str(program)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=LONGEST if known is None else 2.0 + PATIENCE * known,
                check=False,
                env={**os.environ, "ASAN_OPTIONS": "hard_rss_limit_mb=4096"},
                # ASan's shadow is larger than any limit; it has one of its own.
                preexec_fn=_limit_time if self.extra else _limit,
            )
        except subprocess.TimeoutExpired:
            return False
        finally:
            program.unlink()
        return done.returncode == 0

    def time_tests(self, tests: Sequence[str]) -> None:
        """Run the tests without a mutant: they must pass, and it says how long."""
        for test in tests:
            if test in self.durations:
                continue
            begun = time.monotonic()
            if not self.passes(test, self.work, {}):
                raise BuildError(f"{test} does not pass without any mutant")
            self.durations[test] = time.monotonic() - begun


class Worker:
    """One mutant at a time, in a folder of its own."""

    def __init__(self, engine: Engine, careful: Engine, number: int) -> None:
        self.engine = engine
        self.careful = careful
        self.folder = engine.work / f"worker{number}"
        self.folder.mkdir(exist_ok=True)
        self.killers: dict[str, list[str]] = {}

    def try_mutant(
        self, file: str, text: str, tests: Sequence[str], careful: Sequence[str]
    ) -> Outcome:
        """Say what becomes of a changed file."""
        source = self.folder / "mutant.c"
        source.write_text(text, "utf-8")
        target = self.folder / "mutant.o"
        if not self.engine.compile(file, source, target, QUICK):
            return Outcome("invalid")
        # Who killed the last one goes first; then the quick ones.
        order = sorted(tests, key=lambda test: self.engine.durations[test])
        for test in self.killers.get(file, []):
            order.remove(test)
            order.insert(0, test)
        for test in order:
            if not self.engine.passes(test, self.folder, {file: target}):
                self.killers[file] = [test]
                return Outcome("killed", test)
        if self._is_same(file, source):
            return Outcome("same code")
        self.careful.compile(file, source, target, [*QUICK, *SANITIZE])
        for test in order:
            if test not in careful:
                continue
            if not self.careful.passes(test, self.folder, {file: target}):
                return Outcome("killed", f"{test} with sanitizers")
        return Outcome("survived")

    def _is_same(self, file: str, source: Path) -> bool:
        """Tell whether an optimising compiler makes the very same code of it."""
        changed, same = self.folder / "changed.o", self.folder / "same.o"
        self.engine.compile(file, source, changed, OPTIMISED)
        mutant = source.read_text("utf-8")
        # Under the same name, which is in the object.
        source.write_text((self.engine.source / file).read_text("utf-8"), "utf-8")
        self.engine.compile(file, source, same, OPTIMISED)
        source.write_text(mutant, "utf-8")
        return changed.read_bytes() == same.read_bytes()
