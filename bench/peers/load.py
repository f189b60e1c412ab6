# SPDX-License-Identifier: Apache-2.0
"""Peer: a server in a process of its own, under the load of handfast's clients.

The clients are the same for every server, and come to it over loopback: connect, full
mutual handshake, 64 bytes there, an answer, close. With `--rate` they come when they
are due (schedule.py), and a latency counts from then; with `--at-once` so many come
again and again, as soon as they were served, and it counts from the beginning of each.

CPU is the server's process alone. How late the clients themselves were (they share the
machine) is told beside the latencies, which hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from bench.peers import handfast_memory, handfast_trio, loopback, sampler, servers
from bench.peers.schedule import arrivals, percentile
from bench.pki import SERVER_ID
from handfast.net import open_mtls_stream

if TYPE_CHECKING:
    import argparse

    from handfast import TlsConfig

WARM_UP = 5


class Load:
    """Clients of one server."""

    def __init__(self, config: TlsConfig, pid: int, port: int) -> None:
        self._config = config
        self._pid = pid
        self._port = port
        self.late: list[float] = []
        self.facts: sampler.Facts = {}

    async def visit(self) -> None:
        """Make one connection and use it."""
        stream = await open_mtls_stream(loopback.HOST, self._port, self._config)
        async with stream:
            handfast_trio.check(stream, SERVER_ID)
            await stream.send_all(servers.REQUEST)
            # The whole echo, or the beginning of what a web server says.
            await loopback.receive_exactly(stream, len(servers.REQUEST))

    async def _due(self, begin: float, due: float, clock: sampler.Clock) -> None:
        self.late.append(trio.current_time() - begin - due)
        await self.visit()
        clock.latencies.append(trio.current_time() - begin - due)

    async def open_loop(self, clock: sampler.Clock, rate: float) -> None:
        """Let clients come when they are due; wait until all were served."""
        self.late.clear()
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            for due in arrivals(rate, clock.seconds):
                await trio.sleep_until(begin + due)
                nursery.start_soon(self._due, begin, due, clock)

    async def closed_loop(self, clock: sampler.Clock, at_once: int) -> None:
        """Let so many come again and again until the time is up."""
        end = trio.current_time() + clock.seconds

        async def come() -> None:
            while (begin := trio.current_time()) < end:
                await self.visit()
                clock.latencies.append(trio.current_time() - begin)

        async with trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(come)

    async def sample(self, clock: sampler.Clock, given: argparse.Namespace) -> None:
        """Fill one sample."""
        for _ in range(WARM_UP):
            await self.visit()
        before = servers.cpu(self._pid)
        clock.start()
        if given.rate is not None:
            await self.open_loop(clock, given.rate)
        else:
            await self.closed_loop(clock, given.at_once)
        clock.stop()
        clock.cpu = servers.cpu(self._pid) - before
        if given.rate is not None:
            clock.more["open_loop_us"] = [round(it * 1e6) for it in clock.latencies]
            late = sorted(self.late)
            clock.more["clients_late_us"] = {
                f"p{share * 100:g}": round(percentile(late, share) * 1e6)
                for share in (0.5, 0.99)
            }

    async def probe(self) -> sampler.Facts:
        """Say what was negotiated."""
        stream = await open_mtls_stream(loopback.HOST, self._port, self._config)
        async with stream:
            await stream.send_all(servers.REQUEST)
            await loopback.receive_exactly(stream, len(servers.REQUEST))
            return {
                "protocol": stream.connection.version,
                "cipher": stream.connection.cipher,
                "group": stream.connection.group,
            }


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--server", choices=servers.NAMES, required=True)
    parser.add_argument("--program", help="of a server that was built for us")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--rate", type=float, help="clients a second")
    kind.add_argument("--at-once", type=int)
    given = parser.parse_args()
    (config,) = handfast_memory.configs(given, "client", sessions=None)
    with servers.running(given) as (pid, port):
        load = Load(config, pid, port)

        def take(clock: sampler.Clock) -> None:
            if clock.split:
                raise SystemExit("only the server is counted: SPLIT must be 0")
            trio.run(load.sample, clock, given)

        facts = trio.run(load.probe)
        facts |= {"clients": "handfast, trio", "trio": trio.__version__}
        sampler.serve(given, facts, take)


if __name__ == "__main__":
    main()
