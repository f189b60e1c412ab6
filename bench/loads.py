# SPDX-License-Identifier: Apache-2.0
"""What is compared with what: servers in processes of their own, under load.

Two tables of the same servers: clients that come when they are due, whose waiting is
the figure, and sixteen that come again and again, which tell the server's CPU time.
"""

from __future__ import annotations

from dataclasses import replace

from bench.scenarios import Peer, Scenario

GROUP = "servers"
RATE = 200.0  # clients a second: a fifth of what the slowest here can do on a core
AT_ONCE = 16

NOTES = {
    "asyncio": "asyncio streams on stdlib ssl",
    "uvloop": "the same on uvloop",
    "trio_ssl": "trio.SSLStream on stdlib ssl",
    "nginx": "nginx, one process",
    "haproxy": "haproxy, one thread",
    "go": "Go's crypto/tls, a goroutine a connection",
    "handfast_0": "serve_mtls in the event loop",
    "handfast_1": "serve_mtls with one of the engine's workers",
}


def _server(name: str, *options: str) -> Peer:
    return Peer(
        name=name,
        program="load",
        options=("--server", name, *options),
        note=NOTES[name],
        helper="go_handshake" if name == "go" else None,
    )


def open_loop(rate: float) -> Scenario:
    """Return the scenario of clients that come `rate` times a second."""
    return Scenario(
        name="open-loop",
        title=f"{rate:g} clients a second, each counted from when it was due: "
        "TCP, full handshake, 64 bytes there, an answer; CPU of the server alone",
        peers=tuple(_server(name, "--rate", f"{rate:g}") for name in NOTES),
        split=False,
        rate=rate,
        # The 99.9th percentile wants thousands of clients.
        stretch=10,
        group=GROUP,
    )


SCENARIOS = (
    Scenario(
        name="server-cpu",
        title=f"CPU of the server alone, {AT_ONCE} clients at a time: "
        "TCP, full handshake, 64 bytes there, an answer, close",
        peers=tuple(_server(name, "--at-once", f"{AT_ONCE}") for name in NOTES),
        split=False,
        group=GROUP,
    ),
    open_loop(RATE),
)


def at_rate(scenario: Scenario, rate: float | None) -> Scenario:
    """Return an open-loop scenario with another rate; any other as it is."""
    if rate is None or scenario.rate is None:
        return scenario
    return replace(open_loop(rate), name=scenario.name)
