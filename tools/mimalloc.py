#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Find or fetch the pinned mimalloc and print the folder of its sources.

    python3 tools/mimalloc.py             the folder, then the pin's settings
    python3 tools/mimalloc.py --digest D  what csrc/mimalloc.pin would say of folder D

Whatever the source, the files that are compiled must have the pinned SHA-256, and that
alone is relied on. Tried in order: HANDFAST_MIMALLOC_SOURCE (a folder or an archive),
the cache, the upstream release, and a crate that carries the same files, which cargo
gets from wherever this machine is told to.

Exit codes: 0 done, 2 bad pin or usage, 3 no source to be had: do without.
Standard library only: it runs inside isolated wheel builds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from openssl_source import UPSTREAM_TIMEOUT_S, NoSourceError, NotHereError, digest_of

PIN = Path(__file__).resolve().parent.parent / "csrc" / "mimalloc.pin"
UPSTREAM = "https://github.com/microsoft/mimalloc/archive/refs/tags/v{0}.tar.gz"
PARTS = ("LICENSE", "include", "src")


@dataclass(frozen=True, slots=True)
class Pin:
    """What csrc/mimalloc.pin says."""

    version: str
    sha256: str
    crate: tuple[str, str, str]
    secure: int

    @classmethod
    def read(cls, path: Path = PIN) -> Pin:
        """Parse the pin; raises ValueError with what is wrong."""
        values: dict[str, str] = {}
        for line in path.read_text("utf-8").splitlines():
            text = line.partition("#")[0].strip()
            key, equals, value = text.partition("=")
            if text and (not equals or key.strip() in values):
                raise ValueError(f"{path.name}: expected `key = value` once: {line}")
            if text:
                values[key.strip()] = value.strip()
        expected = {"version", "sha256", "crate", "secure"}
        if set(values) != expected:
            odd = ", ".join(sorted(expected ^ set(values)))
            raise ValueError(f"{path.name}: missing or unknown: {odd}")
        name, version, folder = values["crate"].split()
        crate = (name, version, folder)
        return cls(values["version"], values["sha256"], crate, int(values["secure"]))


def say(message: str) -> None:
    """Tell progress, away from stdout."""
    print(f"mimalloc: {message}", file=sys.stderr, flush=True)


