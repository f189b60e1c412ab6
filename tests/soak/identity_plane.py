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
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import trio
from tests.soak.identity_plane_outcome import Outcome
from tests.soak.programs import Program, program

from handfast import HandfastError, TlsConfig, WorkloadApiSource, authorize
from handfast.net import MtlsStream, open_mtls_stream

DOMAIN = "soak.example"
SERVER, CLIENT = (f"spiffe://{DOMAIN}/{name}" for name in ("server", "client"))
EVERY = 0.05
TALK = 0.2
# For a machine that is busy with other things; what is lost is lost all the same.
PATIENCE = 60.0

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


class _Plane:
    """The processes, and those who connect to them."""

    def __init__(self, endpoint: str, outcome: Outcome, every: float) -> None:
        self._endpoint = endpoint
        self._every = every
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
        """Connect again and again, however long each of them takes."""
        only = authorize.exactly(SERVER)
        configs = (
            TlsConfig.client(source, authorize=only),
            TlsConfig.client(source, authorize=only, sessions=None),
        )
        async with trio.open_nursery() as nursery:
            start = trio.current_time()
            for number in count():
                await trio.sleep_until(start + self._every * number)
                if over.is_set():
                    break
                nursery.start_soon(self._connect, configs[number % 2])
                self._outcome.clients_svids.add(source.snapshot().svid.chain[0])

    async def _connect(self, config: TlsConfig) -> None:
        try:
            stream = await open_mtls_stream(
                "127.0.0.1", self._port, config, handshake_timeout=PATIENCE
            )
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


class _Entries:
    """The authority's entries file, which can be written again."""

    def __init__(self, file: Path, ttl: int) -> None:
        self.file = file
        self._ttl = ttl
        self._changes = -1
        self._resumed = -1
        self.change(resumed=-1)

    def change(self, *, resumed: int) -> None:
        """Write it, with another time to live each time."""
        self._changes += 1
        self._resumed = resumed
        text = _ENTRIES.format(
            server=SERVER,
            client=CLIENT,
            uid=os.getuid(),
            ttl=self._ttl + self._changes,
        )
        self.file.write_text(text, encoding="utf-8")

    def is_due(self, outcome: Outcome) -> bool:
        """Whether everybody has got what was written last, and has used it.

        With resumption, too: new SVIDs end sessions, and a fast machine could change
        them before anybody comes a second time.
        """
        return outcome.rotations >= self._changes and outcome.resumed > self._resumed


async def rotate(
    ttl: int,
    enough: Callable[[Outcome], bool],
    seconds: float,
    *,
    every: float = EVERY,
    by_reload: bool = False,
) -> Outcome:
    """Let identities rotate until it is enough, or time is over.

    Args:
        ttl: How long SVIDs live; they are renewed at half of that.
        enough: Looks at what has happened.
        seconds: How long at most.
        every: Between two connects.
        by_reload: Rotate by changed entries as well, each time all have seen the last
            change: then the speed of the machine decides nothing.
    """
    outcome, over = Outcome(), trio.Event()
    with tempfile.TemporaryDirectory(prefix="handfast-soak-") as name:
        folder = Path(name)
        entries = _Entries(folder / "entries.toml", ttl)
        options = ("--trust-domain", DOMAIN, "--state", folder / "state")
        files = ("--socket", folder / "agent.sock", "--entries", entries.file)
        async with program("authority", "run", *options, *files) as authority:
            endpoint = (await authority.wait_event("serving"))["endpoint"]
            plane = _Plane(endpoint, outcome, every)
            async with (
                plane.server() as server,
                WorkloadApiSource(endpoint, hint="client") as source,
            ):
                await source.wait_ready(PATIENCE)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(plane.keep_talking, over)
                    nursery.start_soon(plane.keep_connecting, over, source)
                    with trio.move_on_after(seconds):
                        while not enough(outcome):
                            await trio.sleep(0.1)
                            if by_reload and entries.is_due(outcome):
                                entries.change(resumed=outcome.resumed)
                                authority.send_signal(signal.SIGHUP)
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
