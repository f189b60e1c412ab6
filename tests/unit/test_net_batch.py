# SPDX-License-Identifier: Apache-2.0
"""verify_many_async: progress, cancellation, and what it leaves behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
import trio
import trio.testing
from tests.support import batch
from tests.support.net_world import PATIENCE, trio_test

import handfast
from handfast import ConfigError, Verifier, _ffi, verify_many_async
from handfast._batch import BatchRun
from handfast._chunks import CHUNK
from handfast.testing import forge


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(batch.root().bundle)


@pytest.fixture(scope="module")
def good() -> bytes:
    return b"".join(forge(batch.root(), batch.WEB).chain)


@trio_test
async def test_it_says_what_verify_many_says(verifier: Verifier) -> None:
    with trio.testing.assert_checkpoints():
        result = await verify_many_async(verifier, batch.chains())
    assert result == verifier.verify_many(batch.chains())
    with trio.testing.assert_checkpoints():
        assert len(await verify_many_async(verifier, [])) == 0


@trio_test
async def test_it_is_the_one_of_the_package(verifier: Verifier) -> None:
    assert handfast.verify_many_async is handfast.net.verify_many_async


@trio_test
async def test_progress_is_told_in_trio(verifier: Verifier, good: bytes) -> None:
    told: list[tuple[int, int | None]] = []

    def progress(done: int, total: int | None) -> None:
        trio.lowlevel.current_task()  # raises anywhere else
        told.append((done, total))

    many = CHUNK + 1
    await verify_many_async(verifier, [good] * many, progress=progress)
    assert told == [(CHUNK, many), (many, many)]


@trio_test
async def test_other_tasks_run_meanwhile(verifier: Verifier, good: bytes) -> None:
    """The corpus waits for a task of ours: the loop is not blocked by it."""
    go_on, asked = threading.Event(), trio.Event()
    token = trio.lowlevel.current_trio_token()

    def chains() -> Iterator[bytes]:
        trio.from_thread.run_sync(asked.set, trio_token=token)
        assert go_on.wait(PATIENCE)
        yield good

    async def answer() -> None:
        await asked.wait()
        go_on.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        result = await verify_many_async(verifier, chains())
    assert result.all_ok


@trio_test
async def test_wrong_arguments_are_named_without_a_group(
    verifier: Verifier, good: bytes
) -> None:
    for chains in (b"0", [good, 5]):
        with pytest.raises(ConfigError):
            await verify_many_async(verifier, chains)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        await verify_many_async(verifier, [good], threads=0)


@trio_test
async def test_what_progress_raises_comes_through(
    verifier: Verifier, good: bytes
) -> None:
    def progress(_done: int, _total: int | None) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        await verify_many_async(verifier, [good], progress=progress)


@trio_test
async def test_a_cancelled_batch_has_no_result_and_leaves_nothing(
    verifier: Verifier, good: bytes
) -> None:
    """D6: at every piece; the corpus is never read again, and no handle is left."""

    def chains() -> Iterator[bytes]:
        while True:  # only a cancellation ends it
            yield good

    gc.collect()
    before, read = _ffi.live_handles(), threading.active_count()
    for pieces in (1, 2, 5):
        done = 0
        with trio.CancelScope() as scope:

            def progress(
                many: int,
                _total: int | None,
                scope: trio.CancelScope = scope,
                pieces: int = pieces,
            ) -> None:
                nonlocal done
                done = many
                if many == pieces * CHUNK:
                    scope.cancel()

            await verify_many_async(verifier, chains(), progress=progress)
        assert scope.cancelled_caught
        assert done == pieces * CHUNK
    gc.collect()
    assert _ffi.live_handles() == before
    # trio keeps a worker of its own for a while; the engine keeps none.
    assert threading.active_count() <= read + 1
    assert (await verify_many_async(verifier, [good])).all_ok


@trio_test
async def test_a_cancellation_stops_the_engine_inside_of_a_piece(
    verifier: Verifier,
    good: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread is waited for, and the engine is told before."""
    started, cancelled = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()
    judge = BatchRun._judge
    answers: list[bool] = []

    def slowly(run: BatchRun, chunk: object) -> bool:
        # The call into the engine begins when the cancellation has come: as if it had
        # come in its middle.
        trio.from_thread.run_sync(started.set, trio_token=token)
        assert cancelled.wait(PATIENCE)
        answers.append(judge(run, chunk))  # type: ignore[arg-type]
        return answers[-1]

    class Heard:
        """The control of a run, with an ear."""

        def __init__(self, control: object) -> None:
            self.control = control

        def cancel(self) -> None:
            self.control.cancel()  # type: ignore[attr-defined]
            cancelled.set()

    monkeypatch.setattr(BatchRun, "_judge", slowly)
    begin = Verifier._begin_batch

    def begin_with_ear(*args: object, **kwargs: object) -> BatchRun:
        run = begin(*args, **kwargs)  # type: ignore[arg-type]
        run.control = Heard(run.control)  # type: ignore[assignment]
        return run

    monkeypatch.setattr(Verifier, "_begin_batch", begin_with_ear)
    results: list[object] = []
    async with trio.open_nursery() as nursery:

        async def work() -> None:
            results.append(await verify_many_async(verifier, [good] * 1000))

        nursery.start_soon(work)
        await started.wait()
        nursery.cancel_scope.cancel()
    assert answers == [False]  # cut short: not a verdict on any chain
    assert results == []


@trio_test
async def test_worker_threads_are_limited_by_whom_the_caller_names(
    verifier: Verifier, good: bytes
) -> None:
    limiter = trio.CapacityLimiter(1)
    most = 0

    def progress(_done: int, _total: int | None) -> None:
        nonlocal most
        most = max(most, limiter.borrowed_tokens)

    def chains() -> Iterator[bytes]:
        nonlocal most
        most = max(most, limiter.borrowed_tokens)
        yield good

    async with trio.open_nursery() as nursery:
        for _ in range(3):

            async def work() -> None:
                result = await verify_many_async(
                    verifier, chains(), progress=progress, limiter=limiter
                )
                assert result.all_ok

            nursery.start_soon(work)
    assert most == 1
