# SPDX-License-Identifier: Apache-2.0
"""Something happens at the k-th step of a task: a cancellation, a collection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


class AtStep(trio.abc.Instrument):
    """Does something before the k-th step of its task, or of every task's together."""

    def __init__(
        self, k: int, act: Callable[[], object], task: trio.lowlevel.Task | None
    ) -> None:
        self.left, self.act, self.task = k, act, task
        self.happened = False

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count."""
        if self.task is None or task is self.task:
            self.left -= 1
            if self.left == 0:
                self.happened = True
                self.act()


async def with_act_at(
    k: int,
    act: Callable[[], object],
    operation: Callable[[], Awaitable[object]],
    *,
    any_task: bool = False,
) -> bool:
    """Run an operation, and act before its k-th step; say whether it had so many."""
    task = None if any_task else trio.lowlevel.current_task()
    instrument = AtStep(k, act, task)
    trio.lowlevel.add_instrument(instrument)
    try:
        await operation()
    finally:
        trio.lowlevel.remove_instrument(instrument)
    return instrument.happened


async def cancelled_at(k: int, operation: Callable[[], Awaitable[object]]) -> bool:
    """Run an operation and cancel it at its k-th step; say whether it was."""
    with trio.CancelScope() as scope:
        if k == 0:
            scope.cancel()
        await with_act_at(k, scope.cancel, operation)
    return scope.cancelled_caught
