#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Inside an environment that has the wheel: does it run the OpenSSL it contains?

python tools/check_installed.py
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import handfast
import openssl


def main() -> int:
    version = handfast.openssl_version()
    pinned = openssl.Pin.read().version
    checkout = Path(__file__).resolve().parent.parent
    problems = [
        text
        for text, is_wrong in (
            (f"built with {version.built}", version.built != pinned),
            (f"runs {version.running}", version.running != version.built),
            (f"its OpenSSL is the {version.origin} one", version.origin != "pinned"),
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
        f"check_installed: {name} on {python}: built {version.built}, "
        f"running {version.running} ({version.origin})"
    )
    for text in problems:
        print(f"  wrong: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
