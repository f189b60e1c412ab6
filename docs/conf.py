# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the documentation of handfast. `make docs` fails on every warning."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from _reasons import write_table  # noqa: E402 - found by the line above

write_table(HERE)

project = "handfast"
author = "the handfast developers"
copyright = f"2026, {author}"
release = metadata.version("handfast")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
html_theme = "furo"
html_title = f"handfast {release}"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
exclude_patterns = ["_build", "reference/reasons-table.md"]
