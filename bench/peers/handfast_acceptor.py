# SPDX-License-Identifier: Apache-2.0
"""Peer: a server whose handshakes are the engine's workers', with clients elsewhere.

The clients are a process of their own (`acceptor_clients.py`), so that what is counted
here is the server's alone: the CPU clocks of the worker threads, or, with `--whole`, of
the process, the event loop and a handler that does nothing included. A machine with two
cores has no room for clients that could fill two workers; so the rate of N workers is
told as N over the CPU time of a handshake, which counts what they lose by sharing
anything (locks, cache lines) but not what they would wait for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from bench.peers import handfast_memory, loopback, memory, sampler
from handfast.net import MtlsListener, open_mtls_listeners, serve_mtls_listeners

if TYPE_CHECKING:
    import argparse

    from handfast import TlsConfig
    from handfast.net import MtlsStream

TASKS = Path("/proc/self/task")


def threads() -> set[int]:
    """Return the threads of this process."""
    return {int(it.name) for it in TASKS.iterdir()}


def worked(workers: set[int]) -> float:
    """Return the CPU seconds of some threads so far."""
    times = [(TASKS / f"{it}" / "schedstat").read_text("ascii") for it in workers]
    return sum(int(it.split()[0]) for it in times) / 1e9


async def close(stream: MtlsStream) -> None:
    """Do what a handler can do least."""
    await stream.aclose()


async def compute() -> None:
    """Hold the event loop, and the GIL, for a tenth of a second at a time."""
    while True:
        until = time.perf_counter() + 0.1
        while time.perf_counter() < until:
            pass
        await trio.lowlevel.checkpoint()


def start_clients(given: argparse.Namespace, port: int) -> subprocess.Popen[str]:
    """Let clients come until the end of their input."""
    options = ["--pki", str(given.pki), "--groups", given.groups, "--port", str(port)]
    return subprocess.Popen(
        [sys.executable, "-m", "bench.peers.acceptor_clients", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def _sample(
    given: argparse.Namespace, config: TlsConfig, clock: sampler.Clock
) -> None:
    async with trio.open_nursery() as nursery:
        before = threads()
        listeners: list[MtlsListener] = await open_mtls_listeners(
            0, config, host=loopback.HOST
        )
        serve = partial(serve_mtls_listeners, workers=given.workers)
        await nursery.start(serve, close, listeners)
        workers = threads() - before
        (listener,) = listeners
        with start_clients(given, listener.port) as clients:
            if given.busy:
                nursery.start_soon(compute)
            # What the event loop has not taken yet is counted, too: the workers did it.
            while listener.statistics().accepted < given.warm_up:
                await trio.lowlevel.checkpoint()
            done, cpu = listener.statistics().accepted, worked(workers)
            clock.start()
            await trio.sleep(clock.seconds)
            clock.stop()
            clock.count = listener.statistics().accepted - done
            if not given.whole:
                clock.cpu = worked(workers) - cpu
            out = await trio.to_thread.run_sync(clients.communicate, "")
        clock.latencies = json.loads(out[0])
        nursery.cancel_scope.cancel()


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--busy", action="store_true", help="with a loop that computes")
    parser.add_argument("--whole", action="store_true", help="count the whole process")
    parser.add_argument("--warm-up", type=int, default=50, help="handshakes before")
    given = parser.parse_args()
    # Full handshakes are counted: nothing is resumed.
    (server,) = handfast_memory.configs(given, "server", sessions=None)
    (client,) = handfast_memory.configs(given, "client", sessions=None)
    probe = handfast_memory.HandfastEnd(client)
    memory.handshake(probe, handfast_memory.HandfastEnd(server))
    facts: dict[str, Any] = handfast_memory.facts(probe.tls)
    facts |= {
        "workers": given.workers,
        "counted": "process" if given.whole else "workers",
    }

    def take(clock: sampler.Clock) -> None:
        if clock.split:
            raise SystemExit("the clients are another process: SPLIT must be 0")
        trio.run(_sample, given, server, clock)

    sampler.serve(given, facts | {"trio": trio.__version__}, take)


if __name__ == "__main__":
    main()
