# SPDX-License-Identifier: Apache-2.0
"""Very many chains judged in a worker thread, while trio goes on.

A piece of some thousand chains at a time is read and judged in a thread; progress is
told between two pieces, in the task that asked. A cancellation stops the engine inside
of a piece, within some dozen signatures, and the thread is waited for: nothing is
abandoned, so nothing can leak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from handfast._batch import BatchRun, Progress
    from handfast._chunks import Chains
    from handfast.batch import BatchResult
    from handfast.verify import Verifier

__all__ = ["verify_many_async"]


async def _cancel_with_us(run: BatchRun) -> None:
    """Stop the engine when this task is cancelled: the thread itself cannot be."""
    try:
        await trio.sleep_forever()
    finally:
        run.control.cancel()


async def verify_many_async(  # noqa: PLR0913 - verify_many's own, but for the limiter
    verifier: Verifier,
    chains: Chains,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    lanes: bool = True,
    limiter: trio.CapacityLimiter | None = None,
) -> BatchResult:
    """Judge very many chains as ``Verifier.verify_many`` does, from trio.

    When it is cancelled there is no result, the engine has stopped, and no thread of it
    is left. An iterator of chains is then wherever it was; one that blocks is waited
    for until it gives its next piece.

    Args:
        verifier: Who judges.
        chains: As for ``verify_many``. An iterable is read in a worker thread, a piece
            at a time and never by two threads at once: it may block.
        threads: As for ``verify_many``.
        progress: As for ``verify_many``; it is called in trio's thread.
        lanes: As for ``verify_many``.
        limiter: Of worker threads; trio's default one when left out. A batch takes one
            of them for each piece; the threads of the engine are not counted.

    Returns:
        The verdicts, in the order of the chains. It never raises for a bad chain.

    Raises:
        ConfigError: an argument is not valid, or what is among the chains is none.
    """
    run = verifier._begin_batch(chains, threads, lanes=lanes)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    going = True
    failed: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_with_us, run)
        try:
            while going:
                going = await trio.to_thread.run_sync(run.step, limiter=limiter)
                # A piece that was cut short is no progress, and no result follows.
                await trio.lowlevel.checkpoint_if_cancelled()
                if going and progress is not None:
                    progress(run.done, run.total)
        except Exception as error:  # noqa: BLE001 - raised below, out of its group
            failed = error
        nursery.cancel_scope.cancel()
    if failed is not None:
        raise failed
    return run.result()
