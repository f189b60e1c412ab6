#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Look into finished wheels: is there in them what we promise, and nothing else?

    python3 tools/check_wheel.py [--without-allocator] WHEEL...

Needs pyelftools, and abi3audit when it is to be run here too (cibuildwheel runs it by
itself). tools/check_installed.py looks at the running module.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import openssl
import shared_object

if TYPE_CHECKING:
    from collections.abc import Iterator

PLATFORMS = re.compile(r"(manylinux|musllinux|macosx)_")
TAGS = {"cp311-abi3": "_native.abi3.so", "cp314-cp314t": "_native.cpython-314t"}

# What every machine has; OpenSSL must not be among what is loaded.
SYSTEM_LIBRARIES = re.compile(
    r"(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux.*\.so\.\d+|libc\.musl-\w+\.so\.1"
    r"|/usr/lib/libSystem\.B\.dylib)"
)
EXPECTED = ("handfast/__init__.py", "handfast/py.typed")
UNWANTED = {".c", ".h", ".a", ".o", ".cmake", ".toml", ".pin"}


def check_name(wheel: Path) -> Iterator[str]:
    """The tags say where it may be installed."""
    _, _, *tags = wheel.stem.split("-")
    python_abi, platform = "-".join(tags[-3:-1]), tags[-1]
    if python_abi not in TAGS:
        yield f"tag {python_abi}; expected one of {', '.join(TAGS)}"
    if not PLATFORMS.match(platform):
        yield f"platform {platform} promises nothing; was it repaired?"


def has_lanes(name: str) -> bool:
    """Where crypto_mb can be had, a wheel without its lanes must not come out."""
    return "-manylinux" in name and name.endswith("_x86_64.whl")


def has_allocator(name: str) -> bool:
    """On Linux everywhere: its sources come with cargo or from upstream."""
    return "linux" in name


def check_record(archive: zipfile.ZipFile) -> Iterator[str]:
    """RECORD lists every file with the digest that it has."""
    names = {name for name in archive.namelist() if not name.endswith("/")}
    record = next(name for name in names if name.endswith(".dist-info/RECORD"))
    rows = {row[0]: row[1] for row in csv.reader(archive.read(record).decode().split())}
    if names != set(rows):
        yield f"RECORD and contents differ in {sorted(names ^ set(rows))}"
    for name in names & set(rows) - {record}:
        digest = hashlib.sha256(archive.read(name)).digest()
        expected = "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if rows[name] != expected:
            yield f"RECORD has {rows[name]} for {name}, which is {expected}"


def check_contents(archive: zipfile.ZipFile) -> Iterator[str]:
    """The package is whole and holds no sources of C, no tests, no tools."""
    names = [PurePosixPath(name) for name in archive.namelist()]
    for expected in EXPECTED:
        if PurePosixPath(expected) not in names:
            yield f"{expected} is missing"
    for name in names:
        if name.suffix in UNWANTED or name.parts[0] in {"tests", "tools", "csrc"}:
            yield f"{name} does not belong into a wheel"


def check_bill(
    archive: zipfile.ZipFile, version: str, *, lanes: bool, allocator: bool = False
) -> Iterator[str]:
    """The bill of materials names what is inside, and their licences lie beside it."""
    bills = [name for name in archive.namelist() if ".dist-info/sboms/" in name]
    ours = [name for name in bills if name.endswith("/handfast.cdx.json")]
    if len(ours) != 1:
        yield f"expected one sboms/handfast.cdx.json, there are {bills}"
        return
    document = json.loads(archive.read(ours[0]))
    found = [(part["name"], part["version"]) for part in document["components"]]
    names = ["openssl", *["crypto_mb"] * lanes, *["mimalloc"] * allocator]
    is_whole = [name for name, _ in found] == names and found[0][1] == version
    if document["specVersion"] != "1.6" or not is_whole:
        expected = f"{', '.join(names)}, OpenSSL {version}"
        yield f"the bill says {found}; expected {expected} by CycloneDX 1.6"
    licences = {f"{name.upper()}-LICENSE.txt" for name in names}
    there = {
        PurePosixPath(name).name
        for name in archive.namelist()
        if ".dist-info/licenses/" in name
    }
    for name in sorted(licences - there):
        yield f"licenses/{name} is missing"


def check_module(path: Path, version: str) -> Iterator[str]:
    """One OpenSSL, hidden; nothing of the machine that built it."""
    module = shared_object.read(path)
    if set(module.exported) != {"PyInit__native"}:
        yield f"exports {sorted(module.exported)}; expected PyInit__native alone"
    if module.has_executable_stack:
        yield "wants an executable stack"
    if not module.binds_at_load:
        yield "is not linked with relro and now"
    if not module.stays_loaded:
        yield "can be unloaded, while its handlers of fork and of ending threads stay"
    foreign = [x for x in module.needed if not SYSTEM_LIBRARIES.fullmatch(x)]
    if foreign:
        yield f"loads {foreign}, which not every machine has"
    text = path.read_bytes()
    # The text that hf_openssl_running() hands out; check_installed.py asks for it.
    if f"{version}\0".encode() not in text:
        yield f"does not contain OpenSSL {version}"
    for folder in (Path.home(), Path.cwd(), Path(tempfile.gettempdir())):
        if len(folder.parts) > 1 and f"{folder}/".encode() in text:
            yield f"contains a path of the machine that built it: {folder}"


def check_abi3(wheel: Path) -> Iterator[str]:
    """An abi3 wheel uses the stable ABI only."""
    command = shutil.which("abi3audit")
    if "-abi3-" not in wheel.name or command is None:
        return
    done = subprocess.run(
        [command, "--strict", "--summary", str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        yield f"abi3audit: {done.stdout}{done.stderr}"


def check(wheel: Path, *, allocator: bool) -> list[str]:
    """Return what is wrong with one wheel."""
    version = openssl.Pin.read().version
    problems = list(check_name(wheel))
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as scratch:
        problems += check_record(archive)
        problems += check_contents(archive)
        problems += check_bill(
            archive,
            version,
            lanes=has_lanes(wheel.name),
            allocator=allocator and has_allocator(wheel.name),
        )
        modules = [name for name in archive.namelist() if name.endswith(".so")]
        if len(modules) != 1:
            problems.append(f"expected one extension module, there are {modules}")
        for name in modules:
            if not name.startswith(tuple(f"handfast/{x}" for x in TAGS.values())):
                problems.append(f"unexpected module {name}")
            path = Path(archive.extract(name, scratch))
            problems += [f"{name}: {text}" for text in check_module(path, version)]
    problems += check_abi3(wheel)
    return problems


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--without-allocator",
        action="store_true",
        help="built where mimalloc could not be had: never for a release",
    )
    parser.add_argument("wheels", nargs="+", type=Path)
    given = parser.parse_args(arguments)
    count = 0
    for wheel in given.wheels:
        problems = check(wheel, allocator=not given.without_allocator)
        count += len(problems)
        size = wheel.stat().st_size / 1e6
        verdict = "refused" if problems else "good"
        print(f"check_wheel: {wheel.name} ({size:.2f} MB): {verdict}")
        for text in problems:
            print(f"  {text}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
