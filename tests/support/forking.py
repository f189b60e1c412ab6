# SPDX-License-Identifier: Apache-2.0
"""Questions that are asked in a child of fork."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable

#: Seconds after which a child hangs.
PATIENCE = 60


def fork() -> int:
    """Fork; Python minds that beside threads, and those of earlier tests are idle."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def holds_in_a_child(question: Callable[[], bool]) -> bool:
    """Fork and ask there.

    A child that raises, or hangs, says no; none goes on with the tests.
    """
    child = fork()
    if child == 0:
        holds = False
        try:
            signal.alarm(PATIENCE)
            holds = question()
        except BaseException:  # noqa: BLE001 - whatever it is, it ends here
            traceback.print_exc()
        finally:
            os._exit(0 if holds else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
