# SPDX-License-Identifier: Apache-2.0
"""Whether a call lets other threads run (P9)."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Callable

__all__ = ["counted_meanwhile"]


def counted_meanwhile(work: Callable[[], object], *, tries: int) -> int:
    """How far another thread counts while we work.

    No thread is ever made to give up the GIL here (the switch interval is an hour), so
    it counts only where somebody lets go of it: calls of the engine, and nothing else
    of the loop.

    Args:
        work: What is tried until the other thread has counted.
        tries: How often: on a busy machine its turn may come late.
    """
    counted, running = 0, True

    def count() -> None:
        nonlocal counted
        while running:
            counted += 1
            # Waits for nothing, and gives the GIL back to whoever wants it.
            select.select([], [], [], 0)

    thread = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(3600.0)
    try:
        thread.start()
        before = counted
        for _ in range(tries):
            work()
            if counted != before:
                break
        return counted - before
    finally:
        running = False
        sys.setswitchinterval(interval)
        thread.join()
