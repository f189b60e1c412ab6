# SPDX-License-Identifier: Apache-2.0
"""A server on asyncio's (or uvloop's) TLS, for clients of another process.

It says its port on stdout and serves until it is ended.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bench.peers import asyncio_ssl, sampler, stdlib_ssl

if TYPE_CHECKING:
    import ssl


async def serve(context: ssl.SSLContext) -> None:
    """Serve for ever."""
    async with await asyncio_ssl.serve(context) as listening:
        print(asyncio_ssl.port_of(listening), flush=True)
        await listening.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = sampler.parser(__doc__ or "")
    parser.add_argument("--uvloop", action="store_true", help="instead of asyncio's")
    given = parser.parse_args()
    try:
        new_loop = asyncio_ssl.event_loop(given.uvloop, {})
    except ImportError:
        print(f"absent: {asyncio_ssl.NO_UVLOOP}", flush=True)
        return
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve(stdlib_ssl.context(given, "server")))


if __name__ == "__main__":
    main()
