# SPDX-License-Identifier: Apache-2.0
"""Peer of bench/issuing.py: an authority at work, as `handfast authority run` has it.

Callers are attested as always, and told apart by the name that each has given its own
end of the socket, since all of them come from one process. Answers lines with what it
has cost so far.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import trio

from handfast import SpiffeId, TrustDomain, openssl_version
from handfast.authority.attest import Attestor, Caller
from handfast.authority.entries import Entry
from handfast.authority.selectors import Selector
from handfast.authority.service import AuthorityService
from handfast.authority.settings import AuthoritySettings
from handfast.authority.state import AuthorityState
from handfast.authority.workload_socket import open_workload_socket
from handfast.workload_api.service import ServiceLimits, serve_workload_api

DOMAIN = TrustDomain("bench.example")


def name_of(number: int) -> str:
    """Return what the workload of a number calls its end of the socket."""
    return f"handfast-bench-{os.getppid()}-{number}"


def entries(count: int) -> list[Entry]:
    """Return an entry for each workload."""
    return [
        Entry(
            spiffe_id=SpiffeId(DOMAIN, f"/workload/{number}"),
            selectors=frozenset({Selector("bench", name_of(number))}),
        )
        for number in range(count)
    ]


async def serve(state: AuthorityState, folder: Path, count: int) -> None:
    """Serve until nobody asks any more."""
    attestor = Attestor(hash_executables=False)

    async def identify(stream: trio.SocketStream) -> Caller:
        caller = await attestor.attest(stream)
        name = stream.socket.getpeername().removeprefix(b"\0").decode("ascii")
        return replace(caller, selectors=caller.selectors | {Selector("bench", name)})

    service = AuthorityService(state)
    limits = ServiceLimits(connections=2 * count, connections_per_caller=2 * count)
    path = folder / "agent.sock"
    with open_workload_socket(path) as listener:
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            await nursery.start(
                partial(
                    serve_workload_api,
                    [listener],
                    service.issuer,
                    identify=identify,
                    limits=limits,
                )
            )
            facts = {"socket": str(path), "openssl": str(openssl_version())}
            print(json.dumps(facts), flush=True)
            lines = trio.wrap_file(sys.stdin)
            while await lines.readline():
                ((issued,),) = state.database.rows("SELECT count(*) FROM issued")
                seen = {
                    "cpu": time.process_time(),
                    "wall": time.perf_counter(),
                    "issued": issued,
                }
                print(json.dumps(seen), flush=True)
            nursery.cancel_scope.cancel()


def main() -> None:
    """Make the state, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--ttl", type=float, required=True, help="of SVIDs, in seconds")
    given = parser.parse_args()
    settings = AuthoritySettings(
        trust_domain=DOMAIN, svid_ttl=timedelta(seconds=given.ttl)
    )
    with AuthorityState.open(given.folder / "state", settings=settings) as state:
        state.registry.apply(entries(given.count))
        trio.run(serve, state, given.folder, given.count)


if __name__ == "__main__":
    main()
