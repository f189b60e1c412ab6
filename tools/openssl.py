#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Find or build the pinned static OpenSSL and print its prefix.

The prefix is `<cache>/handfast/openssl/<version>-<key>`, where the key is a hash of
everything that goes into the build (the pin, the compiler, the machine), so that a
prefix which exists is right by its name alone. Progress goes to stderr.

HANDFAST_OPENSSL=system prints the word `system` instead. HANDFAST_OPENSSL=pinned is the
default said aloud: then a caller must not fall back to the system's.

Exit codes: 0 done, 1 failed, 2 bad pin or usage, 3 no source to be had: fall back.
Standard library only: it runs inside isolated wheel builds.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import openssl_source

PIN = Path(__file__).resolve().parent.parent / "csrc" / "openssl.pin"

# Installed under a neutral prefix and moved afterwards: the library keeps this name
# in its strings, and a wheel must not carry the path of whoever built it.
NEUTRAL_PREFIX = "/usr/lib/handfast-openssl"

MACOS_FLOOR = "MACOSX_DEPLOYMENT_TARGET"

# Variables that change what Configure or make do behind the cache key's back.
FOREIGN_VARIABLES = (
    "AR ARFLAGS AS ASFLAGS CFLAGS CPPFLAGS CXXFLAGS LDFLAGS LDLIBS RANLIB RC "
    "CROSS_COMPILE MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS DESTDIR V VERBOSE "
    "OPENSSL_LOCAL_CONFIG_DIR"
).split()


class BuildError(Exception):
    """The pinned sources are there but did not become a library."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What csrc/openssl.pin says."""

    version: str
    sha256: str
    source_date_epoch: str
    configure: tuple[str, ...]
    cflags: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: Path = PIN) -> Pin:
        """Parse the pin; raises ValueError with the offending line."""
        values: dict[str, list[str]] = {}
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            key, equals, value = text.partition("=")
            if not equals or not value.strip():
                raise ValueError(
                    f"{path.name}:{number}: expected `key = value`: {line}"
                )
            values.setdefault(key.strip(), []).extend(value.split())
        try:
            (version,), (sha256,) = values.pop("version"), values.pop("sha256")
            (epoch,) = values.pop("source_date_epoch")
        except (KeyError, ValueError) as error:
            message = "needs one version, one sha256 and one source_date_epoch"
            raise ValueError(f"{path.name}: {message}") from error
        configure = tuple(values.pop("configure", ()))
        cflags = {
            family: tuple(values.pop(key, ()))
            for family, key in (("", "cflags"), ("gcc", "cflags.gcc"))
        }
        if values:
            raise ValueError(f"{path.name}: unknown keys: {', '.join(sorted(values))}")
        return cls(version, sha256, epoch, configure, cflags)


@dataclass(frozen=True, slots=True)
class Compiler:
    """The C compiler, told apart well enough to share a cache between containers."""

    command: str
    family: str
    identity: str

    @classmethod
    def find(cls) -> Compiler:
        """Take CC, or the first of cc, gcc, clang."""
        for command in filter(None, (os.environ.get("CC"), "cc", "gcc", "clang")):
            words = command.split()
            if shutil.which(words[0]) is None:
                continue
            version = run_text([*words, "--version"]).partition("\n")[0]
            family = "clang" if "clang" in version else "gcc"
            # cc, gcc and Python's "gcc -pthread" are one compiler under three names,
            # and gcc's version begins with the name it was called by.
            version = version.removeprefix(Path(words[0]).name).strip()
            flags = [word for word in words[1:] if word != "-pthread"]
            machine = run_text([*words, "-dumpmachine"])
            return cls(command, family, " ".join([family, version, machine, *flags]))
        raise BuildError("no C compiler: expected $CC, cc, gcc or clang on the PATH")


def say(message: str) -> None:
    """Tell progress, away from stdout."""
    print(f"openssl: {message}", file=sys.stderr, flush=True)


