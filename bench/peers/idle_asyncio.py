# SPDX-License-Identifier: Apache-2.0
"""Peer of bench/idle.py: an asyncio (or uvloop) server whose connections wait.

As in idle_trio.py each has a task of its own, which asks who is there, answers what it
receives, and waits.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from bench.peers import asyncio_ssl, sampler, stdlib_ssl
from bench.peers.loopback import HOST
from bench.pki import CLIENT_ID

if TYPE_CHECKING:
    import argparse

_PIECE = 65536


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection."""
    asyncio_ssl.check(writer, CLIENT_ID)
    try:
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the client does not say goodbye
    await asyncio_ssl.close(writer)


async def run(given: argparse.Namespace, facts: sampler.Facts) -> None:
    """Serve until the end of the input."""
    context = stdlib_ssl.context(given, "server")
    async with await asyncio.start_server(answer, HOST, 0, ssl=context) as listening:
        port = {"port": asyncio_ssl.port_of(listening)}
        print(json.dumps(port | facts), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until the end of the input."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--uvloop", action="store_true", help="instead of asyncio's")
    given = parser.parse_args()
    facts = sampler.python_facts()
    try:
        new_loop = asyncio_ssl.event_loop(given.uvloop, facts)
    except ImportError:
        sampler.absent(asyncio_ssl.NO_UVLOOP)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run(given, facts))


if __name__ == "__main__":
    main()
