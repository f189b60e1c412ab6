# SPDX-License-Identifier: Apache-2.0
"""Identities from our own authority rotate under load (P5): nothing may be lost.

    python -m tests.soak.identity_plane [SECONDS [TTL]]

`handfast authority run` with SVIDs of ten seconds; `handfast serve` and a `handfast
connect` that keeps its stream open all the time, both told nothing but where the agent
is (`SPIFFE_ENDPOINT_SOCKET`); and connects every 50 ms, in turns resumed and in full.
It prints what happened, and exits 1 when anything was lost or nothing rotated.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import trio
from tests.soak.programs import Program, program

from handfast import HandfastError, TlsConfig, WorkloadApiSource, authorize
from handfast.net import MtlsStream, open_mtls_stream

DOMAIN = "soak.example"
SERVER, CLIENT = (f"spiffe://{DOMAIN}/{name}" for name in ("server", "client"))
EVERY = 0.05
TALK = 0.2

_ENTRIES = """\
[[entries]]
spiffe_id = "{server}"
selectors = ["unix:uid:{uid}"]
hint = "server"
x509_ttl = "{ttl}s"

[[entries]]
spiffe_id = "{client}"
selectors = ["unix:uid:{uid}"]
hint = "client"
x509_ttl = "{ttl}s"
"""


@dataclass
class Outcome:
    """What happened."""

    full: int = 0
    resumed: int = 0
    messages: int = 0
    answers: int = 0
    clients_svids: set[bytes] = field(default_factory=set[bytes])
    servers_svids: set[bytes] = field(default_factory=set[bytes])
    books: Counter[str] = field(default_factory=Counter[str])
    lost: list[str] = field(default_factory=list[str])

    @property
    def connects(self) -> int:
        """Handshakes that ended well."""
        return self.full + self.resumed

    def wrong(self) -> list[str]:
        """What was lost, or did not happen at all."""
        wrong = list(self.lost)
        if self.answers != self.messages:
            wrong.append(f"{self.messages} messages, {self.answers} answers")
        if self.books["accepted"] != self.connects + 1:
            wrong.append(f"the server accepted {self.books['accepted']}")
        if self.books["refused"] or self.books["broken"]:
            wrong.append(f"the server's books: {dict(self.books)}")
        if not (self.full and self.resumed and self.messages):
            wrong.append("a kind of connection never happened")
        if self.rotations < 1:
            wrong.append("identities did not rotate")
        return wrong

    @property
    def rotations(self) -> int:
        """How often both ends have had a new identity."""
        return min(len(self.clients_svids), len(self.servers_svids)) - 1

    def summary(self) -> str:
        """Say it in a line."""
        return (
            f"SVIDs of the client {len(self.clients_svids)}, of the server "
            f"{len(self.servers_svids)}; connects {self.connects} (full {self.full}, "
            f"resumed {self.resumed}); on the stream that stayed open {self.messages} "
            f"messages, {self.answers} answers; lost {len(self.wrong())}"
        )


class _Plane:
    """The processes, and those who connect to them."""

    def __init__(self, endpoint: str, outcome: Outcome) -> None:
        self._endpoint = endpoint
        self._outcome = outcome
        self._port = 0

    @asynccontextmanager
    async def server(self) -> AsyncGenerator[Program, None]:
        """Run `handfast serve`."""
        options = ("--host", "127.0.0.1", "--port", "0", "--echo", "--hint", "server")
        async with program(
            "serve", *options, "--allow", CLIENT, endpoint=self._endpoint
        ) as server:
            self._port = (await server.wait_event("listening"))["port"]
            yield server

    async def keep_talking(self, over: trio.Event) -> None:
        """Keep one stream of `handfast connect` open, and say something on it."""
        options = ("127.0.0.1", f"{self._port}", "--hint", "client")
        async with program(
            "connect", *options, "--allow", SERVER, endpoint=self._endpoint
        ) as client:
            await client.wait_event("connected")
            while not over.is_set():
                text = f"message {self._outcome.messages}\n"
                self._outcome.messages += 1
                await client.say(text)
                if (await client.wait_event("data"))["text"] == text:
                    self._outcome.answers += 1
                with trio.move_on_after(TALK):
                    await over.wait()
            await client.finish()

    async def keep_connecting(
        self, over: trio.Event, source: WorkloadApiSource
    ) -> None:
        """Connect every EVERY seconds, however long each of them takes."""
        only = authorize.exactly(SERVER)
        configs = (
            TlsConfig.client(source, authorize=only),
            TlsConfig.client(source, authorize=only, sessions=None),
        )
        async with trio.open_nursery() as nursery:
            for number, when in enumerate(_ticks(trio.current_time())):
                await trio.sleep_until(when)
                if over.is_set():
                    break
                nursery.start_soon(self._connect, configs[number % 2])
                self._outcome.clients_svids.add(source.snapshot().svid.chain[0])

    async def _connect(self, config: TlsConfig) -> None:
        try:
            stream = await open_mtls_stream("127.0.0.1", self._port, config)
            async with stream:
                self._count(stream)
                await stream.send_all(b"there?")
                answer = await stream.receive_some()
                if answer != b"there?":
                    self._outcome.lost.append(f"answered {answer!r}")
        except (HandfastError, OSError, trio.BrokenResourceError) as error:
            self._outcome.lost.append(f"{error!r} {error.__cause__!r}")

    def _count(self, stream: MtlsStream) -> None:
        self._outcome.resumed += stream.resumed
        self._outcome.full += not stream.resumed
        self._outcome.servers_svids.add(stream.peer.chain[0])


def _ticks(start: float) -> Iterator[float]:
    """Times that are EVERY seconds apart."""
    return (start + EVERY * number for number in count(1))


async def rotate(
    ttl: int, enough: Callable[[Outcome], bool], seconds: float
) -> Outcome:
    """Let identities of `ttl` seconds rotate until it is enough, or time is over."""
    outcome = Outcome()
    over = trio.Event()
    with tempfile.TemporaryDirectory(prefix="handfast-soak-") as name:
        folder = Path(name)
        entries = _ENTRIES.format(
            server=SERVER, client=CLIENT, uid=os.getuid(), ttl=ttl
        )
        (folder / "entries.toml").write_text(entries, encoding="utf-8")
        options = ("--trust-domain", DOMAIN, "--state", folder / "state")
        files = (
            "--socket",
            folder / "agent.sock",
            "--entries",
            folder / "entries.toml",
        )
        async with program("authority", "run", *options, *files) as authority:
            endpoint = (await authority.wait_event("serving"))["endpoint"]
            plane = _Plane(endpoint, outcome)
            async with (
                plane.server() as server,
                WorkloadApiSource(endpoint, hint="client") as source,
            ):
                await source.wait_ready(30)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(plane.keep_talking, over)
                    nursery.start_soon(plane.keep_connecting, over, source)
                    with trio.move_on_after(seconds):
                        while not enough(outcome):  # noqa: ASYNC110 - of several tasks
                            await trio.sleep(0.1)
                    over.set()
                await server.drain_events("accepted", outcome.connects + 1)
                outcome.books = server.counts
    return outcome


def main(arguments: list[str]) -> int:
    """Rotate for two minutes, or as long as asked; say what happened."""
    seconds = int(arguments[0]) if arguments else 120
    ttl = int(arguments[1]) if len(arguments) > 1 else 10
    outcome = trio.run(rotate, ttl, lambda _: False, seconds)
    wrong = outcome.wrong()
    # SVIDs are renewed at half of their life, at the latest.
    if outcome.rotations < seconds // ttl:
        wrong.append(f"rotated {outcome.rotations} times only")
    sys.stdout.write("\n  ".join([outcome.summary(), *wrong[:10]]) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