def run_text(command: list[str]) -> str:
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def cache_root() -> Path:
    """Return the cache directory, shared by all checkouts of one user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "handfast" / "openssl"


def macos_target() -> list[str]:
    """Name the target on macOS, where wheels are built for both architectures."""
    if platform.system() != "Darwin":
        return []
    found = re.findall(r"-arch\s+(\S+)", os.environ.get("ARCHFLAGS", ""))
    return [f"darwin64-{found[0] if found else platform.machine()}-cc"]


def inputs(pin: Pin, compiler: Compiler) -> dict[str, object]:
    """Everything that decides the bytes of the build."""
    return {
        "layout": 2,
        "version": pin.version,
        "sha256": pin.sha256,
        "source_date_epoch": pin.source_date_epoch,
        "configure": pin.configure,
        "cflags": pin.cflags[""] + pin.cflags.get(compiler.family, ()),
        "compiler": compiler.identity,
        "machine": [platform.system(), platform.machine()],
        "macos": " ".join([*macos_target(), os.environ.get(MACOS_FLOOR, "")]),
    }


def prefix_for(facts: dict[str, object]) -> Path:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return cache_root() / f"{facts['version']}-{digest[:16]}"


def step(name: str, command: list[str], cwd: Path, env: dict[str, str]) -> None:
    """Run one build step, its output into a file, shown only when it fails."""
    say(f"{name} ...")
    log = cwd / f"handfast-{name}.log"
    with log.open("wb") as out:
        code = subprocess.call(
            command, cwd=cwd, env=env, stdout=out, stderr=subprocess.STDOUT
        )
    if code != 0:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-40:])
        raise BuildError(f"{name} failed with exit code {code}; it ended with:\n{tail}")


def build(
    pin: Pin, compiler: Compiler, facts: dict[str, object], tarball: Path, prefix: Path
) -> None:
    """Unpack, configure, compile and move into place; atomic as seen by others."""
    for tool in ("perl", "make"):
        if shutil.which(tool) is None:
            raise BuildError(f"OpenSSL's build needs {tool}, which is not on the PATH")
    env = {k: v for k, v in os.environ.items() if k not in FOREIGN_VARIABLES}
    env |= {
        "CC": compiler.command,
        "SOURCE_DATE_EPOCH": pin.source_date_epoch,
        "LC_ALL": "C",
    }
    jobs = os.environ.get("HANDFAST_JOBS") or str(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="build-", dir=prefix.parent) as scratch:
        say(f"unpacking {tarball.name}")
        with tarfile.open(tarball) as archive:
            # Python before 3.11.4 has no filters; the digest vouches for the content.
            if hasattr(tarfile, "data_filter"):
                archive.extraction_filter = tarfile.data_filter
            archive.extractall(scratch)  # noqa: S202 - see above
        source = Path(scratch) / f"openssl-{pin.version}"
        cflags = pin.cflags[""] + pin.cflags.get(compiler.family, ())
        configure = ["perl", "Configure", *macos_target(), *pin.configure, *cflags]
        configure += [
            f"--prefix={NEUTRAL_PREFIX}",
            "--libdir=lib",
            "--openssldir=/etc/ssl",
        ]
        step("configure", configure, source, env)
        step("compile", ["make", f"-j{jobs}", "build_libs"], source, env)
        stage = Path(scratch) / "stage"
        step("install", ["make", "install_dev", f"DESTDIR={stage}"], source, env)
        staged = stage / NEUTRAL_PREFIX.lstrip("/")
        for name in ("lib/libssl.a", "lib/libcrypto.a", "include/openssl/ssl.h"):
            if not (staged / name).is_file():
                raise BuildError(f"the build ended without an error but made no {name}")
        # pkg-config would send users of these files to the neutral prefix.
        shutil.rmtree(staged / "lib" / "pkgconfig", ignore_errors=True)
        shutil.copy2(source / "LICENSE.txt", staged / "LICENSE.txt")
        record = json.dumps(facts, indent=2) + "\n"
        (staged / "handfast-build.json").write_text(record, "utf-8")
        staged.rename(prefix)


def obtain(pin: Pin) -> Path:
    """Return the prefix of a finished build, making it when there is none."""
    compiler = Compiler.find()
    facts = inputs(pin, compiler)
    prefix = prefix_for(facts)
    if prefix.is_dir():
        return prefix
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with (prefix.parent / f".{prefix.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prefix.is_dir():
            say(f"building {pin.version} once into {prefix} (about two minutes)")
            tarball = openssl_source.obtain(pin.version, pin.sha256, prefix.parent, say)
            build(pin, compiler, facts, tarball, prefix)
            say("done")
    return prefix


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Print the prefix of the pinned OpenSSL."
    )
    parser.add_argument("--pin", type=Path, default=PIN, help="another pin file")
    arguments = parser.parse_args()
    choice = os.environ.get("HANDFAST_OPENSSL", "")
    if choice == "system":
        print("system")
        return 0
    if choice not in {"", "pinned"}:
        say(f"HANDFAST_OPENSSL is {choice!r}; expected 'pinned' or 'system'")
        return 2
    try:
        print(obtain(Pin.read(arguments.pin)))
    except ValueError as error:
        say(str(error))
        return 2
    except openssl_source.NoSourceError as error:
        say(str(error))
        return 1 if choice == "pinned" else 3
    except (BuildError, OSError, subprocess.CalledProcessError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
