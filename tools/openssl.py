#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Find or build the pinned static OpenSSL and print its prefix.

    python3 tools/openssl.py [--variant lto|pgo|stock]

The prefix is `<cache>/handfast/openssl/<version>-<key>`, where the key is a hash of
everything that goes into the build (the pin, the compiler, the machine, the training
run), so that a prefix which exists is right by its name alone. Progress goes to stderr.

lto    the pin's flags: what tests and development use (the default)
pgo    the same, and optimised by the profile of a training run: for wheels
stock  what upstream's release gives by itself: for comparisons alone

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
from dataclasses import dataclass
from pathlib import Path

import openssl_build
import openssl_changes
import openssl_source
from openssl_build import BuildError, Recipe, Training, say

PIN = Path(__file__).resolve().parent.parent / "csrc" / "openssl.pin"
TRAINING = PIN.parent / "training"

MACOS_FLOOR = "MACOSX_DEPLOYMENT_TARGET"

VARIANTS = ("lto", "pgo", "stock")
#: Keys of the pin that hold any number of words.
LISTS = (
    "configure configure.stock constant cflags cflags.gcc profile.counting "
    "profile.using profile.without"
).split()


@dataclass(frozen=True, slots=True)
class Pin:
    """What csrc/openssl.pin says."""

    version: str
    sha256: str
    source_date_epoch: str
    words: dict[str, tuple[str, ...]]

    @property
    def configure(self) -> tuple[str, ...]:
        """How OpenSSL is trimmed for us."""
        return self.words["configure"]

    @property
    def constants(self) -> tuple[openssl_changes.Constant, ...]:
        """What is changed in the sources; raises ValueError for half a change."""
        return openssl_changes.read_constants(self.words["constant"])

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
        words = {key: tuple(values.pop(key, ())) for key in LISTS}
        if values:
            raise ValueError(f"{path.name}: unknown keys: {', '.join(sorted(values))}")
        return cls(version, sha256, epoch, words)


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


def training_sources() -> dict[str, str]:
    """Return the digest of each file of the training run, by name."""
    files = sorted(TRAINING.glob("*.[ch]"))
    return {path.name: openssl_source.digest_of(path) for path in files}


def recipe_for(pin: Pin, compiler: Compiler, variant: str) -> Recipe:
    """Say how a variant is built by this compiler."""
    words = pin.words
    is_stock = variant == "stock"
    training = None
    if variant == "pgo":
        training = Training(
            tuple(sorted(TRAINING.glob("*.c"))),
            words["profile.counting"],
            words["profile.using"],
            words["profile.without"],
        )
    configure = words["configure.stock" if is_stock else "configure"]
    return Recipe(
        version=pin.version,
        compiler=compiler.command,
        source_date_epoch=pin.source_date_epoch,
        configure=(*macos_target(), *configure),
        constants=() if is_stock else pin.constants,
        cflags=() if is_stock else words["cflags"],
        lto=() if is_stock else words.get(f"cflags.{compiler.family}", ()),
        training=training,
    )


def inputs(pin: Pin, compiler: Compiler, variant: str = "lto") -> dict[str, object]:
    """Everything that decides the bytes of the build."""
    recipe = recipe_for(pin, compiler, variant)
    facts: dict[str, object] = {
        "layout": 3,
        "version": pin.version,
        "sha256": pin.sha256,
        "source_date_epoch": pin.source_date_epoch,
        "configure": pin.words[
            "configure.stock" if variant == "stock" else "configure"
        ],
        "constants": recipe.constants,
        "cflags": recipe.cflags + recipe.lto,
        "compiler": compiler.identity,
        "machine": [platform.system(), platform.machine()],
        "macos": " ".join([*macos_target(), os.environ.get(MACOS_FLOOR, "")]),
    }
    if variant != "lto":
        facts["variant"] = variant
    if recipe.training is not None:
        plan = recipe.training
        facts["profile"] = [plan.counting, plan.using, plan.unprofiled]
        facts["training"] = training_sources()
    return facts


def prefix_for(facts: dict[str, object]) -> Path:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return cache_root() / f"{facts['version']}-{digest[:16]}"


def obtain(pin: Pin, variant: str = "lto") -> Path:
    """Return the prefix of a finished build, making it when there is none.

    Raises:
        ValueError: a profile was asked of a compiler that we know none for.
    """
    compiler = Compiler.find()
    if variant == "pgo" and compiler.family != "gcc":
        raise ValueError(f"variant pgo is for gcc; the compiler is {compiler.identity}")
    facts = inputs(pin, compiler, variant)
    prefix = prefix_for(facts)
    if prefix.is_dir():
        return prefix
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with (prefix.parent / f".{prefix.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prefix.is_dir():
            minutes = "about four" if variant == "pgo" else "about two"
            say(f"building {pin.version} ({variant}) once, in {minutes} minutes")
            say(f"into {prefix}")
            tarball = openssl_source.obtain(pin.version, pin.sha256, prefix.parent, say)
            recipe = recipe_for(pin, compiler, variant)
            openssl_build.build(recipe, facts, tarball, prefix)
            say("done")
    return prefix


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Print the prefix of the pinned OpenSSL."
    )
    parser.add_argument("--pin", type=Path, default=PIN, help="another pin file")
    parser.add_argument("--variant", choices=VARIANTS, default="lto")
    arguments = parser.parse_args()
    choice = os.environ.get("HANDFAST_OPENSSL", "")
    if choice == "system":
        print("system")
        return 0
    if choice not in {"", "pinned"}:
        say(f"HANDFAST_OPENSSL is {choice!r}; expected 'pinned' or 'system'")
        return 2
    try:
        print(obtain(Pin.read(arguments.pin), arguments.variant))
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
