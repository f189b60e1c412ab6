#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House lints: what compilers and formatters do not check.

    python3 tools/lint_c.py [--root DIR]

For C: banned functions, the directions of includes, raw error returns, typedef'd
structs, line comments, double semicolons. For C and Python alike: the licence line, the
length of files, unfinished work, and paths of somebody's machine. Findings are printed
one a line as `path:line: check: text`; the exit code is 1 when one of them is an error.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

LENGTH_WARNING = 400
LENGTH_ERROR = 600

FOLDERS = ("csrc", "src", "tests", "tools", "bench", "fuzz", "docs")
SUFFIXES = (".c", ".h", ".py", ".cmake")

BANNED = (
    "memcpy memmove memcmp malloc calloc realloc free strdup sprintf vsprintf strcpy "
    "strncpy strcat strncat strtok gets gmtime localtime alloca assert"
).split()
# The files that may allocate and copy, and programs that are wrong on purpose.
MAY_USE_BANNED = (
    "csrc/src/base/mem.c",
    "csrc/src/base/heap.c",
    "csrc/tests/negative/",
)
# What handfast is measured against is plain C without the engine's base.
# So is what OpenSSL's profile is made by.
PLAIN_C = ("bench/peers/", "csrc/training/")
PLAIN_MEMORY = "memcpy memcmp malloc calloc realloc free".split()

# Which layers each layer may include, itself always.
DIRECTIONS = {
    "base": (),
    "id": ("base",),
    "x509": ("base", "id"),
    "verify": ("base", "id", "x509", "stats"),
    "policy": ("base", "id", "x509", "verify", "stats"),
    "tls": ("base", "id", "x509", "verify", "policy", "stats"),
    "stats": ("base",),
}
WITHOUT_OPENSSL = ("base", "id", "stats")
# Wiping and the hook for OpenSSL's allocations are what base needs OpenSSL for.
MAY_USE_OPENSSL = ("csrc/src/base/mem.c",)

# In brackets so that this file does not find itself.
UNFINISHED = re.compile(r"\b([T]ODO|[F]IXME|[X]XX)\b")
# The manual is handfast.h; it includes its parts.
PUBLIC_HEADER = re.compile(r"handfast(_[a-z]+)?\.h")
MACHINE_PATHS = re.compile(r"/(work|root|home|tmp/hf)/")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or (a warning) could be better."""

    path: PurePosixPath
    line: int
    check: str
    text: str
    is_error: bool = True

    def __str__(self) -> str:
        kind = self.check if self.is_error else f"{self.check} (warning)"
        return f"{self.path}:{self.line}: {kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class Source:
    """A file as the checks see it: as it is, and without comments and strings."""

    path: PurePosixPath
    lines: list[str]
    code: list[str]

    @property
    def is_c(self) -> bool:
        """Tell C from everything else."""
        return self.path.suffix in {".c", ".h"}

    @property
    def is_ours_c(self) -> bool:
        """Tell C that is part of the engine or its tests."""
        return self.is_c and self.path.parts[0] in {"csrc", "fuzz", "bench"}

    def is_in(self, places: tuple[str, ...]) -> bool:
        """Tell whether the path is one of these files or under one of these folders."""
        return str(self.path).startswith(places)


Check = Callable[[Source], Iterator[Finding]]


def strip_c(text: str) -> str:
    """Blank out comments and string contents; line numbers stay."""
    pattern = r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])*'"

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        if found.startswith("/*"):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1]

    return re.sub(pattern, blank, text, flags=re.DOTALL)


def check_licence(source: Source) -> Iterator[Finding]:
    """Every source file begins with its licence."""
    if not any("SPDX-License-Identifier: Apache-2.0" in x for x in source.lines[:3]):
        text = "expected SPDX-License-Identifier: Apache-2.0 in the first three lines"
        yield Finding(source.path, 1, "licence", text)


def check_length(source: Source) -> Iterator[Finding]:
    """One concept a file."""
    count = len(source.lines)
    is_generated = any("do not edit" in x.lower() for x in source.lines[:3])
    if count > LENGTH_WARNING and not is_generated:
        text = f"{count} lines; at most {LENGTH_WARNING}, never over {LENGTH_ERROR}"
        yield Finding(source.path, count, "length", text, count > LENGTH_ERROR)


def check_unfinished(source: Source) -> Iterator[Finding]:
    """Unfinished work is an issue, not a comment."""
    for number, line in enumerate(source.lines, 1):
        if found := UNFINISHED.search(line):
            yield Finding(source.path, number, "unfinished", found[0])


def check_machine_paths(source: Source) -> Iterator[Finding]:
    """Nothing depends on where somebody's checkout lies."""
    for number, line in enumerate(source.lines, 1):
        if found := MACHINE_PATHS.search(line):
            text = f"a path of one machine: {found[0]}"
            yield Finding(source.path, number, "machine-path", text)


