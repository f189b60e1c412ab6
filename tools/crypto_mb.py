#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Say where this Python's environment has Intel's crypto_mb, for CMake.

    python3 tools/crypto_mb.py

Four lines: the static library, the folder of its headers, its licence, its version as
the package index knows it. They come from the packages ipp-crypto-static and
ipp-crypto-include, found by their metadata: in pip's isolated builds they do not lie
under sys.prefix. Exit code 3: they are not there, and the build does without lanes.
Standard library only: it runs inside isolated wheel builds.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

LIBRARY = ("ipp-crypto-static", "/libcrypto_mb.a")
HEADER = ("ipp-crypto-include", "/crypto_mb/defs.h")


def find(distribution: metadata.Distribution, suffix: str) -> Path:
    """Return the installed file whose path ends like this."""
    for path in distribution.files or ():
        if path.as_posix().endswith(suffix):
            found = Path(str(distribution.locate_file(path))).resolve()
            if found.is_file():
                return found
    raise FileNotFoundError(f"{distribution.metadata['Name']} has no {suffix} here")


def main() -> int:
    """Print the four lines."""
    try:
        static = metadata.distribution(LIBRARY[0])
        include = metadata.distribution(HEADER[0])
        library = find(static, LIBRARY[1])
        headers = find(include, HEADER[1]).parent.parent
        licence = find(static, "/LICENSE.txt")
    except (metadata.PackageNotFoundError, FileNotFoundError) as error:
        print(f"crypto_mb: {error}", file=sys.stderr)
        return 3
    print(library, headers, licence, static.version, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
