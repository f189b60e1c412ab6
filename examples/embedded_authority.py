# SPDX-License-Identifier: Apache-2.0
"""A program that is the authority of its own trust domain, and a workload of it."""

import os
import sys
from functools import partial
from pathlib import Path

import trio

from handfast import SpiffeId, TrustDomain
from handfast.authority import (
    AuthorityService,
    AuthoritySettings,
    AuthorityState,
    Entry,
    Selector,
    read_audit,
    serve_workloads,
)
from handfast.sources import WorkloadApiSource


async def main(folder: Path) -> None:
    settings = AuthoritySettings(trust_domain=TrustDomain("prod.example.com"))
    socket = folder / "agent.sock"
    web = Entry(
        spiffe_id=SpiffeId.parse("spiffe://prod.example.com/web"),
        selectors=frozenset({Selector.parse(f"unix:uid:{os.getuid()}")}),
    )
    with AuthorityState.open(folder / "state", settings=settings) as state:
        service = AuthorityService(state)
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            await nursery.start(partial(serve_workloads, service.issuer, socket))
            state.registry.add(web)  # whoever waits is told
            async with WorkloadApiSource(f"unix://{socket}") as source:
                await source.wait_ready(10)
                print("we are", source.snapshot().svid.spiffe_id)
            for row in read_audit(state.database, event="x509_issued"):
                print("issued", row.spiffe_id, "to", row.details["path"])
            nursery.cancel_scope.cancel()


trio.run(main, Path(sys.argv[1]))
