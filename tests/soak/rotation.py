# SPDX-License-Identifier: Apache-2.0
"""Everything rotates while clients connect and stream (P5): nothing may be lost.

    python -m tests.soak.rotation [SECONDS [CLIENTS]]

SVIDs of both sides are replaced every second and the bundles every two, by authorities
that follow each other with an overlap, as SPIRE rotates them. Half of the clients
connect anew all the time, the others stay and talk. It prints what happened, and exits
1 when a handshake failed, a stream was dropped, or old snapshots pile up.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from handfast import (
    HandfastError,
    StaticSource,
    TlsConfig,
    TrustBundle,
    X509Svid,
    _ffi,
    authorize,
)
from handfast.authority import Authority
from handfast.net import MtlsListener, MtlsStream, open_mtls_listeners, open_mtls_stream
from handfast.net.serve import serve_mtls_listeners

DOMAIN = "a.example"
SNAPSHOTS = ("config", "verifier", "svid", "bundle", "bundle_set")

Pause = Callable[[], Awaitable[object]]


class Rotation:
    """Two workloads whose authorities follow each other."""

    def __init__(self) -> None:
        self._previous, self._active, self._next = (Authority(DOMAIN) for _ in "pan")
        self.server, self.client = (
            StaticSource(self._svid(name), self._bundle()) for name in ("db", "web")
        )
        self.ticks = 0

    def _svid(self, name: str) -> X509Svid:
        return self._active.issue(f"spiffe://{DOMAIN}/{name}")

    def _bundle(self) -> TrustBundle:
        trusted = (self._previous, self._active, self._next)
        return TrustBundle.from_der(
            DOMAIN,
            [der for one in trusted for der in one.bundle.x509_authorities],
        )

    def tick(self) -> None:
        """Replace both SVIDs, and every second time the authorities, too."""
        self.ticks += 1
        if not self.ticks % 2:
            self._previous, self._active = self._active, self._next
            self._next = Authority(DOMAIN)
            for source in (self.server, self.client):
                source.update(bundles=self._bundle())
        self.server.update(svid=self._svid("db"))
        self.client.update(svid=self._svid("web"))


@dataclass
class Outcome:
    """What happened."""

    handshakes: int = 0
    messages: int = 0
    ticks: int = 0
    failed: list[str] = field(default_factory=list[str])
    snapshots: list[int] = field(default_factory=list[int])

    @property
    def flat(self) -> bool:
        """Whether as many snapshots live at the end as early on."""
        early, late = self.snapshots[: len(self.snapshots) // 2], self.snapshots
        return bool(early) and max(late) <= max(early) + max(early) // 4

    @property
    def good(self) -> bool:
        """Whether nothing was lost."""
        return not self.failed and self.flat and self.handshakes > 0


def live_snapshots() -> int:
    """Count what the engine keeps of configurations, identities and bundles."""
    live = _ffi.live_handles()
    return sum(live[kind] for kind in SNAPSHOTS)


async def _echo(stream: MtlsStream) -> None:
    async for data in stream:
        await stream.send_all(data)


class _Clients:
    def __init__(self, port: int, config: TlsConfig, outcome: Outcome) -> None:
        self._port, self._config, self._outcome = port, config, outcome
        self.going = True

    async def _ask(self, stream: MtlsStream) -> None:
        await stream.send_all(b"still there?")
        if await stream.receive_some() != b"still there?":
            self._outcome.failed.append("a stream ended")
        self._outcome.messages += 1

    async def run(self, *, stays: bool) -> None:
        """Connect and ask, again and again; or ask again and again."""
        try:
            while self.going:
                async with await open_mtls_stream(
                    "127.0.0.1", self._port, self._config
                ) as stream:
                    self._outcome.handshakes += 1
                    await self._ask(stream)
                    while stays and self.going:
                        await self._ask(stream)
                        await trio.sleep(0.01)
        except (HandfastError, OSError, trio.BrokenResourceError) as error:
            self._outcome.failed.append(repr(error))


async def rotate_under_load(ticks: int, clients: int, pause: Pause) -> Outcome:
    """Let clients work while everything rotates, once after every pause.

    Returns:
        What happened, the server's own failures included.
    """
    outcome, world = Outcome(), Rotation()
    anyone = authorize.any_in(DOMAIN)
    [listener] = await open_mtls_listeners(
        0, TlsConfig.server(world.server, authorize=anyone), host="127.0.0.1"
    )
    config = TlsConfig.client(world.client, authorize=anyone)
    crowd = _Clients(listener.port, config, outcome)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_mtls_listeners, _echo, [listener])
        async with trio.open_nursery() as connecting:
            for number in range(clients):
                connecting.start_soon(_run, crowd, bool(number % 2))
            for _ in range(ticks):
                await pause()
                world.tick()
                outcome.snapshots.append(live_snapshots())
            crowd.going = False
        await listener.drain(10)
    outcome.ticks = world.ticks
    outcome.failed += _failures(listener)
    return outcome


async def _run(crowd: _Clients, stays: bool) -> None:
    await crowd.run(stays=stays)


def _failures(listener: MtlsListener) -> list[str]:
    statistics = listener.statistics()
    failed = [f"{it} in {why}" for why, it in statistics.handshakes_failed.items()]
    return failed + [f"{it} ended: {why}" for why, it in statistics.ended.items()]


def main(arguments: list[str]) -> int:
    """Rotate for a minute, or as long as asked; say what happened."""
    seconds = int(arguments[0]) if arguments else 60
    clients = int(arguments[1]) if len(arguments) > 1 else 50

    async def pause() -> None:
        await trio.sleep(1)

    outcome = trio.run(rotate_under_load, seconds, clients, pause)
    summary = (
        f"rotations {outcome.ticks}, clients {clients}, "
        f"handshakes {outcome.handshakes}, messages {outcome.messages}, "
        f"failed {len(outcome.failed)}; snapshots alive: at most "
        f"{max(outcome.snapshots)}, at the end {outcome.snapshots[-1]}"
    )
    sys.stdout.write("\n  ".join([summary, *outcome.failed[:10]]) + "\n")
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
