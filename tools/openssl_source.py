# SPDX-License-Identifier: Apache-2.0
"""Where the pinned OpenSSL tarball comes from.

Whatever the source, the bytes must have the pinned SHA-256, and that alone is
relied on: not TLS, not the signature of an archive, not a file name. Tried in order:
HANDFAST_OPENSSL_TARBALL, the cache, the upstream release, and Debian's source package
(the same file under another name), for machines that reach only their distribution.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

UPSTREAM = "https://github.com/openssl/openssl/releases/download/openssl-{0}/openssl-{0}.tar.gz"
UPSTREAM_TIMEOUT_S = 10.0
DEBIAN_RELEASE = "trixie"  # the release that ships OpenSSL 3.5

Say = Callable[[str], None]


class NoSourceError(Exception):
    """No source had the pinned tarball; the text says what was tried and what to do."""


class NotHereError(Exception):
    """One source did not have it; the text says why."""


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, sha256: str) -> Path:
    """Return the path when its bytes are the pinned ones."""
    if not path.is_file():
        raise NotHereError(f"{path} is not a file")
    seen = digest_of(path)
    if seen != sha256:
        raise NotHereError(f"{path.name} has SHA-256 {seen}, pinned is {sha256}")
    return path


def obtain(version: str, sha256: str, cache: Path, say: Say) -> Path:
    """Return a file with the pinned bytes.

    Raises:
        NoSourceError: nobody has it.
        ValueError: HANDFAST_OPENSSL_TARBALL names something else.
    """
    given = os.environ.get("HANDFAST_OPENSSL_TARBALL")
    if given:
        # Named on purpose: a wrong one is an error, not a reason to look elsewhere.
        try:
            return check(Path(given), sha256)
        except NotHereError as error:
            raise ValueError(f"HANDFAST_OPENSSL_TARBALL: {error}") from error
    kept = cache / f"openssl-{version}.tar.gz"
    if kept.is_file():
        try:
            return check(kept, sha256)
        except NotHereError as error:
            say(f"the cached tarball is no use: {error}")
            kept.unlink()
    failures: list[str] = []
    for name, fetch in (
        ("upstream release", from_upstream),
        ("Debian source", from_debian),
    ):
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as scratch:
            say(f"fetching openssl-{version}.tar.gz: {name}")
            try:
                fetched = check(fetch(version, sha256, Path(scratch)), sha256)
            except (NotHereError, OSError) as error:
                say(f"{name}: {error}")
                failures.append(f"  {name}: {error}")
                continue
            fetched.rename(kept)
            return kept
    tried = "\n".join(failures)
    raise NoSourceError(
        f"no source has openssl-{version}.tar.gz with SHA-256 {sha256}.\n{tried}\n"
        "Put the tarball anywhere and name it in HANDFAST_OPENSSL_TARBALL, or set "
        "HANDFAST_OPENSSL=system to use the system's OpenSSL (3.0 or newer; slower)."
    )


def from_upstream(version: str, _sha256: str, scratch: Path) -> Path:
    target = scratch / "upstream.tar.gz"
    url = UPSTREAM.format(version)
    with (
        urllib.request.urlopen(url, timeout=UPSTREAM_TIMEOUT_S) as answer,  # noqa: S310
        target.open("wb") as file,
    ):
        shutil.copyfileobj(answer, file)
    return target


def from_debian(version: str, sha256: str, scratch: Path) -> Path:
    """Take the orig tarball of Debian's package from the machine's own mirror.

    apt runs with lists and caches of its own, so the machine's stay as they are and
    no privileges are needed. An older Debian may lack the newer release's keys: then
    the index is read unauthenticated, which is sound only because the tarball itself
    is checked against the pinned SHA-256.
    """
    if shutil.which("apt-get") is None:
        raise NotHereError("no apt-get here")
    if platform.freedesktop_os_release().get("ID") != "debian":
        raise NotHereError("not a Debian machine")
    archives = mirrors(Path("/etc/apt"))
    if not archives:
        raise NotHereError("no Debian mirror is configured in /etc/apt")
    try:
        return apt_source(version, sha256, scratch / "signed", archives)
    except NotHereError as signed:
        trusting = dict.fromkeys(archives, "trusted=yes")
        try:
            return apt_source(version, sha256, scratch / "unsigned", trusting)
        except NotHereError as unsigned:
            message = f"{signed}; then without authentication: {unsigned}"
            raise NotHereError(message) from unsigned


def apt_source(
    version: str, sha256: str, scratch: Path, archives: dict[str, str]
) -> Path:
    for folder in ("lists/partial", "cache/archives/partial", "files"):
        (scratch / folder).mkdir(parents=True)
    lines: list[str] = []
    for uri, option in archives.items():
        security = uri.rstrip("/").endswith("security")
        bracket = f"[{option}] " if option else ""
        lines += [
            f"deb-src {bracket}{uri} {DEBIAN_RELEASE}{suffix} main"
            for suffix in (("-security",) if security else ("", "-updates"))
        ]
    (scratch / "sources.list").write_text("\n".join(lines) + "\n", "utf-8")
    options = {
        "Dir::Etc::sourcelist": scratch / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "Acquire::Languages": "none",
        "APT::Update::Error-Mode": "any",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": 20,
        "APT::Sandbox::User": "root",
    }
    common = [
        word for key, value in options.items() for word in ("-o", f"{key}={value}")
    ]
    run(["apt-get", *common, "update"], scratch)
    stanzas = run(["apt-cache", *common, "showsrc", "openssl"], scratch).split("\n\n")
    for stanza in stanzas:
        found = re.search(r"^Version: (\S+)$", stanza, re.MULTILINE)
        if found is None or sha256 not in stanza:
            continue
        package = f"openssl={found[1]}"
        flags = ["--download-only", "--tar-only"]
        run(["apt-get", *common, "source", *flags, package], scratch / "files")
        return scratch / "files" / f"openssl_{version}.orig.tar.gz"
    raise NotHereError(f"{DEBIAN_RELEASE} has no openssl with the pinned tarball now")


def run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [*done.stderr.strip().splitlines(), *done.stdout.strip().splitlines()]
        shown = " | ".join(lines[-3:])
        raise NotHereError(f"{command[0]} ended with {done.returncode}: {shown}")
    return done.stdout


def mirrors(etc_apt: Path) -> dict[str, str]:
    """Return the configured archives as URI -> option that names the keyring."""
    found: dict[str, str] = {}
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    for path in files:
        if not path.is_file():
            continue
        text = path.read_text("utf-8", "replace")
        if path.suffix == ".sources":
            found |= deb822_archives(text)
        elif path.suffix == ".list":
            found |= one_line_archives(text)
    # Third parties keep their own archives in the same folder.
    named = re.compile(r"/debian(-security)?[^/]*/?$")
    return {uri: key for uri, key in found.items() if named.search(uri)}


def deb822_archives(text: str) -> dict[str, str]:
    """Read the stanzas of a .sources file."""
    found: dict[str, str] = {}
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        for line in stanza.splitlines():
            key, colon, value = line.partition(":")
            if colon and not line.startswith(("#", " ", "\t")):
                fields[key.strip().lower()] = value.strip()
        if fields.get("enabled", "yes") == "no":
            continue
        if "main" not in fields.get("components", "").split():
            continue
        for uri in fields.get("uris", "").split():
            signed_by = fields.get("signed-by", "")
            found[uri] = f"signed-by={signed_by}" if signed_by else ""
    return found


def one_line_archives(text: str) -> dict[str, str]:
    """Read the lines of a sources.list."""
    found: dict[str, str] = {}
    pattern = re.compile(r"^deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+\S+\s+(.*)$")
    for line in text.splitlines():
        match = pattern.match(line.partition("#")[0].strip())
        if match is None or "main" not in match[3].split():
            continue
        signed_by = re.search(r"\bsigned-by=\S+", match[1] or "")
        found[match[2]] = signed_by[0] if signed_by else ""
    return found
