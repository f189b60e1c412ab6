# SPDX-License-Identifier: Apache-2.0
"""The task that keeps a `FileSource` fresh: the only part of it that knows trio.

It looks every `poll_interval` seconds, whatever happens: over network file systems, and
for links that are swapped somewhere above, nobody tells of changes. Where `watchfiles`
is installed (the extra ``files``), the system's own word wakes it earlier.
"""

from __future__ import annotations

import importlib
import logging
import threading
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any, Final

import trio

from handfast.errors import Reason, SourceError, UsageError, detail_for
from handfast.sources.files_layout import FEDERATED
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handfast.sources.base import SourceSnapshot
    from handfast.sources.files import FileSource

__all__ = ["Watch"]

# Milliseconds between two looks of its thread, and for changes that come together.
_AWATCH: Final = {"recursive": False, "step": 100, "debounce": 400}

_LOGGER = logging.getLogger("handfast.sources")


class Watch:
    """Watches the files of one source, from `begin` to `end`."""

    def __init__(self, source: FileSource) -> None:
        self._source = source
        self._wake = trio.Event()
        self._news = trio.Event()
        # What waits for the system's word is a thread, which hears of no cancellation.
        self._stop = threading.Event()
        self._stack = AsyncExitStack()

    async def begin(self) -> None:
        """Look once, and begin to watch. When cancelled, nothing is left behind."""
        async with AsyncExitStack() as stack:
            nursery = await stack.enter_async_context(trio.open_nursery())
            stack.callback(nursery.cancel_scope.cancel)
            stack.callback(self._stop.set)
            await nursery.start(self._run)
            nursery.start_soon(self._listen)
            self._stack = stack.pop_all()

    async def end(self) -> None:
        """Stop, and wait until nothing runs any more."""
        # Without the error that ends the block: the nursery would wrap it in a group.
        await self._stack.aclose()

    async def _run(self, task_status: trio.TaskStatus[None]) -> None:
        pause = await self._look()
        task_status.started()
        while True:
            self._wake = trio.Event()
            if pause is None:
                with trio.move_on_after(self._source.poll_interval):
                    await self._wake.wait()
            else:
                # What is being written would wake us at each step: it gets its time.
                await trio.sleep(pause)
            pause = await self._look()

    async def _look(self) -> float | None:
        try:
            return await trio.to_thread.run_sync(self._source.look)
        finally:
            self._news.set()
            self._news = trio.Event()

    async def _listen(self) -> None:
        """Wake the task whenever the system tells of a change."""
        try:
            awatch: Callable[..., Any] = importlib.import_module("watchfiles").awatch
        except ImportError:
            return
        while True:
            try:
                paths = await trio.to_thread.run_sync(_watched, self._source.directory)
                # Watched anew after each change: links may lead elsewhere now.
                told = awatch(*paths, stop_event=self._stop, **_AWATCH)
                async with aclosing(told) as changes:
                    async for _ in changes:
                        break
            except (OSError, RuntimeError) as error:  # the directory is not there
                _LOGGER.debug("nobody tells of changes: %s", error)
                await trio.sleep(self._source.poll_interval)
            self._wake.set()

    async def wait_newer(self, generation: int) -> SourceSnapshot:
        """Wait until there is a snapshot that came after this generation."""
        while True:
            news = self._news
            if self._source.health.generation > generation:
                await trio.lowlevel.checkpoint()
                return self._source.snapshot()
            await news.wait()


def _watched(directory: Path) -> list[Path]:
    """What to watch: the directory, its bundles, and what a link to it stands in."""
    paths = [directory]
    if (directory / FEDERATED).is_dir():
        paths.append(directory / FEDERATED)
    if directory.is_symlink():
        paths.append(directory.parent)
    return paths


def need(watch: Watch | None) -> Watch:
    """Insist on being inside of ``async with``."""
    if watch is None:
        detail = detail_for(
            Reason.WRONG_STATE,
            expected="a source that watches its files",
            seen="one that was not entered",
            hint="use 'async with source', or refresh() without trio",
        )
        raise UsageError(detail)
    return watch


async def begin(source: FileSource, watch: Watch | None) -> Watch:
    """Begin to watch a source that nobody watches."""
    if watch is not None:
        detail = detail_for(
            Reason.WRONG_STATE, expected="one 'async with'", seen="a second"
        )
        raise UsageError(detail)
    watch = Watch(source)
    await watch.begin()
    return watch


async def wait_ready(
    source: FileSource,
    watch: Watch | None,
    timeout: float | None,  # noqa: ASYNC109 - it fails with the source's reason
) -> SourceSnapshot:
    """Wait for the first snapshot."""
    watch = need(watch)
    with trio.move_on_after(float("inf") if timeout is None else timeout):
        return await watch.wait_newer(0)
    failure = source.health.failure
    detail = detail_for(
        Reason.SOURCE_NOT_READY,
        expected=f"an identity in {escape(str(source.directory))} "
        f"within {timeout:g} seconds",
        seen="nothing" if failure is None else str(failure),
        hint="",
    )
    raise SourceError(detail) from failure
