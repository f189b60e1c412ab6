# SPDX-License-Identifier: Apache-2.0
"""The handshakes of tests/soak/handshakes.py that go over loopback, by trio.

A server with and without workers for each way to keep sessions; clients of `open_many`.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio
from tests.soak.cast import KEPT, Cast

from handfast import HandfastError
from handfast.net import (
    MtlsListener,
    MtlsStream,
    Opened,
    open_many,
    open_mtls_listeners,
    serve_mtls_listeners,
)

__all__ = ["Loopback"]

#: What a client over loopback does, and how many at a time.
_ON_LOOPBACK = {"full": 11, "comes back": 11, "expired": 1, "other domain": 1}


async def _greet(stream: MtlsStream) -> None:
    """Say a word, so that a session is issued, and hear the peer's end."""
    with suppress(trio.BrokenResourceError):
        await stream.send_all(b"a word")
        await stream.receive_some()


class Loopback:
    """The four servers, and their visitors."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._listeners: list[tuple[int, MtlsListener]] = []
        self._next = itertools.count()
        self._refusals = 0
        #: What did not go as it should.
        self.failed: list[str] = []

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[trio.Nursery, None]:
        """Run the servers, and end them."""
        async with trio.open_nursery() as nursery:
            for workers, kept in itertools.product((0, 2), KEPT):
                [listener] = await open_mtls_listeners(
                    0, self._cast.servers[kept], host="127.0.0.1"
                )
                serve = partial(serve_mtls_listeners, workers=workers)
                await nursery.start(serve, _greet, [listener])
                self._listeners.append((workers, listener))
            yield nursery
            nursery.cancel_scope.cancel()

    async def visit(self) -> None:
        """Send a party to the next server."""
        workers, listener = self._listeners[next(self._next) % len(self._listeners)]
        for who, count in _ON_LOOPBACK.items():
            refused = who in self._cast.refused
            config = (self._cast.refused if refused else self._cast.clients)[who]
            targets = [("127.0.0.1", listener.port)] * count
            async with open_many(targets, config, at_once=4) as results:
                async for opened in results:
                    kind = await (self._be_refused if refused else self._hear)(
                        opened, who
                    )
                    self._cast.counts[f"loopback workers={workers} {kind}"] += 1

    async def _hear(self, opened: Opened, who: str) -> str:
        if opened.stream is None:
            self.failed.append(f"loopback {who}: {opened.failure}")
            return "failed"
        async with opened.stream as stream:
            try:
                if await stream.receive_some() != b"a word":
                    self.failed.append("loopback: the word did not come")
            except (HandfastError, trio.BrokenResourceError) as error:
                self.failed.append(f"loopback: {error!r}")
            return "resumed" if stream.resumed else "full"

    async def _be_refused(self, opened: Opened, who: str) -> str:
        """TLS 1.3 clients learn it with what they read first."""
        self._refusals += 1
        if opened.stream is not None:
            try:
                await opened.stream.receive_some()
            except (HandfastError, trio.BrokenResourceError):
                pass
            else:
                self.failed.append(f"loopback: {who} was let in")
            await trio.aclose_forcefully(opened.stream)
        return f"refused {who}"

    async def quiet(self) -> None:
        """Wait until no server has anything to do."""
        with trio.fail_after(30):
            while any(  # noqa: ASYNC110 - there is nothing to be told by
                it.active or it.handshaking
                for it in (one.statistics() for _, one in self._listeners)
            ):
                await trio.sleep(0.002)

    def check(self) -> None:
        """Compare the servers' books with the visits."""
        seen = [one.statistics() for _, one in self._listeners]
        failed = sum(sum(it.handshakes_failed.values()) for it in seen)
        if failed != self._refusals:
            self.failed.append(
                f"servers refused {failed}, and {self._refusals} came to be refused"
            )
