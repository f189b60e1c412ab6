# SPDX-License-Identifier: Apache-2.0
"""Programs in an interpreter of their own, which must end well and say nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

__all__ = ["ROOT", "run_program"]

ROOT = Path(__file__).resolve().parents[2]


def run_program(prelude: str, code: str, **environment: str) -> str:
    """Run a program in a new interpreter; a hang is ended by the timeout alone.

    Args:
        prelude: What comes first; it can import `tests`.
        code: The rest, indented as it likes.
        environment: What is added to ours.

    Returns:
        What it printed.
    """
    path = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    program = path + prelude + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
