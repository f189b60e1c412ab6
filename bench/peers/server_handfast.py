# SPDX-License-Identifier: Apache-2.0
"""A server on handfast, for clients of another process.

Handshakes are made in the event loop (`--workers 0`) or by the engine's workers. It
says its port on stdout and serves until it is ended.
"""

from __future__ import annotations

import trio

from bench.peers import handfast_memory, handfast_trio, loopback, sampler
from bench.pki import CLIENT_ID
from handfast.net import (
    MtlsListener,
    MtlsStream,
    open_mtls_listeners,
    serve_mtls_listeners,
)


def main() -> None:
    """Serve until ended."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    # Full handshakes are measured: nothing is resumed.
    (config,) = handfast_memory.configs(given, "server", sessions=None)

    async def echo(stream: MtlsStream) -> None:
        handfast_trio.check(stream, CLIENT_ID)
        await loopback.echo(stream)

    async def serve() -> None:
        listeners: list[MtlsListener] = await open_mtls_listeners(
            0, config, host=loopback.HOST
        )
        print(listeners[0].port, flush=True)
        await serve_mtls_listeners(echo, listeners, workers=given.workers)

    trio.run(serve)


if __name__ == "__main__":
    main()
