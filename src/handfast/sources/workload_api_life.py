# SPDX-License-Identifier: Apache-2.0
"""What a Workload API source is while it is open: a connection, streams, and a bell."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import trio

from handfast.errors import Reason, SourceError, UsageError, detail_for
from handfast.sources.workload_api_follow import Follower
from handfast.sources.workload_api_link import Link
from handfast.sources.workload_api_pace import Backoff, Pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime
    from types import TracebackType

    from handfast.workload_api.endpoint import Endpoint
    from handfast.workload_api.limits import ClientLimits

__all__ = ["Life", "misused"]

_T = TypeVar("_T")


class _Run(NamedTuple):
    manager: AbstractAsyncContextManager[trio.Nursery]
    nursery: trio.Nursery


class Life:
    """The moving parts of a source.

    Args:
        endpoint: Where the agent is.
        limits: What is taken from it.
        first_answer: Seconds to connect, and for a stream's first message.
        backoff: How long to wait after failures.
        now: The clock.
        longest: Says how long a wait may be at most, now.
    """

    def __init__(  # noqa: PLR0913 - keywords
        self,
        endpoint: Endpoint,
        *,
        limits: ClientLimits | None,
        first_answer: float,
        backoff: Backoff,
        now: Callable[[], datetime],
        longest: Callable[[], float],
    ) -> None:
        self.link = Link(endpoint, limits=limits, timeout=first_answer)
        self.followers: list[Follower[Any]] = []
        self._patience = first_answer
        self._backoff = backoff
        self._now = now
        self._longest = longest
        self._run: _Run | None = None
        self.changes = 0
        self._changed = trio.Event()

    @property
    def is_open(self) -> bool:
        """Whether it is inside of ``async with``."""
        return self._run is not None

    def follow(self, call: Any, sink: Any) -> None:
        """Follow a stream from the beginning on."""
        pace = Pace(self._backoff)
        follower = Follower(
            self.link,
            call,
            sink,
            pace=pace,
            patience=self._patience,
            now=self._now,
            longest=self._longest,
        )
        self.followers.append(follower)

    @property
    def trouble(self) -> SourceError | None:
        """Why one of the streams gives nothing new."""
        failures = (it.failure for it in self.followers)
        return next((it for it in failures if it is not None), None)

    # ---- beginning and end ----

    async def begin(self, others: Sequence[Callable[[], Awaitable[object]]]) -> None:
        """Start all tasks.

        Raises:
            UsageError: they run already.
        """
        if self._run is not None:
            raise misused("one async with at a time", "a second one")
        manager = trio.open_nursery()
        self._run = _Run(manager, await manager.__aenter__())
        for follower in self.followers:
            follower.stopped = None
            self._run.nursery.start_soon(follower.run, name=f"handfast {follower.name}")
        for other in others:
            self._run.nursery.start_soon(other)

    async def end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Stop all tasks, and close the connection.

        Cancellation: it is closed all the same.
        """
        run, self._run = self._run, None
        if run is None:
            raise misused("async with source", "an end without a beginning")
        run.nursery.cancel_scope.cancel()
        try:
            return await run.manager.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            # The block's own error comes out as it went in, not wrapped in a group.
            if error is not None and group.exceptions == (error,):
                return False
            raise
        finally:
            self.ring()
            with trio.CancelScope(shield=True):
                await self.link.aclose()

    # ---- waiting ----

    def ring(self) -> None:
        """Wake whoever waits for a change."""
        self.changes += 1
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def wait_changed(self, since: int | None) -> None:
        """Wait for a `ring` after the one of this number, or the next one."""
        if since is None or since == self.changes:
            await self._changed.wait()
        else:
            await trio.lowlevel.checkpoint()

    async def wait_for(self, get: Callable[[], _T], seconds: float | None) -> _T:
        """Wait until something can be had; then, or in the end, raise why not.

        Raises:
            SourceError: of `get`, after so many seconds, or when all streams have ended
                for ever.
            UsageError: nothing runs.
        """
        if self._run is None:
            raise misused("async with source", "waiting outside of it")
        with trio.move_on_after(float("inf") if seconds is None else seconds):
            while True:
                changed = self._changed
                await trio.lowlevel.checkpoint()
                with suppress(SourceError):
                    return get()
                if not self.is_open or all(it.stopped for it in self.followers):
                    break
                await changed.wait()
        return get()


def misused(expected: str, seen: str) -> UsageError:
    """Make the error of a call at the wrong time."""
    detail = detail_for(Reason.WRONG_STATE, expected=expected, seen=seen)
    return UsageError(detail)
