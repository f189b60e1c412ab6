# SPDX-License-Identifier: Apache-2.0
"""What a server of the command line does when it is signalled."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import trio

from handfast.net import MtlsListener

__all__ = ["stop_when_told"]

# Seconds that connections have to end once the server was told to.
_DRAIN: Final = 5.0


async def stop_when_told(
    listeners: Sequence[MtlsListener],
    tell: Callable[[], None] | None,
    over: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Wait for SIGTERM, then drain: no new connections, a while for those there are.

    Then it is `over`. SIGUSR1 calls `tell`, when there is anything to tell.

    Cancellation: signals mean what they meant before.
    """
    wanted = [signal.SIGTERM, *([signal.SIGUSR1] if tell is not None else [])]
    told = trio.Event()
    with trio.open_signal_receiver(*wanted) as signals:
        async with trio.open_nursery() as nursery:
            # While it drains, too: a signal that nobody takes ends the process.
            nursery.start_soon(_answer, signals, told, tell)
            task_status.started()
            await told.wait()
            async with trio.open_nursery() as draining:
                for listener in listeners:
                    draining.start_soon(listener.drain, _DRAIN)
            nursery.cancel_scope.cancel()
    over.set()


async def _answer(
    signals: AsyncIterator[int], told: trio.Event, tell: Callable[[], None] | None
) -> None:
    async for number in signals:
        if number == signal.SIGTERM:
            told.set()
        elif tell is not None:
            tell()
