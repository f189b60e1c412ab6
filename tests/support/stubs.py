# SPDX-License-Identifier: Apache-2.0
"""What a stub says of the messages that a module makes from descriptors."""

from __future__ import annotations

import ast
from pathlib import Path


def fields_in_stub(module: str | None) -> dict[str, set[str]]:
    """Return the fields of each message, as a module's stub declares them."""
    assert module is not None
    stub = Path(module).with_suffix(".pyi").read_text("utf-8")
    return {
        node.name: {name for part in node.body for name in _names(part)}
        for node in ast.parse(stub).body
        if isinstance(node, ast.ClassDef)
    }


def _names(part: ast.stmt) -> list[str]:
    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
        return [part.target.id]
    if isinstance(part, ast.FunctionDef) and part.name != "__init__":
        return [part.name]
    return []
