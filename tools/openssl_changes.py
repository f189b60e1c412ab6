# SPDX-License-Identifier: Apache-2.0
"""What is done to the pinned OpenSSL besides configuring it; csrc/openssl.pin says why.

Constants that are no option of Configure are set in the unpacked sources. Headers that
OpenSSL does not install are kept beside its library, for the files of the engine that
look inside: the compiler then knows each structure as the library does.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Constant(NamedTuple):
    """A `#define` of the sources that the pin changes."""

    file: str
    name: str
    upstream: str
    ours: str


def read_constants(words: Sequence[str]) -> tuple[Constant, ...]:
    """Take four words for each constant; raises ValueError for any other number."""
    if len(words) % 4 != 0:
        raise ValueError(f"constant: expected FILE NAME FROM TO: {' '.join(words)}")
    return tuple(Constant(*words[at : at + 4]) for at in range(0, len(words), 4))


def set_constant(source: Path, constant: Constant) -> None:
    """Change one line; raises ValueError when the sources have another."""
    path = source / constant.file
    text = path.read_text("utf-8")
    pattern = rf"^(#\s*define\s+{constant.name}\s+){constant.upstream}$"
    changed, count = re.subn(
        pattern, rf"\g<1>{constant.ours}", text, flags=re.MULTILINE
    )
    if count != 1:
        raise ValueError(
            f"{constant.file}: expected one line `#define {constant.name} "
            f"{constant.upstream}`, seen {count}; look at it again before it is changed"
        )
    path.write_text(changed, "utf-8")


# Below the prefix; as in the sources, because they include each other by these paths.
INTERNAL = "internal"
HEADERS = ("include/internal", "include/crypto", "ssl", "ssl/record", "ssl/statem")


def keep_internal_headers(source: Path, prefix: Path) -> None:
    """Copy the headers of libssl's inside from the built sources."""
    for folder in HEADERS:
        target = prefix / INTERNAL / folder
        target.mkdir(parents=True, exist_ok=True)
        for header in sorted((source / folder).glob("*.h")):
            shutil.copy2(header, target / header.name)
