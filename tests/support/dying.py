# SPDX-License-Identifier: Apache-2.0
"""Processes that end without a word at their k-th step, as a crash would have it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from tests.support.forking import fork

#: How a child ends that died, and one that got to its end.
DIED = 77
WHOLE = 0
#: How one ends that raised.
RAISED = 1

# What the interpreter tells of before it does it: open, os.rename, os.remove, fcntl...
_STEPS = ("open", "os.", "fcntl.", "shutil.")


class Countdown:
    """Ends the process at its k-th step: no handler runs, nothing is flushed."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        """Take a step."""
        self.left -= 1
        if self.left == 0:
            os._exit(DIED)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make a call two steps: before it and after it."""

        def called(*args: Any, **more: Any) -> Any:
            self.step()
            result = function(*args, **more)
            self.step()
            return result

        return called

    def watch_files(self) -> None:
        """Count all that is done to files from now on; in a child, as it stays so."""

        def told(event: str, _facts: tuple[Any, ...]) -> None:
            if event.startswith(_STEPS):
                self.step()

        sys.addaudithook(told)
        # Of these nobody is told; what a dying process has written stays written.
        os.fsync = self.around(lambda _file: None)
        os.close = self.around(os.close)
        os.write = self.around(os.write)


def dies_at(steps: int, act: Callable[[], object]) -> int:
    """Do something in a child that ends at its k-th step; say how it ended."""
    child = fork()
    if child == 0:
        code = RAISED
        try:
            countdown = Countdown(steps)
            countdown.watch_files()
            act()
            code = WHOLE
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
