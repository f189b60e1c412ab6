# SPDX-License-Identifier: Apache-2.0
"""Peer of bench/idle.py: a trio server whose connections wait for their next request.

Each has a handler of its own, as servers in trio have: it asks who is there, answers
what it receives, and waits. So its task and its frames are in the figure.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import trio

from bench.peers import handfast_memory, sampler, stdlib_ssl
from bench.peers.loopback import HOST
from bench.pki import CLIENT_ID
from handfast.net import serve_mtls

if TYPE_CHECKING:
    import argparse

    from handfast.net import MtlsStream

    Tls = trio.SSLStream[trio.SocketStream]


def meet(seen: str) -> None:
    """End the benchmark when somebody else is there."""
    if seen != CLIENT_ID:
        raise AssertionError(f"expected {CLIENT_ID}, seen {seen}")


async def handfast_handler(stream: MtlsStream) -> None:
    """Serve one connection."""
    meet(str(stream.peer.spiffe_id))
    try:
        while data := await stream.receive_some():
            await stream.send_all(data)
    except trio.BrokenResourceError:
        pass  # the client does not say goodbye


async def ssl_handler(stream: Tls) -> None:
    """Serve one connection."""
    await stream.do_handshake()
    meet(stdlib_ssl.spiffe_id(stream))  # type: ignore[arg-type]
    try:
        while data := await stream.receive_some():
            await stream.send_all(data)
    except trio.BrokenResourceError:
        pass


async def tcp_handler(stream: trio.SocketStream) -> None:
    """Serve one connection."""
    try:
        while data := await stream.receive_some():
            await stream.send_all(data)
    except trio.BrokenResourceError:
        pass


async def start(given: argparse.Namespace, nursery: trio.Nursery) -> int:
    """Start the server and return its port."""
    if given.stack == "handfast":
        config = handfast_memory.config(given, "server")
        (listener,) = await nursery.start(
            partial(serve_mtls, handfast_handler, 0, config, host=HOST)
        )
        return int(listener.port)
    if given.stack == "ssl":
        context = stdlib_ssl.context(given, "server")
        (secured,) = await nursery.start(
            partial(trio.serve_ssl_over_tcp, ssl_handler, 0, context, host=HOST)
        )
        return int(secured.transport_listener.socket.getsockname()[1])
    (plain,) = await nursery.start(partial(trio.serve_tcp, tcp_handler, 0, host=HOST))
    return int(plain.socket.getsockname()[1])


async def run(given: argparse.Namespace) -> None:
    """Serve until the end of the input."""
    async with trio.open_nursery() as nursery:
        port = await start(given, nursery)
        facts = {"port": port, "trio": trio.__version__}
        print(json.dumps(facts | sampler.python_facts()), flush=True)
        async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as words:
            while await words.receive_some():
                pass
        nursery.cancel_scope.cancel()


def main() -> None:
    """Serve one stack."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--stack", choices=("handfast", "ssl", "tcp"), required=True)
    trio.run(run, parser.parse_args())


if __name__ == "__main__":
    main()
