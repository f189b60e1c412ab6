# SPDX-License-Identifier: Apache-2.0
"""An engine that is quick to change: one file compiled, one program linked.

Nothing is optimised, headers are compiled once for a file, all that is not mutated is
linked once, and nearly all tests are in one program that is told which to run: those
that change the process before main() have one of their own. It sets its own limits, so
that starting it is cheap.
All of it works on a copy of csrc, so that edits meanwhile disturb nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation.group import run_whole

ROOT = Path(__file__).resolve().parent.parent.parent

# After CMake's own flags, so that these win.
QUICK = ("-O0", "-g0", "-w", "-fno-lto")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OPTIMISED = ("-O2", "-g0", "-w", "-fno-lto")

#: Seconds of processor time: as often what a test takes without a mutant, and two more.
#: By the clock it may take three times that: others may be busy on this machine.
PATIENCE = 4.0
SPARE = 2.0
#: Bytes of memory: a loop that allocates must not take the machine with it.
MEMORY = 4 << 30
#: What sanitizers map is larger than any limit; ASan has one of its own.
ASAN_OPTIONS = f"hard_rss_limit_mb={MEMORY >> 20}"

#: What makes a test a program of its own.
_ALONE = ("__attribute__((constructor))", '#include "ossl_memory.h"')

_DRIVER = """\
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
%(declared)s
static const struct { const char *name; int (*run)(void); } tests[] = {%(listed)s};
static void limit(int what, const char *to)
{
    struct rlimit limits = {(rlim_t)atoll(to), (rlim_t)atoll(to)};
    if (setrlimit(what, &limits) != 0) {
        abort();
    }
}
int main(int argc, char **argv)
{
    limit(RLIMIT_CORE, "0");
    limit(RLIMIT_CPU, argv[2]);
    if (argc == 4) {
        limit(RLIMIT_DATA, argv[3]);
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (strcmp(tests[i].name, argv[1]) == 0) {
            return tests[i].run();
        }
    }
    return 2;
}
"""


class BuildError(Exception):
    """The unchanged engine does not build, or its own tests do not pass."""


def run(command: Sequence[str], cwd: Path) -> None:
    """Run a step that has to work."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        told = (done.stdout + done.stderr)[:2000]
        raise BuildError(f"{shlex.join(command)[:200]}...\n{told}")


def lanes_library() -> list[str]:
    """Return the library of the signature lanes, if this Python's environment has it.

    Without it, and on a processor that cannot run it, mutants of what only lanes are
    asked survive: the tests take either for a machine without lanes.
    """
    tool = [sys.executable, str(ROOT / "tools" / "crypto_mb.py")]
    found = subprocess.run(tool, check=False, capture_output=True, text=True)
    return found.stdout.splitlines()[:1] if found.returncode == 0 else []


def _is_test(file: str) -> bool:
    return Path(file).stem.startswith("test_")


