# SPDX-License-Identifier: Apache-2.0
"""Many client connections, a bounded number of them in the making at once.

Theory of operation. `at_once` tasks take the next target, connect, and hand the result
over in person: a channel that holds nothing. So what is being made and what nobody has
taken yet are bounded together, and a slow taker slows the connecting down.

With `workers=` the handshakes are the engine's threads' (`client_workers`); all else
stays as it is.

Invariant: a stream is its task's until it was taken; a task that is cancelled closes
what it has.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from handfast.errors import HandfastError
from handfast.net.acceptor import check_workers
from handfast.net.client_workers import ClientWorkers, client_workers
from handfast.net.failures import (
    again,
    handshake_timed_out,
    need_positive,
    need_role,
    system_failure,
)
from handfast.net.open import open_by

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator
    from contextlib import AbstractContextManager

    from handfast.net.lifetime import Lifetime
    from handfast.net.stream import MtlsStream
    from handfast.tls import TlsConfig

    _Results = trio.MemorySendChannel["Opened"]

__all__ = ["Opened", "open_many"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of one target of `open_many`.

    Attributes:
        target: The host and port, as they were given.
        stream: The stream, which is the taker's now; None when there is none.
        failure: Why there is none.
        seconds: How long it took, from the first packet to the verdict.
    """

    target: tuple[str, int]
    stream: MtlsStream | None
    failure: HandfastError | None
    seconds: float


@asynccontextmanager
async def open_many(  # noqa: PLR0913 - all by keyword
    targets: Iterable[tuple[str, int]],
    config: TlsConfig,
    *,
    at_once: int = 64,
    workers: int = 0,
    timeout: float = 20.0,  # noqa: ASYNC109 - of each target, and told as its failure
    lifetime: Lifetime | None = None,
) -> AsyncGenerator[trio.MemoryReceiveChannel[Opened]]:
    """Connect to many servers, or many times to one.

    ::

        async with open_many([("db.internal", 5432)] * 1000, config) as results:
            async for opened in results:
                if opened.failure is not None:
                    print(opened.target, opened.failure.reason)

    Args:
        targets: Hosts and ports; taken one by one, so there may be no end of them.
        config: How to connect; of role client.
        at_once: How many may be connecting, shaking hands, or done and not taken yet.
        workers: How many threads of the engine shake hands, beside the event loop and
            without the GIL: on as many cores. 0 does it in the event loop, and so does
            a system without epoll.
        timeout: Seconds for each target: its name, TCP, and the handshake.
        lifetime: When the streams end on purpose; see `Lifetime` for the default.

    Yields:
        The results in the order in which they are there, until every target has one.
        The streams in them are the taker's to close, and outlive this block.

    Cancellation, or the end of the block before the end of the results: what is under
    way, and what was not taken, is closed.

    Raises:
        ConfigError: a limit is not valid, or `config` is a server's.
    """
    need_role(config, "client")
    need_positive("at_once=", at_once)
    need_positive("timeout=", timeout)
    workers = check_workers(workers)
    send, receive = trio.open_memory_channel[Opened](0)

    async def run(
        by: ClientWorkers | None,
        targets: Iterator[tuple[str, int]],
        results: _Results,
    ) -> None:
        async with results:
            for target in targets:
                await _hand_over(
                    await _open(by, target, config, timeout, lifetime), results
                )

    failure: Exception | None = None
    with _workers(workers, timeout, at_once) as by:
        async with trio.open_nursery() as nursery, receive:
            remaining = iter(targets)
            async with send:
                for _ in range(at_once):
                    nursery.start_soon(run, by, remaining, send.clone())
            try:
                yield receive
            except Exception as error:  # noqa: BLE001 - raised below, and not in a group
                failure = error
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _workers(
    workers: int, seconds: float, at_once: int
) -> AbstractContextManager[ClientWorkers | None]:
    if not workers:
        return nullcontext()
    return client_workers(workers, seconds=seconds, at_once=at_once)


async def _hand_over(opened: Opened, results: _Results) -> None:
    try:
        await results.send(opened)
    except BaseException:
        if opened.stream is not None:
            await trio.aclose_forcefully(opened.stream)
        raise


async def _open(
    by: ClientWorkers | None,
    target: tuple[str, int],
    config: TlsConfig,
    seconds: float,
    lifetime: Lifetime | None,
) -> Opened:
    host, port = target
    start = trio.current_time()
    stream: MtlsStream | None = None
    failure: HandfastError | None = handshake_timed_out(seconds)
    with trio.move_on_after(seconds):
        try:
            stream = await open_by(
                by, host, port, config, handshake_timeout=seconds, lifetime=lifetime
            )
            failure = None
        except HandfastError as error:
            failure = again(error)
        except OSError as error:
            failure = system_failure(error)
    return Opened(target, stream, failure, trio.current_time() - start)
