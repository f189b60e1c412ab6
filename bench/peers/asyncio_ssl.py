# SPDX-License-Identifier: Apache-2.0
"""Peer: asyncio's streams over TLS on stdlib `ssl`, both ends verifying, over loopback.

With `--uvloop` the same program runs on uvloop's event loop, which drives TLS by code
of its own on the same `ssl`. One connection after the other, like the trio peers.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from bench.peers import loopback, sampler, stdlib_ssl
from bench.pki import CLIENT_ID, SERVER_ID

if TYPE_CHECKING:
    import argparse
    import ssl
    from collections.abc import Callable

    NewLoop = Callable[[], asyncio.AbstractEventLoop]


NO_UVLOOP = "not here: uvloop (`pip install uvloop`)"


def event_loop(uvloop: bool, facts: sampler.Facts) -> NewLoop:
    """Return what makes the event loop, and name it in the facts."""
    if not uvloop:
        facts["event_loop"] = "asyncio"
        return asyncio.new_event_loop
    module = importlib.import_module("uvloop")
    facts["event_loop"] = f"uvloop {module.__version__}"
    new_loop: NewLoop = module.new_event_loop
    return new_loop


def check(writer: asyncio.StreamWriter, expected: str) -> ssl.SSLObject:
    """End the benchmark when somebody else is there."""
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    seen = stdlib_ssl.spiffe_id(tls)
    if seen != expected:
        raise AssertionError(f"expected {expected}, seen {seen}")
    return tls


async def close(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until it is done; who closed first is no matter here."""
    writer.close()
    try:
        await writer.wait_closed()
    except (ConnectionError, BrokenPipeError):
        return


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one message and close."""
    check(writer, CLIENT_ID)
    writer.write(await reader.readexactly(len(loopback.MESSAGE)))
    await writer.drain()
    await close(writer)


async def serve(context: ssl.SSLContext) -> asyncio.Server:
    """Accept on any port."""
    return await asyncio.start_server(echo, loopback.HOST, 0, ssl=context)


def port_of(server: asyncio.Server) -> int:
    """Return where a server listens."""
    port: int = server.sockets[0].getsockname()[1]
    return port


async def connect(
    context: ssl.SSLContext, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, handshake, check."""
    reader, writer = await asyncio.open_connection(
        loopback.HOST, port, ssl=context, server_hostname=""
    )
    check(writer, SERVER_ID)
    return reader, writer


async def round_trip(context: ssl.SSLContext, port: int) -> None:
    """Make one connection and use it."""
    reader, writer = await connect(context, port)
    writer.write(loopback.MESSAGE)
    if await reader.readexactly(len(loopback.MESSAGE)) != loopback.MESSAGE:
        raise AssertionError("the echo differs from what was sent")
    await close(writer)


async def _sample(
    client: ssl.SSLContext, server: ssl.SSLContext, clock: sampler.Clock
) -> None:
    async with await serve(server) as listening:
        port = port_of(listening)
        await round_trip(client, port)
        for _ in clock.laps():
            await round_trip(client, port)


async def _probe(
    client: ssl.SSLContext, server: ssl.SSLContext, given: argparse.Namespace
) -> sampler.Facts:
    async with await serve(server) as listening:
        reader, writer = await connect(client, port_of(listening))
        facts = stdlib_ssl.facts(writer.get_extra_info("ssl_object"), given)
        writer.write(loopback.MESSAGE)
        await reader.readexactly(len(loopback.MESSAGE))
        await close(writer)
    return facts


def main() -> None:
    """Serve samples."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--uvloop", action="store_true", help="instead of asyncio's")
    given = parser.parse_args()
    facts: sampler.Facts = {}
    try:
        new_loop = event_loop(given.uvloop, facts)
    except ImportError:
        sampler.absent(NO_UVLOOP)
    client, server = (stdlib_ssl.context(given, name) for name in ("client", "server"))

    def take(clock: sampler.Clock) -> None:
        if clock.split:
            raise SystemExit("both ends share one process here: SPLIT must be 0")
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_sample(client, server, clock))

    with asyncio.Runner(loop_factory=new_loop) as runner:
        facts |= runner.run(_probe(client, server, given))
    sampler.serve(given, facts, take)


if __name__ == "__main__":
    main()