class Engine:
    """The unchanged engine and its tests, ready to be tried with other objects."""

    def __init__(
        self, work: Path, jobs: int, tests: Iterable[str], *, sanitize: bool = False
    ) -> None:
        self.work = work
        self.jobs = jobs
        self.tests = sorted(tests)
        self.extra = SANITIZE if sanitize else ()
        self.source = work / "csrc"
        self.objects = work / "objects"
        self.made = work / "made"
        self.programs: dict[str, str] = {}
        self.commands: dict[str, list[str]] = {}
        self.libraries: list[str] = []
        self.durations: dict[str, float] = {}
        self.digests: dict[str, str] = {}
        self.known_kits: dict[str, frozenset[str]] = {}
        self.making = threading.Lock()

    def build(self) -> None:
        """Copy, configure, and compile what has changed since the last time."""
        self._copy()
        self._configure()
        shutil.rmtree(self.made, ignore_errors=True)
        self.made.mkdir()
        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(self._compile_original, sorted(self.commands)))
        for test in self.tests:
            text = (self.source / "tests" / f"{test}.c").read_text("utf-8")
            alone = any(mark in text for mark in _ALONE)
            self.programs[test] = test if alone else "most"
        for program in set(self.programs.values()):
            self._make_driver(program)
        for file in self.commands:
            self.digests[file] = digest(self.object_of(file))

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
        options = ["-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DHANDFAST_TESTS=ON"]
        options += [f"-DHANDFAST_OPENSSL_PREFIX={prefix}"]
        lanes = lanes_library()
        options.append(f"-DHANDFAST_MB={'ON' if lanes else 'OFF'}")
        options += [f"-DHANDFAST_MB_PREFIX={Path(x).parent.parent}" for x in lanes]
        build = self.work / "cmake"
        run(["cmake", "-S", str(self.source), "-B", str(build), *options], self.work)
        crypto = f"{prefix}/lib/libcrypto.a"
        self.libraries = [*lanes, f"{prefix}/lib/libssl.a", crypto]
        self.commands = {}
        entries = json.loads((build / "compile_commands.json").read_text("utf-8"))
        for entry in entries:
            file = Path(entry["file"]).relative_to(self.source).as_posix()
            if _is_test(file) and Path(file).stem not in self.tests:
                continue
            if file.startswith("tests/") and file.count("/") > 1:
                continue  # of programs of their own
            words = shlex.split(entry["command"])
            at = words.index("-o")
            # Everything but the input, the output and -c, which each use gives anew.
            self.commands[file] = [w for w in words[:at] if w != "-c"]
            if _is_test(file):
                self.commands[file].append(f"-Dmain={Path(file).stem}")

    def _make_driver(self, program: str) -> None:
        """Make the one main() of a program's tests."""
        mine = [test for test in self.tests if self.programs[test] == program]
        declared = "\n".join(f"int {test}(void);" for test in mine)
        listed = ", ".join(f'{{"{test}", {test}}}' for test in mine)
        source = self.work / f"driver_{program}.c"
        source.write_text(_DRIVER % {"declared": declared, "listed": listed}, "utf-8")
        run(
            ["cc", *QUICK, "-c", str(source), "-o", str(source.with_suffix(".o"))], ROOT
        )

    def object_of(self, file: str) -> Path:
        """Return the place of the unchanged object."""
        return self.objects / (file.replace("/", "_") + ".o")

    def _dependencies_changed(self, target: Path, command: str) -> bool:
        listing, how = target.with_suffix(".d"), target.with_suffix(".how")
        if not all(path.is_file() for path in (target, listing, how)):
            return True
        if how.read_text("utf-8") != command:
            return True
        made = target.stat().st_mtime
        paths = self._dependencies(target)
        return any(not p.exists() or p.stat().st_mtime > made for p in paths)

    @staticmethod
    def _dependencies(target: Path) -> list[Path]:
        """Return the sources of an object, as the compiler listed them."""
        listing = target.with_suffix(".d").read_text("utf-8")
        return [Path(word) for word in listing.replace("\\\n", " ").split()[1:]]

    def _compile_original(self, file: str) -> None:
        target = self.object_of(file)
        depend = ["-MMD", "-MF", str(target.with_suffix(".d"))]
        flags = [*QUICK, *self.extra, *depend]
        command = [*self.commands[file], *flags, "-o", str(target)]
        if self._dependencies_changed(target, shlex.join(command)):
            self.objects.mkdir(parents=True, exist_ok=True)
            run([*command, "-c", str(self.source / file)], self.work)
            target.with_suffix(".how").write_text(shlex.join(command), "utf-8")

    def compile(
        self, file: str, source: Path, target: Path, flags: Sequence[str]
    ) -> bool:
        """Compile a changed file in the place of `file`; tells whether it is C."""
        headers = self._headers(file, flags)
        command = [*self.commands[file], *flags, "-include", str(headers)]
        command += [f"-fmacro-prefix-map={source}=src.c", "-o", str(target)]
        command += ["-c", str(source)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _headers(self, file: str, flags: Sequence[str]) -> Path:
        """Compile what a file includes; no mutant changes that."""
        name = digest_of(file, *flags)[:16]
        header = self.made / f"{name}.h"
        with self.making:
            if not header.is_file():
                text = (self.source / file).read_text("utf-8")
                lines = [x for x in text.splitlines() if x.startswith("#include ")]
                header.write_text("\n".join([*lines, ""]), "utf-8")
                command = [*self.commands[file], *flags, "-x", "c-header"]
                run([*command, str(header), "-o", f"{header}.gch"], self.work)
        return header

    def link(self, folder: Path, test: str, instead: str, changed: Path) -> Path:
        """Link the program that a test is in, with another object in place of one."""
        rest = self._rest(self.programs[test], instead)
        program = folder / self.programs[test]
        flags = ["-fuse-ld=gold", "-fno-lto", "-no-pie", "-Wl,-s", *self.extra]
        command = ["cc", *flags, str(rest), str(changed), "-lpthread", "-ldl", "-lm"]
        run([*command, "-o", str(program)], self.work)
        return program

    def _rest(self, name: str, without: str) -> Path:
        """Link all of a program but one file, OpenSSL too, into a single object."""
        target = self.made / f"{name}-{without.replace('/', '_')}.o"
        with self.making:
            if not target.is_file():
                objects = [
                    str(self.object_of(file))
                    for file in sorted(self.commands)
                    if file != without
                    and (not _is_test(file) or self.programs[Path(file).stem] == name)
                ]
                objects.append(str(self.work / f"driver_{name}.o"))
                command = ["cc", "-r", "-nostdlib", "-fuse-ld=bfd", "-fno-lto"]
                command += [*objects, *self.libraries, "-o", str(target)]
                run(command, self.work)
                run(["strip", "--strip-debug", "-R", ".gnu.lto*", str(target)], ROOT)
        return target

    def passes(self, program: Path, test: str) -> bool:
        """Run one test of a program that was linked."""
        limit = SPARE + PATIENCE * self.durations.get(test, 30.0)
        memory = [] if self.extra else [str(MEMORY)]
        code = run_whole(
            [str(program), test, str(round(limit)), *memory],
            cwd=program.parent,
            env={**os.environ, "ASAN_OPTIONS": ASAN_OPTIONS},
            timeout=3 * limit,
        )
        return code == 0

    def time_tests(self) -> None:
        """Run the tests without a mutant: they must pass, and it says how long."""
        folder = self.made / "unchanged"
        folder.mkdir(exist_ok=True)
        programs: dict[str, Path] = {}
        one = next(file for file in self.commands if not _is_test(file))
        for test in self.tests:
            name = self.programs[test]
            if name not in programs:
                programs[name] = self.link(folder, test, one, self.object_of(one))
            program = programs[name]
            begun = time.monotonic()
            if not self.passes(program, test):
                raise BuildError(f"{test} does not pass without any mutant")
            self.durations[test] = time.monotonic() - begun

    def stamp(self, tests: Iterable[str], instead: str, changed: Path) -> str:
        """Name what a run of these tests rests on, by what it is.

        That is: the changed object, the others of its folder, the tests and their kits.
        """
        folder = Path(instead).parent.as_posix() + "/"
        mine = {file for file in self.commands if file.startswith(folder)} - {instead}
        for test in tests:
            mine |= self.kits(f"tests/{test}.c")
        parts = [f"{file} {self.digests[file]}" for file in sorted(mine)]
        return digest_of(digest(changed), *parts)

    def kits(self, file: str) -> frozenset[str]:
        """Return a test and the support code that it is made with."""
        if file not in self.known_kits:
            found, ahead = {file}, [file]
            while ahead:
                for path in self._dependencies(self.object_of(ahead.pop())):
                    kit = f"tests/{path.stem}.c"
                    if kit in self.commands and kit not in found:
                        found.add(kit)
                        ahead.append(kit)
            self.known_kits[file] = frozenset(found)
        return self.known_kits[file]


def digest_of(*parts: str) -> str:
    """Return the SHA-256 of some lines."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
