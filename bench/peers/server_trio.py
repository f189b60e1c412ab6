# SPDX-License-Identifier: Apache-2.0
"""A server on `trio.SSLStream`, for clients of another process.

It says its port on stdout and serves until it is ended.
"""

from __future__ import annotations

import trio

from bench.peers import loopback, sampler, stdlib_ssl, trio_ssl


def main() -> None:
    """Serve until ended."""
    given = sampler.parser(__doc__ or "").parse_args()
    context = stdlib_ssl.context(given, "server")
    # The same context for the client's end, which this process does not have.
    transport = trio_ssl.SslTransport(context, context)

    async def serve() -> None:
        async with trio.open_nursery() as nursery:
            print(await nursery.start(transport.serve, loopback.echo), flush=True)

    trio.run(serve)


if __name__ == "__main__":
    main()
