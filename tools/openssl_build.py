# SPDX-License-Identifier: Apache-2.0
"""Turns OpenSSL's tarball into two static libraries, with a profile or without one.

With one, everything is compiled twice in the same folder: first so that it counts what
it does, then, after a training run (csrc/training), by what was counted. The counts lie
beside the objects, which is where gcc looks for them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import openssl_changes

# Installed under a neutral prefix and moved afterwards: the library keeps this name
# in its strings, and a wheel must not carry the path of whoever built it.
NEUTRAL_PREFIX = "/usr/lib/handfast-openssl"

# Variables that change what Configure or make do behind the cache key's back.
FOREIGN_VARIABLES = (
    "AR ARFLAGS AS ASFLAGS CFLAGS CPPFLAGS CXXFLAGS LDFLAGS LDLIBS RANLIB RC "
    "CROSS_COMPILE MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS DESTDIR V VERBOSE "
    "OPENSSL_LOCAL_CONFIG_DIR GCOV_PREFIX GCOV_PREFIX_STRIP"
).split()


class BuildError(Exception):
    """The pinned sources are there but did not become a library."""


@dataclass(frozen=True, slots=True)
class Training:
    """How a profile is made: the program, and what both compilations add."""

    sources: tuple[Path, ...]
    counting: tuple[str, ...]
    using: tuple[str, ...]
    unprofiled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to do with a tarball."""

    version: str
    compiler: str
    source_date_epoch: str
    configure: tuple[str, ...]
    constants: tuple[openssl_changes.Constant, ...]
    cflags: tuple[str, ...]
    lto: tuple[str, ...]
    training: Training | None


def say(message: str) -> None:
    """Tell progress, away from stdout."""
    print(f"openssl: {message}", file=sys.stderr, flush=True)


def step(name: str, command: list[str], cwd: Path, env: dict[str, str]) -> None:
    """Run one build step, its output into a file, shown only when it fails."""
    say(f"{name} ...")
    log = cwd / f"handfast-{name.replace(' ', '-')}.log"
    began = time.monotonic()
    with log.open("wb") as out:
        code = subprocess.call(
            command, cwd=cwd, env=env, stdout=out, stderr=subprocess.STDOUT
        )
    if code != 0:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-40:])
        raise BuildError(f"{name} failed with exit code {code}; it ended with:\n{tail}")
    say(f"{name}: {time.monotonic() - began:.0f} s")


def unpack(tarball: Path, scratch: Path, version: str) -> Path:
    """Return the folder of the sources."""
    say(f"unpacking {tarball.name}")
    with tarfile.open(tarball) as archive:
        # Python before 3.11.4 has no filters; the digest vouches for the content.
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(scratch)  # noqa: S202 - see above
    return scratch / f"openssl-{version}"


def make(
    name: str, source: Path, env: dict[str, str], cflags: tuple[str, ...] = ()
) -> None:
    """Compile the libraries; other flags than Configure's are make's to be told."""
    jobs = os.environ.get("HANDFAST_JOBS") or str(os.cpu_count() or 1)
    flags = [f"CFLAGS={' '.join(cflags)}"] if cflags else []
    step(name, ["make", f"-j{jobs}", *flags, "build_libs"], source, env)


def train(recipe: Recipe, plan: Training, source: Path, env: dict[str, str]) -> None:
    """Compile to count, run the training, and leave nothing but what was counted."""
    make("compile to count", source, env, recipe.cflags + plan.counting)
    program = source / "handfast-train"
    command = [*recipe.compiler.split(), "-std=c11", "-D_DEFAULT_SOURCE", "-O2"]
    command += [*plan.counting, f"-I{source / 'include'}", "-o", str(program)]
    command += map(str, plan.sources)
    command += [str(source / name) for name in ("libssl.a", "libcrypto.a")]
    step("compile the training", [*command, "-lpthread", "-ldl"], source, env)
    step("train", [str(program)], source, env)
    forget(source, plan.unprofiled)


def forget(source: Path, unprofiled: tuple[str, ...]) -> None:
    """Remove what was built to count, and the counts that must not be used."""
    counts = set(source.rglob("*.gcda"))
    if not counts:
        raise BuildError("the training run counted nothing: no .gcda file was written")
    dropped = {
        path
        for path in counts
        if path.relative_to(source).as_posix().startswith(unprofiled)
    }
    if unprofiled and not dropped:
        message = f"the training run never came to {' '.join(unprofiled)}"
        raise BuildError(message)
    built = [*source.rglob("*.o"), *source.rglob("*.a")]
    # The compiler's flags are in it.
    for path in (*dropped, *built, source / "crypto" / "buildinf.h"):
        path.unlink(missing_ok=True)
    say(f"profile of {len(counts) - len(dropped)} files, {len(dropped)} left out")


def build(recipe: Recipe, record: object, tarball: Path, prefix: Path) -> None:
    """Unpack, configure, compile and move into place; atomic as seen by others."""
    for tool in ("perl", "make"):
        if shutil.which(tool) is None:
            raise BuildError(f"OpenSSL's build needs {tool}, which is not on the PATH")
    env = {k: v for k, v in os.environ.items() if k not in FOREIGN_VARIABLES}
    env |= {
        "CC": recipe.compiler,
        "SOURCE_DATE_EPOCH": recipe.source_date_epoch,
        "LC_ALL": "C",
    }
    with tempfile.TemporaryDirectory(prefix="build-", dir=prefix.parent) as scratch:
        source = unpack(tarball, Path(scratch), recipe.version)
        for constant in recipe.constants:
            openssl_changes.set_constant(source, constant)
        cflags = recipe.cflags + recipe.lto
        configure = ["perl", "Configure", *recipe.configure, *cflags]
        configure += [
            f"--prefix={NEUTRAL_PREFIX}",
            "--libdir=lib",
            "--openssldir=/etc/ssl",
        ]
        step("configure", configure, source, env)
        if recipe.training is None:
            make("compile", source, env)
            flags = []
        else:
            train(recipe, recipe.training, source, env)
            cflags += recipe.training.using
            make("compile", source, env, cflags)
            flags = [f"CFLAGS={' '.join(cflags)}"]
        stage = Path(scratch) / "stage"
        # With the flags it was built with: others would have it built again.
        install = ["make", *flags, "install_dev", f"DESTDIR={stage}"]
        step("install", install, source, env)
        staged = stage / NEUTRAL_PREFIX.lstrip("/")
        for name in ("lib/libssl.a", "lib/libcrypto.a", "include/openssl/ssl.h"):
            if not (staged / name).is_file():
                raise BuildError(f"the build ended without an error but made no {name}")
        openssl_changes.keep_internal_headers(source, staged)
        # pkg-config would send users of these files to the neutral prefix.
        shutil.rmtree(staged / "lib" / "pkgconfig", ignore_errors=True)
        shutil.copy2(source / "LICENSE.txt", staged / "LICENSE.txt")
        text = json.dumps(record, indent=2) + "\n"
        (staged / "handfast-build.json").write_text(text, "utf-8")
        staged.rename(prefix)
