# SPDX-License-Identifier: Apache-2.0
"""Names of a package whose modules are imported when they are first asked for.

They bring the event loop, HTTP/2, protobuf or SQLite: `import handfast` is for scripts,
too, that need none of these.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["load_later"]


def load_later(package: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a package.

    Args:
        package: Its ``__name__``.
        names: The module of each name.
    """

    def load(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(names[name]), name)
        vars(sys.modules[package])[name] = value  # asked only once
        return value

    return load
