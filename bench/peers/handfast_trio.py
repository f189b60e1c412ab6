# SPDX-License-Identifier: Apache-2.0
"""Peer: handfast's trio streams over loopback TCP, as its manual shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from bench.peers import handfast_memory, loopback, memory, sampler
from bench.pki import CLIENT_ID, SERVER_ID
from handfast.net import (
    open_mtls_listeners,
    open_mtls_stream,
    serve_mtls_listeners,
)

if TYPE_CHECKING:
    from handfast import TlsConfig
    from handfast.net import MtlsStream


def check(stream: MtlsStream, expected: str) -> None:
    """End the benchmark when somebody else is there."""
    seen = str(stream.peer.spiffe_id)
    if seen != expected:
        raise AssertionError(f"expected {expected}, seen {seen}")


class MtlsTransport:
    """MtlsStream at both ends."""

    def __init__(self, client: TlsConfig, server: TlsConfig) -> None:
        self._client = client
        self._server = server

    async def serve(
        self,
        handler: loopback.Handler,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept on any port."""

        async def secured(stream: MtlsStream) -> None:
            check(stream, CLIENT_ID)
            await handler(stream)

        listeners = await open_mtls_listeners(0, self._server, host=loopback.HOST)
        (listener,) = listeners
        assert isinstance(listener.transport_listener, trio.SocketListener)
        task_status.started(listener.transport_listener.socket.getsockname()[1])
        await serve_mtls_listeners(secured, listeners)

    async def connect(self, port: int) -> MtlsStream:
        """Connect, handshake, check."""
        stream = await open_mtls_stream(loopback.HOST, port, self._client)
        check(stream, SERVER_ID)
        return stream


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    client, server = (
        handfast_memory.config(given, name) for name in ("client", "server")
    )
    probe = handfast_memory.HandfastEnd(client)
    memory.handshake(probe, handfast_memory.HandfastEnd(server))
    facts = handfast_memory.facts(probe.tls)
    loopback.serve(given, facts, MtlsTransport(client, server))


if __name__ == "__main__":
    main()
