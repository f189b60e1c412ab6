# SPDX-License-Identifier: Apache-2.0
"""Peer: a Python thread that counts, to see how much of the GIL others leave it.

`--beside nothing`: alone. `--beside batch`: another thread runs `verify_many`, which
works in C on another core. `--beside hash`: another thread runs PBKDF2 in C, which
holds no GIL at all for as long as it takes: what sharing the machine costs, GIL aside.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING

from bench.peers import corpus, sampler
from bench.pki import TRUST_DOMAIN
from handfast import TrustBundle, Verifier

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

CHAINS = 10_000  # a call: it must end soon after the counting does
ITERATIONS = 500_000  # of PBKDF2: a quarter of a second
STEP = 1_000


def batch(given: argparse.Namespace) -> Callable[[], object]:
    """Return what verifies many chains."""
    bundle = TrustBundle.from_der(TRUST_DOMAIN, corpus.anchor(given))
    verifier = Verifier(bundle, purpose="client", cache=None)
    chains = [b"".join(chain) for chain, _ in corpus.chains(given)[:CHAINS]]

    def work() -> None:
        found = verifier.verify_many(chains, threads=1)
        assert found.summary().accepted == len(chains)

    return work


def hashing(given: argparse.Namespace) -> Callable[[], object]:
    """Return what keeps a core busy without the GIL."""
    return lambda: hashlib.pbkdf2_hmac("sha256", b"bench", b"salt", ITERATIONS)


def count(clock: sampler.Clock) -> None:
    """Count in Python until the time is up."""
    counted = 0
    begin = clock.start()
    while time.perf_counter() - begin < clock.seconds:
        for _ in range(STEP):
            counted += 1
    clock.latencies.append(time.perf_counter() - begin)
    clock.units = counted
    clock.stop()


def count_beside(work: Callable[[], object], clock: sampler.Clock) -> None:
    """Count while another thread works, from before the first count to after the last.

    Who fails there fails here, too: the count would be worth nothing.
    """
    begun, enough = threading.Event(), threading.Event()
    rounds = 0

    def loop() -> None:
        nonlocal rounds
        while not enough.is_set():
            begun.set()
            work()
            rounds += 1

    thread = threading.Thread(target=loop)
    thread.start()
    begun.wait()
    count(clock)
    enough.set()
    thread.join()
    assert rounds > 0


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    corpus.add_arguments(parser)
    parser.add_argument(
        "--beside", choices=("nothing", "batch", "hash"), default="nothing"
    )
    given = parser.parse_args()
    make = {"batch": batch, "hash": hashing}.get(given.beside)
    work = None if make is None else make(given)

    def take(clock: sampler.Clock) -> None:
        if work is None:
            count(clock)
        else:
            count_beside(work, clock)

    sampler.serve(given, {}, take)


if __name__ == "__main__":
    main()
