# SPDX-License-Identifier: Apache-2.0
"""Import handfast so that atheris sees which branches are taken.

An editable install brings a finder of its own, and what comes through it is not
instrumented: a run then learns nothing from what it tries. So the sources are taken
from src, and only the native module from where that finder has it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import atheris

SOURCE = Path(__file__).resolve().parent.parent.parent.parent / "src"
NATIVE = "handfast._native"


class _Native(importlib.machinery.PathFinder):
    """Finds the native module, and nothing else."""

    path: str = ""

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for one name."""
        del path, target
        if fullname != NATIVE:
            return None
        loader = importlib.machinery.ExtensionFileLoader(fullname, cls.path)
        return importlib.util.spec_from_file_location(fullname, cls.path, loader=loader)


def instrumented() -> AbstractContextManager[None]:
    """Return a context in which handfast is imported and instrumented."""
    for finder in list(sys.meta_path):
        if type(finder).__name__ != "ScikitBuildRedirectingFinder":
            continue
        spec = finder.find_spec(NATIVE, None)
        if spec is None or spec.origin is None:
            raise ImportError(f"the editable install does not know {NATIVE}")
        sys.meta_path.remove(finder)
        _Native.path = spec.origin
        sys.meta_path.insert(0, _Native)
        sys.path.insert(0, str(SOURCE))
    found: AbstractContextManager[None] = atheris.instrument_imports(
        include=["handfast"]
    )
    return found
