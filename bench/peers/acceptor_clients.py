# SPDX-License-Identifier: Apache-2.0
"""Clients of handfast_acceptor.py: full handshakes with a server until stdin ends.

Then it prints the seconds that each connection took, TCP included, as a JSON list.
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import TYPE_CHECKING

import trio

from bench.peers import handfast_memory, loopback, sampler
from bench.pki import SERVER_ID
from handfast.net import open_many

if TYPE_CHECKING:
    from handfast.net import MtlsStream

AT_ONCE = 16


def main() -> None:
    """Come again and again."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    (config,) = handfast_memory.configs(given, "client", sessions=None)
    seconds: list[float] = []

    async def until_told(scope: trio.CancelScope) -> None:
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        scope.cancel()

    async def part(stream: MtlsStream) -> None:
        # Until the server has seen the end of the handshake, and closed.
        async with stream:
            await stream.receive_some()

    async def come() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_told, nursery.cancel_scope)
            targets = itertools.repeat((loopback.HOST, given.port))
            async with open_many(targets, config, at_once=AT_ONCE) as results:
                async for opened in results:
                    if opened.stream is None:
                        raise SystemExit(f"a handshake failed: {opened.failure}")
                    if str(opened.stream.peer.spiffe_id) != SERVER_ID:
                        raise SystemExit("met somebody else")
                    nursery.start_soon(part, opened.stream)
                    seconds.append(opened.seconds)

    trio.run(come)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
