# SPDX-License-Identifier: Apache-2.0
"""FileSource with trio: kept fresh while ``async with`` lasts, and not longer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.support.identity_files import kubernetes, versions, write

from handfast import (
    FileSource,
    Reason,
    SourceError,
    SourceState,
    TlsConfig,
    UsageError,
    authorize,
)
from handfast.net import MtlsStream, open_mtls_stream, serve_mtls

FIRST, SECOND, THIRD, *_ = versions()


def source(folder: Path, **options: Any) -> FileSource:
    """Look often: what is waited for comes soon, however slow the machine is."""
    return FileSource(folder, **{"poll_interval": 0.02, "settle": 0.01, **options})


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        with trio.fail_after(60):
            await main()

    trio.run(bounded)


@pytest.mark.parametrize("told", [True, False])
def test_a_new_set_is_seen_with_watchfiles_and_without(
    told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it, polling would be far too late for this test; without, all there is."""
    if not told:
        monkeypatch.setitem(sys.modules, "watchfiles", None)
    seconds = 0.02 if not told else 3600

    async def main() -> None:
        write(tmp_path, FIRST)
        async with source(tmp_path, poll_interval=seconds) as found:
            assert (await found.wait_ready(30)).svid == FIRST.svid
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_write_until_stopped, tmp_path)
                newer = await found.wait_newer(1)
                nursery.cancel_scope.cancel()
            assert newer.svid == SECOND.svid

    run(main)


async def _write_until_stopped(folder: Path) -> None:
    """Nobody knows when the system begins to watch: so write until it was told."""
    for _ in range(100):
        write(folder, SECOND)
        await trio.sleep(0.5)


def test_it_begins_before_the_files_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "later"

    async def main() -> None:
        async with source(folder) as found:
            assert not found.health.ok
            with pytest.raises(SourceError, match="later") as caught:
                await found.wait_ready(0)
            assert caught.value.reason is Reason.SOURCE_NOT_READY
            assert isinstance(caught.value.__cause__, FileNotFoundError)
            write(folder, FIRST)
            assert (await found.wait_ready()).svid == FIRST.svid

    run(main)


def test_swapped_links_are_followed_wherever_they_are(tmp_path: Path) -> None:
    """The directory itself is a link, and its files are a volume of Kubernetes."""
    first, second = tmp_path / "1", tmp_path / "2"
    for folder, version in ((first, FIRST), (second, SECOND)):
        folder.mkdir()
        _finish(folder, version)
    live = tmp_path / "live"
    live.symlink_to(first)

    async def main() -> None:
        async with source(live) as found:
            assert (await found.wait_ready(30)).svid == FIRST.svid
            (tmp_path / "next").symlink_to(second)
            (tmp_path / "next").rename(live)
            assert (await found.wait_newer(1)).svid == SECOND.svid
            _finish(second, THIRD)
            assert (await found.wait_newer(2)).svid == THIRD.svid

    run(main)


def _finish(folder: Path, version: Any) -> None:
    for _ in kubernetes(folder, version, (0, 1, 2), 0):
        pass


def test_the_block_ends_as_if_nothing_was_around_it(tmp_path: Path) -> None:
    """An error comes out as itself, no task and no thread stays, the snapshot does."""
    write(tmp_path, FIRST)
    found = source(tmp_path)

    async def main() -> None:
        with pytest.raises(KeyError):
            await _fail_inside(found)
        assert found.snapshot().svid == FIRST.svid
        with pytest.raises(UsageError):
            await found.wait_newer(0)
        async with found:  # and once more
            await found.wait_ready(30)
        with trio.move_on_after(30) as scope:
            async with found:
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert trio.lowlevel.current_statistics().tasks_living <= _TASKS_OF_TRIO

    run(main)
    assert not [it for it in threading.enumerate() if "watchfiles" in it.name]


async def _fail_inside(found: FileSource) -> None:
    async with found:
        await found.wait_ready(30)
        raise KeyError


# Its init task, main, and what wakes it from other threads.
_TASKS_OF_TRIO = 3


def test_a_second_block_at_once_is_refused(tmp_path: Path) -> None:
    found = source(tmp_path)

    async def main() -> None:
        async with found:
            with pytest.raises(UsageError):
                await found.__aenter__()

    run(main)


def test_entering_can_be_cancelled(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    found = source(tmp_path)

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await found.__aenter__()
        assert scope.cancelled_caught
        async with found:
            await found.wait_ready(30)

    run(main)


def test_a_server_rotates_with_its_files(tmp_path: Path) -> None:
    """P5: new handshakes take the new set, and a stream that is open stays open."""
    write(tmp_path, FIRST)
    anyone = authorize.anyone()

    async def echo(stream: MtlsStream) -> None:
        async for data in stream:
            await stream.send_all(data)

    async def main() -> None:
        async with source(tmp_path) as found, trio.open_nursery() as nursery:
            await found.wait_ready(30)
            server = TlsConfig.server(found, authorize=anyone)
            client = TlsConfig.client(found, authorize=anyone)
            serve = partial(serve_mtls, echo, 0, server, host="127.0.0.1")
            [listener] = await nursery.start(serve)
            old = await open_mtls_stream("127.0.0.1", listener.port, client)
            write(tmp_path, SECOND)
            await found.wait_newer(1)
            new = await open_mtls_stream("127.0.0.1", listener.port, client)
            assert old.peer.chain[0] == FIRST.svid.chain[0]
            assert new.peer.chain[0] == SECOND.svid.chain[0]
            for stream in (old, new):
                await stream.send_all(b"still there?")
                assert await stream.receive_some() == b"still there?"
                await stream.aclose()
            nursery.cancel_scope.cancel()
        assert found.health.state is SourceState.HEALTHY

    run(main)
