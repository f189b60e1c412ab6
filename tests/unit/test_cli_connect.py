# SPDX-License-Identifier: Apache-2.0
"""`handfast connect --retry`: a server that is about to listen is waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from tests.support.net_world import over_memory

from handfast.cli.connect import open_when_heard
from handfast.net import MtlsStream


def nobody_listens() -> OSError:
    """What trio raises for a name with two addresses."""
    error = OSError("all attempts to connect to db:8443 failed")
    refused = [ConnectionRefusedError(111, "refused") for _ in range(2)]
    error.__cause__ = ExceptionGroup("both", refused)
    return error


def failing(
    failures: list[OSError], stream: MtlsStream
) -> Callable[[], Awaitable[MtlsStream]]:
    async def dial() -> MtlsStream:
        await trio.lowlevel.checkpoint()
        if failures:
            raise failures.pop()
        return stream

    return dial


def tried(failures: list[OSError], seconds: float) -> float:
    """Connect, on a clock that jumps; return how long it took."""

    async def main() -> float:
        client, server = await over_memory()
        async with client, server:
            assert await open_when_heard(failing(failures, client), seconds) is client
            return trio.current_time()

    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(main, clock=clock)


def test_a_server_that_does_not_listen_yet_is_waited_for() -> None:
    assert tried([nobody_listens() for _ in range(20)], 10) == pytest.approx(2)
    assert tried([ConnectionRefusedError(111, "")], 10) == pytest.approx(0.1)


@pytest.mark.parametrize("seconds", [0, 1])
def test_it_ends_after_the_time_that_was_given(seconds: float) -> None:
    failures = [nobody_listens() for _ in range(100)]
    with pytest.raises(OSError, match="all attempts"):
        tried(failures, seconds)
    assert 100 - len(failures) == pytest.approx(1 + seconds * 10, abs=1)


def test_what_waiting_does_not_mend_is_said_at_once() -> None:
    failures = [nobody_listens(), OSError(113, "no route to host")]
    with pytest.raises(OSError, match="no route"):
        tried(failures, 10)
    assert len(failures) == 1
