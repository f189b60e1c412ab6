#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Inside an environment that has the wheel: does it run the OpenSSL it contains?

python tools/check_installed.py [--without-profile] [--without-allocator]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import sys
from pathlib import Path

import handfast
import openssl

IS_LINUX = re.compile(r"^Tag: \S+-(manylinux|musllinux)", re.MULTILINE)
HAS_LANES = re.compile(r"^Tag: \S+-manylinux\S*_x86_64$", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-profile", action="store_true", help="LTO will do")
    parser.add_argument("--without-allocator", action="store_true", help="as it says")
    given = parser.parse_args()
    wanted = {"LTO"} if given.without_profile else {"LTO", "PGO"}
    allocator = "system" if given.without_allocator else "mimalloc "
    version = handfast.openssl_version()
    pinned = openssl.Pin.read().version
    checkout = Path(__file__).resolve().parent.parent
    # A wheel for such machines has lanes; whether this CPU has them is its own affair.
    tags = importlib.metadata.distribution("handfast").read_text("WHEEL") or ""
    lanes = {"avx512ifma", "unsupported"} if HAS_LANES.search(tags) else {"not built"}
    # What a release has where it can: gcc's profile, and an allocator of its own.
    full = IS_LINUX.search(tags) is not None
    problems = [
        text
        for text, is_wrong in (
            (f"built with {version.built}", version.built != pinned),
            (f"runs {version.running}", version.running != version.built),
            (f"its OpenSSL is the {version.origin} one", version.origin != "pinned"),
            (f"its signature lanes are {version.lanes!r}", version.lanes not in lanes),
            (
                f"its OpenSSL is built by {version.build}, not by {sorted(wanted)}",
                full and not wanted <= set(version.build.split(", ")),
            ),
            (
                f"its allocator is {version.allocator}",
                full and not version.allocator.startswith(allocator),
            ),
            (
                f"imported from the checkout: {handfast.__file__}",
                checkout / "src" in Path(handfast.__file__).parents,
            ),
        )
        if is_wrong
    ]
    name = f"handfast {importlib.metadata.version('handfast')}"
    python = f"Python {sys.version.split()[0]}"
    print(
        f"check_installed: {name} on {python}: built with {version.built}, "
        f"runs {version}, lanes {version.lanes}"
    )
    for text in problems:
        print(f"  wrong: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
