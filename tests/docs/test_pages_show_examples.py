# SPDX-License-Identifier: Apache-2.0
"""Programs on pages are the examples that are run, letter for letter.

Here and not with the unit tests: those go along with a wheel, where no pages are.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_page_shows_the_embedded_authority_as_it_is() -> None:
    example = ROOT / "examples" / "embedded_authority.py"
    _licence, program = example.read_text("utf-8").split("\n", 1)
    page = ROOT / "docs" / "how-to" / "embed-an-authority.md"
    assert f"```python\n{program}```\n" in page.read_text("utf-8")
