# SPDX-License-Identifier: Apache-2.0
"""A server of the command line that is signalled more than once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any, cast

import pytest
import trio
import trio.testing
from tests.support.net_world import trio_test

from handfast.cli.stopping import stop_when_told
from handfast.net import MtlsListener


@pytest.fixture
def left_over() -> Iterator[list[int]]:
    """Signals that nobody took: they would have ended the process."""
    found: list[int] = []

    def note(number: int, _frame: Any) -> None:
        found.append(number)

    before = {it: signal.signal(it, note) for it in (signal.SIGTERM, signal.SIGUSR1)}
    yield found
    for number, handler in before.items():
        signal.signal(number, handler)


class Draining:
    """A listener that is signalled while it drains, by somebody in a hurry."""

    def __init__(self, told: trio.Event) -> None:
        self.told = told

    async def drain(self, _seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGUSR1)
        await self.told.wait()


@trio_test
async def test_signals_are_answered_while_it_drains(left_over: list[int]) -> None:
    told, over = trio.Event(), trio.Event()
    listener = cast("MtlsListener", Draining(told))
    async with trio.open_nursery() as nursery:
        await nursery.start(stop_when_told, [listener], told.set, over)
        assert not over.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
    assert over.is_set()
    assert left_over == []


@trio_test
async def test_a_second_sigterm_is_no_other_end(left_over: list[int]) -> None:
    class Twice:
        async def drain(self, _seconds: float) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            await trio.testing.wait_all_tasks_blocked()

    over = trio.Event()
    async with trio.open_nursery() as nursery:
        listener = cast("MtlsListener", Twice())
        await nursery.start(stop_when_told, [listener], None, over)
        os.kill(os.getpid(), signal.SIGTERM)
    assert over.is_set()
    assert left_over == []
