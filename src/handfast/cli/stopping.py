# SPDX-License-Identifier: Apache-2.0
"""What a server of the command line does when it is signalled."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
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
    with trio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGTERM:
                break
            if tell is not None:
                tell()
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(listener.drain, _DRAIN)
    over.set()
