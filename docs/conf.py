# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the documentation of handfast. `make docs` fails on every warning."""

from __future__ import annotations

from importlib import metadata

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
exclude_patterns = ["_build"]
