# SPDX-License-Identifier: Apache-2.0
"""The command line, run as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["handfast"]


def handfast(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command that reads nothing, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "handfast.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
