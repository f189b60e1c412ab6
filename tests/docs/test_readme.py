# SPDX-License-Identifier: Apache-2.0
"""What the README shows is what the repository has."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("name", ["server.py", "client.py"])
def test_the_readme_shows_the_examples_as_they_are(name: str) -> None:
    code = (ROOT / "examples" / name).read_text("utf-8").split("\n", 1)[1].rstrip()
    assert f"```python\n{code}\n```" in (ROOT / "README.md").read_text("utf-8")


def test_the_readme_names_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    for target in ("demo", "test", "bench", "docs"):
        assert f"make {target}" in readme
        assert f"\n{target}:" in makefile
