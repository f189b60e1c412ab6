# SPDX-License-Identifier: Apache-2.0
"""Run a program, and leave nothing of it behind.

A mutant may fork and never end, or die before it waits for its child: what is left of
it would take a core from whatever is tried next.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def run_whole(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> int | None:
    """Run a command without input or output, and end all that it has started.

    Returns:
        Its exit code; None when it did not end in `timeout` seconds.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # The group is there as long as anything of it is.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
