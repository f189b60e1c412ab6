# SPDX-License-Identifier: Apache-2.0
"""C12: nothing of Python can decide about a connection, because nothing is called.

An exception in a callback has let peers in elsewhere (pyOpenSSL, CVE-2026-27448). The
engine takes no function from its user at all, so there is none that could fail.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"
POINTER_TO_FUNCTION = re.compile(r"\(\s*\*\s*\w*\s*\)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


FACE = sorted(it for folder in ("include", "ffi") for it in CSRC.glob(f"{folder}/*.*"))


@pytest.mark.parametrize("path", FACE, ids=lambda it: it.name)
def test_the_engine_takes_no_function(path: Path) -> None:
    """C12: neither in its own headers nor in what cffi sees of them."""
    code = COMMENT.sub(" ", path.read_text(encoding="utf-8"))
    assert "hf_" in code
    assert not POINTER_TO_FUNCTION.search(code)
    for word in ('extern "Python', "def_extern", "callback", "Py_", "PyGIL"):
        assert word not in code


def test_the_search_would_find_one() -> None:
    for declaration in (
        "int set(int (*verify)(void *));",
        "typedef void (*hf_callback)(int);",
        "void call(void (*)(int));",
    ):
        assert POINTER_TO_FUNCTION.search(declaration)


def test_python_registers_nothing_with_c() -> None:
    """C12: no cffi callback anywhere in the package."""
    package = CSRC.parent / "src" / "handfast"
    for module in package.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        assert "ffi.callback" not in text, module
        assert "def_extern" not in text, module
