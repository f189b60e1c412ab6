# SPDX-License-Identifier: Apache-2.0
"""Peer: plain TCP in trio. No security at all: what connecting itself costs."""

from __future__ import annotations

import trio

from bench.peers import loopback, sampler


class TcpTransport:
    """Streams as trio opens them."""

    async def serve(
        self,
        handler: loopback.Handler,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept on any port."""
        listeners = await trio.open_tcp_listeners(0, host=loopback.HOST)
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(handler, listeners)

    async def connect(self, port: int) -> trio.abc.Stream:
        """Connect."""
        return await trio.open_tcp_stream(loopback.HOST, port)


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    loopback.serve(given, {"protocol": "none"}, TcpTransport())


if __name__ == "__main__":
    main()
