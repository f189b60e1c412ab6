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


def check(stream: MtlsStream, expected: str, *, resumed: bool = False) -> None:
    """End the benchmark when it met somebody else, or by another kind of handshake."""
    seen = str(stream.peer.spiffe_id)
    if seen != expected:
        raise AssertionError(f"expected {expected}, seen {seen}")
    if stream.resumed != resumed:
        raise AssertionError(f"resumed: expected {resumed}, seen {stream.resumed}")


class MtlsTransport:
    """MtlsStream at both ends."""

    def __init__(self, client: TlsConfig, server: TlsConfig, *, resume: bool) -> None:
        self._client = client
        self._server = server
        self._resume = resume
        self._met = False  # this server, which gave a ticket with what it sent

    async def serve(
        self,
        handler: loopback.Handler,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept on any port."""

        async def secured(stream: MtlsStream) -> None:
            check(stream, CLIENT_ID, resumed=stream.resumed and self._resume)
            await handler(stream)

        listeners = await open_mtls_listeners(0, self._server, host=loopback.HOST)
        (listener,) = listeners
        self._met = False
        assert isinstance(listener.transport_listener, trio.SocketListener)
        task_status.started(listener.transport_listener.socket.getsockname()[1])
        await serve_mtls_listeners(secured, listeners)

    async def connect(self, port: int) -> MtlsStream:
        """Connect, handshake, check."""
        stream = await open_mtls_stream(loopback.HOST, port, self._client)
        check(stream, SERVER_ID, resumed=self._met)
        self._met = self._resume
        return stream


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    # As it comes, it resumes whom it knows: where full handshakes are asked for, that
    # has to be switched off.
    more = {} if given.resume else {"sessions": None}
    client, server = (
        handfast_memory.configs(given, name, **more)[0] for name in ("client", "server")
    )
    probe = handfast_memory.HandfastEnd(client)
    memory.handshake(probe, handfast_memory.HandfastEnd(server))
    facts = handfast_memory.facts(probe.tls)
    if given.resume:
        facts["tickets"] = "1, stateful, with the first data"
    transport = MtlsTransport(client, server, resume=given.resume)
    loopback.serve(given, facts, transport)


if __name__ == "__main__":
    main()
