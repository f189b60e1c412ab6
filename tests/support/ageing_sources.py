# SPDX-License-Identifier: Apache-2.0
"""Sources of both kinds whose renewer works, rests, fails and comes back, on demand."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import trio
from tests.support import agent_messages as messages
from tests.support.agent_messages import WEB, part, svid, svids
from tests.support.fake_agent import socket_path
from tests.support.identity_files import Version, private, source, write
from tests.support.source_world import X509, World

from handfast import FileSource, WorkloadApiSource, X509Svid
from handfast.testing import FakeClock

HOUR = timedelta(hours=1)


class Stage(Protocol):
    """A source that has its first SVID, which has an hour to go, and its renewer.

    Attributes:
        source: The source.
        now: Its clock.
        name: Where the renewer is, as an error has to say it.
        calm: What is said when nothing is wrong but that nobody renews.
    """

    source: Any
    now: FakeClock
    name: str
    calm: str

    async def tick(self) -> None:
        """Let the source look at its clock, and at what there is."""

    async def lose(self) -> None:
        """Let the renewer be gone, and the source see it."""

    async def spoil(self, renewed: X509Svid) -> None:
        """Let the renewer give a chain with a key that does not fit it."""

    async def renew(self, renewed: X509Svid) -> None:
        """Let the renewer be there and give something newer; the source has it."""


class _OfAgent:
    calm = "it is connected, and sends nothing new"

    def __init__(self, world: World, opened: WorkloadApiSource) -> None:
        self._world = world
        self.source = opened
        self.now = world.now
        self.name = f"the agent at {world.agent.endpoint}"
        self._is_lost = False

    async def tick(self) -> None:
        await trio.sleep(12)

    async def lose(self) -> None:
        self._world.agent.stop()
        self._is_lost = True
        await self._world.until(lambda: self.source.trouble is not None)

    async def spoil(self, renewed: X509Svid) -> None:
        wrong = svids(part(renewed))
        wrong.svids[0].x509_svid_key = svid().key.der
        self._world.agent.say(X509, wrong)
        await self._world.until(lambda: self.source.trouble is not None)

    async def renew(self, renewed: X509Svid) -> None:
        before = self.source.statistics().generation
        self._world.agent.say(X509, svids(part(renewed)))
        if self._is_lost:
            await self._world.agents.start()
        await self._world.until(lambda: self.source.statistics().generation > before)


class _OfFiles:
    calm = "they are in order, and nobody writes new ones"

    def __init__(self, folder: Path, first: X509Svid, now: FakeClock) -> None:
        self._folder = folder
        self._write(first, now())
        self.now = now
        self.source: FileSource = source(folder, now=now)
        self.source.refresh()
        self.name = f"the files in {folder}"

    def _write(self, identity: X509Svid, moment: datetime) -> None:
        bundle = messages.authority().bundle
        write(self._folder, Version(svid=identity, bundle=bundle))
        seconds = moment.timestamp()
        os.utime(self._folder / "tls.crt", (seconds, seconds))

    async def tick(self) -> None:
        await trio.lowlevel.checkpoint()
        self.source.look()

    async def lose(self) -> None:
        self._folder.rename(self._folder.with_name("away"))
        # What is gone for a moment is a passing thing, until it is not.
        for _ in range(30):
            await self.tick()

    async def spoil(self, renewed: X509Svid) -> None:
        private(self._folder / "tls.crt", renewed.to_pem_chain())
        for _ in range(30):
            await self.tick()

    async def renew(self, renewed: X509Svid) -> None:
        await trio.lowlevel.checkpoint()
        self._write(renewed, self.now())
        self.source.refresh()


Open = Callable[..., Any]


@asynccontextmanager
async def of_agent(folder: Path, first: X509Svid) -> AsyncGenerator[Stage, None]:
    del folder  # a socket's name has to be short
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            world = World(nursery, path)
            world.now.set(first.not_after - HOUR)
            await world.agents.start()
            world.agent.say(X509, svids(part(first)))
            async with world.source() as opened:
                await opened.wait_ready(5)
                yield _OfAgent(world, opened)
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def of_files(folder: Path, first: X509Svid) -> AsyncGenerator[Stage, None]:
    await trio.lowlevel.checkpoint()
    yield _OfFiles(folder / "files", first, FakeClock(first.not_after - HOUR))


KINDS: dict[str, Open] = {"agent": of_agent, "files": of_files}


def first_svid() -> X509Svid:
    """Return an SVID that the whole run may use."""
    return svid()


def renewed_svid(now: Callable[[], datetime]) -> X509Svid:
    """Issue the next one: an hour long, from now on."""
    return messages.fresh(WEB, now)