def check_banned(source: Source) -> Iterator[Finding]:
    """Memory and text go through base/mem.h and spans."""
    if not source.is_ours_c or source.is_in(MAY_USE_BANNED):
        return
    allowed = PLAIN_MEMORY if source.is_in(PLAIN_C) else []
    banned = [name for name in BANNED if name not in allowed]
    pattern = re.compile(rf"(?<![\w.>])({'|'.join(banned)})\s*\(")
    for number, line in enumerate(source.code, 1):
        for found in pattern.finditer(line):
            text = f"{found[1]}() is banned; see base/mem.h and base/span.h"
            yield Finding(source.path, number, "banned", text)


def check_includes(source: Source) -> Iterator[Finding]:
    """Layers include downwards only; ffi sees the public header and nothing else."""
    parts = source.path.parts
    if not source.is_c or parts[0] != "csrc":
        return
    layer = parts[2] if parts[1] == "src" else None
    # Comments are blanked in `code`, but so are the names between the quotes.
    for number, (line, code) in enumerate(
        zip(source.lines, source.code, strict=True), 1
    ):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if found is None or "include" not in code:
            continue
        text = wrong_include(source, layer, is_quoted=found[1] == '"', name=found[2])
        if text:
            yield Finding(source.path, number, "include", text)


def wrong_include(
    source: Source, layer: str | None, *, is_quoted: bool, name: str
) -> str | None:
    """Say what is wrong with one include, if anything."""
    if not is_quoted:
        apart = layer in WITHOUT_OPENSSL and not source.is_in(MAY_USE_OPENSSL)
        if name.startswith("openssl/") and apart:
            return f"{layer} does not know OpenSSL: <{name}>"
        return None
    if ".." in name:
        return f'write it from the csrc/src root: "{name}"'
    if PUBLIC_HEADER.fullmatch(name):
        return None
    if source.path.parts[1] in {"ffi", "include"}:
        return f'only "handfast.h" may be seen from here, not "{name}"'
    if layer is None:
        return None
    target = name.partition("/")[0]
    if target not in DIRECTIONS or "/" not in name:
        return f'write it from the csrc/src root: "{name}"'
    if target != layer and target not in DIRECTIONS.get(layer, ()):
        return f'{layer} must not know {target}: "{name}"'
    return None


def check_returns(source: Source) -> Iterator[Finding]:
    """Failures are made by HF_FAIL, which records where and why."""
    if not source.is_ours_c or source.is_in(("csrc/src/base/",)):
        return
    for number, line in enumerate(source.code, 1):
        if re.search(r"\(\s*(struct\s+)?hf_result\s*\)\s*\{", line):
            text = "a raw hf_result; use HF_FAIL or HF_DONE, which record the details"
            yield Finding(source.path, number, "raw-result", text)


def check_style(source: Source) -> Iterator[Finding]:
    """Small things that reviews should not have to say."""
    if not source.is_ours_c:
        return
    for number, line in enumerate(source.code, 1):
        if re.search(r";\s*;", line) and not re.search(r"\bfor\s*\(", line):
            yield Finding(source.path, number, "double-semicolon", line.strip())
        if "//" in line:
            yield Finding(source.path, number, "line-comment", "block comments only")
        if re.search(r"\btypedef\s+(struct|union|enum)\b(?!\s+hf_result\b)", line):
            text = "no typedef'd structs except hf_result"
            yield Finding(source.path, number, "typedef", text)


def check_native(source: Source) -> Iterator[Finding]:
    """Only handfast._ffi knows the compiled module (import-linter cannot see it)."""
    if source.path.suffix != ".py" or not source.is_in(("src/handfast/",)):
        return
    if source.is_in(("src/handfast/_ffi/",)):
        return
    for number, line in enumerate(source.lines, 1):
        if re.match(r"\s*(from|import)\s.*\b_native\b", line):
            text = "only handfast._ffi may import the native module"
            yield Finding(source.path, number, "native", text)


CHECKS: tuple[Check, ...] = (
    check_licence,
    check_length,
    check_unfinished,
    check_machine_paths,
    check_banned,
    check_includes,
    check_returns,
    check_style,
    check_native,
)


def lint_file(root: Path, path: Path) -> Iterator[Finding]:
    """Run every check over one file."""
    text = path.read_text("utf-8")
    relative = PurePosixPath(path.relative_to(root).as_posix())
    code = strip_c(text) if relative.suffix in {".c", ".h"} else text
    source = Source(relative, text.splitlines(), code.splitlines())
    for check in CHECKS:
        yield from check(source)


def lint(root: Path) -> tuple[int, list[Finding]]:
    """Return how many files were read and what was found."""
    paths = [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*"))
        if path.suffix in SUFFIXES and path.is_file()
    ]
    return len(paths), [found for path in paths for found in lint_file(root, path)]


def main() -> int:
    """Lint a checkout."""
    parser = argparse.ArgumentParser(description="House lints for C and Python.")
    default = Path(__file__).resolve().parent.parent
    parser.add_argument("--root", type=Path, default=default)
    count, findings = lint(parser.parse_args().root)
    for found in findings:
        print(found)
    errors = sum(found.is_error for found in findings)
    print(f"lint_c: {count} files, {errors} errors, {len(findings) - errors} warnings")
    return 1 if errors or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
