# SPDX-License-Identifier: Apache-2.0
"""The demo's figures: handfast and the standard library's ``ssl``, slice by slice.

Both do the same work: a full mutual TLS 1.3 handshake in memory, both ends in this
process, the same SVIDs, both sides verified. Slices alternate, so that whatever else
the machine does falls on both. `make bench` is the honest measurement; this is a look.
"""

from __future__ import annotations

import ssl
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from handfast import Connection, StaticSource, TlsConfig, authorize
from handfast.cli.demo_cast import Cast, Workload
from handfast.cli.demo_setting import DOMAIN

_SLICE = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Handshakes per second of CPU by stack, and the median of the rounds' ratios."""

    rates: dict[str, float]
    baseline: float
    ratio: float


def _handfast(cast: Cast) -> Callable[[], None]:
    allow = authorize.any_in(DOMAIN)
    server = TlsConfig.server(
        StaticSource(cast.server.svid, cast.bundles), authorize=allow
    )
    client = TlsConfig.client(
        StaticSource(cast.caller.svid, cast.bundles), authorize=allow
    )

    def handshake() -> None:
        here, there = Connection(client), Connection(server)
        done_here = done_there = False
        while not (done_here and done_there):
            done_here = here.handshake()
            if flight := here.to_send():
                there.receive(flight)
            done_there = there.handshake()
            if flight := there.to_send():
                here.receive(flight)

    return handshake


def _context(cast: Cast, workload: Workload, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=str(cast.server.bundle_file))
    context.load_cert_chain(workload.cert_file, workload.key_file)
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0
    return context


def _stdlib(cast: Cast) -> Callable[[], None]:
    server = _context(cast, cast.server, ssl.PROTOCOL_TLS_SERVER)
    client = _context(cast, cast.caller, ssl.PROTOCOL_TLS_CLIENT)

    def handshake() -> None:
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        here = client.wrap_bio(down, up)
        there = server.wrap_bio(up, down, server_side=True)
        waiting = [here, there]
        while waiting:
            for end in list(waiting):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                waiting.remove(end)

    return handshake


def _rate(handshake: Callable[[], None]) -> float:
    count = 0
    end = time.monotonic() + _SLICE
    start = time.process_time()
    while time.monotonic() < end:
        handshake()
        count += 1
    return count / (time.process_time() - start)


def compare(cast: Cast, seconds: float) -> Figures:
    """Count both, interleaved, for about ``seconds``; at least one round."""
    stacks = {"handfast": _handfast(cast), "stdlib ssl": _stdlib(cast)}
    for handshake in stacks.values():
        handshake()
    rounds = max(1, round(seconds / (_SLICE * len(stacks))))
    rates: dict[str, list[float]] = {name: [] for name in stacks}
    for _ in range(rounds):
        for name, handshake in stacks.items():
            rates[name].append(_rate(handshake))
    ratios = [
        a / b for a, b in zip(rates["handfast"], rates["stdlib ssl"], strict=True)
    ]
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return Figures(
        rates=medians,
        baseline=medians["stdlib ssl"],
        ratio=statistics.median(ratios),
    )