def cache_root() -> Path:
    """Return the cache directory, shared by all checkouts of one user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "handfast" / "mimalloc"


def files_of(folder: Path) -> list[Path]:
    """Return what is compiled, or says how it may be."""
    roots = [folder / name for name in PARTS]
    found = [path for root in roots for path in (root, *root.rglob("*"))]
    return sorted(path for path in found if path.is_file())


def digest(folder: Path) -> str:
    """Return the digest that the pin has."""
    lines = [
        f"{digest_of(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in files_of(folder)
    ]
    return hashlib.sha256(
        "".join(sorted(lines, key=lambda x: x[66:])).encode()
    ).hexdigest()


def check(folder: Path, sha256: str) -> Path:
    """Return the folder when it has the pinned files."""
    seen = digest(folder)
    if seen != sha256:
        raise NotHereError(f"{folder.name}: its files have {seen}, pinned is {sha256}")
    return folder


def unpack(archive: Path, scratch: Path) -> Path:
    """Return the one folder in a tarball."""
    try:
        with tarfile.open(archive) as opened:
            # Python before 3.11.4 has no filters; nothing is used before it is checked.
            if hasattr(tarfile, "data_filter"):
                opened.extraction_filter = tarfile.data_filter
            opened.extractall(scratch)  # noqa: S202 - see above
    except tarfile.TarError as error:
        raise NotHereError(f"{archive.name} is no tarball: {error}") from error
    (folder,) = [path for path in scratch.iterdir() if path.is_dir()]
    return folder


def from_upstream(pin: Pin, scratch: Path) -> Path:
    target = scratch / "upstream.tar.gz"
    url = UPSTREAM.format(pin.version)
    with (
        urllib.request.urlopen(url, timeout=UPSTREAM_TIMEOUT_S) as answer,  # noqa: S310
        target.open("wb") as file,
    ):
        shutil.copyfileobj(answer, file)
    return unpack(target, scratch)


def from_crate(pin: Pin, scratch: Path) -> Path:
    """Have cargo fetch the crate, as a dependency of a package that does nothing."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise NotHereError("no cargo here")
    name, version, folder = pin.crate
    package = scratch / "package"
    package.mkdir()
    (package / "nothing.rs").touch()
    (package / "Cargo.toml").write_text(
        '[package]\nname = "nothing"\nversion = "0.0.0"\nedition = "2021"\n'
        f'[lib]\npath = "nothing.rs"\n[dependencies]\n{name} = "={version}"\n',
        "utf-8",
    )
    command = [cargo, "vendor", "--quiet", "--versioned-dirs", str(scratch / "crates")]
    done = subprocess.run(
        command, cwd=package, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NotHereError(
            f"cargo: {' | '.join(done.stderr.strip().splitlines()[-3:])}"
        )
    return scratch / "crates" / f"{name}-{version}" / folder


def given(pin: Pin, source: Path, scratch: Path) -> Path:
    """Take what HANDFAST_MIMALLOC_SOURCE names; a wrong one is an error."""
    try:
        folder = source if source.is_dir() else unpack(source, scratch)
        return check(folder, pin.sha256)
    except (NotHereError, OSError) as error:
        raise ValueError(f"HANDFAST_MIMALLOC_SOURCE: {error}") from error


def keep(pin: Pin, folder: Path, kept: Path) -> Path:
    """Copy the checked files into the cache; atomic as seen by others."""
    with tempfile.TemporaryDirectory(prefix="keep-", dir=kept.parent) as scratch:
        staged = Path(scratch) / "mimalloc"
        for path in files_of(folder):
            target = staged / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        check(staged, pin.sha256)
        shutil.rmtree(kept, ignore_errors=True)
        try:
            staged.rename(kept)
        except OSError:
            # Somebody else was faster with the same files.
            check(kept, pin.sha256)
    return kept


def obtain(pin: Pin) -> Path:
    """Return a folder with the pinned files.

    Raises:
        NoSourceError: nobody has them.
        ValueError: HANDFAST_MIMALLOC_SOURCE names something else.
    """
    kept = cache_root() / f"{pin.version}-{pin.sha256[:16]}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    named = os.environ.get("HANDFAST_MIMALLOC_SOURCE")
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=kept.parent) as scratch:
        if named:
            return keep(pin, given(pin, Path(named), Path(scratch)), kept)
        if kept.is_dir() and digest(kept) == pin.sha256:
            return kept
        failures: list[str] = []
        ways = {"upstream release": from_upstream, "crates.io": from_crate}
        for name, fetch in ways.items():
            room = Path(scratch) / fetch.__name__
            room.mkdir()
            say(f"fetching mimalloc {pin.version}: {name}")
            try:
                return keep(pin, check(fetch(pin, room), pin.sha256), kept)
            except (NotHereError, OSError, ValueError) as error:
                say(f"{name}: {error}")
                failures.append(f"  {name}: {error}")
    tried = "\n".join(failures)
    raise NoSourceError(
        f"no source has mimalloc {pin.version} with {pin.sha256}.\n{tried}\n"
        "Name a folder or a tarball of it in HANDFAST_MIMALLOC_SOURCE, or build with "
        "-DHANDFAST_MALLOC=system (a little slower)."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Print where the pinned mimalloc is.")
    parser.add_argument("--digest", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.digest:
        print(digest(arguments.digest))
        return 0
    try:
        pin = Pin.read()
        print(obtain(pin), pin.version, pin.secure, sep="\n")
    except ValueError as error:
        say(str(error))
        return 2
    except NoSourceError as error:
        say(str(error))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
