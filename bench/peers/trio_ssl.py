# SPDX-License-Identifier: Apache-2.0
"""Peer: `trio.SSLStream` on stdlib `ssl`, both ends verifying, over loopback TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from bench.peers import loopback, sampler, stdlib_ssl
from bench.pki import CLIENT_ID, SERVER_ID

if TYPE_CHECKING:
    import ssl

    Tls = trio.SSLStream[trio.SocketStream]


async def secure(stream: Tls, expected: str) -> None:
    """Handshake, and check who is there, as a SPIFFE user of stdlib ssl has to."""
    await stream.do_handshake()
    # trio passes attributes of the SSLObject through, so this is getpeercert().
    seen = stdlib_ssl.spiffe_id(stream)  # type: ignore[arg-type]
    if seen != expected:
        raise AssertionError(f"expected {expected}, seen {seen}")


class SslTransport:
    """trio.SSLStream at both ends."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        self._client = client
        self._server = server

    async def serve(
        self,
        handler: loopback.Handler,
        *,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept on any port."""
        listeners = await trio.open_ssl_over_tcp_listeners(
            0, self._server, host=loopback.HOST
        )
        (listener,) = listeners
        assert isinstance(listener.transport_listener, trio.SocketListener)
        task_status.started(listener.transport_listener.socket.getsockname()[1])

        async def secured(stream: Tls) -> None:
            await secure(stream, CLIENT_ID)
            await handler(stream)

        await trio.serve_listeners(secured, listeners)

    async def connect(self, port: int) -> Tls:
        """Connect, handshake, check."""
        stream = await trio.open_ssl_over_tcp_stream(
            loopback.HOST, port, ssl_context=self._client
        )
        await secure(stream, SERVER_ID)
        return stream


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    client, server = (stdlib_ssl.context(given, name) for name in ("client", "server"))
    transport = SslTransport(client, server)

    async def probe() -> sampler.Facts:
        async with trio.open_nursery() as nursery:
            port: int = await nursery.start(transport.serve, loopback.echo)
            async with await transport.connect(port) as stream:
                facts = stdlib_ssl.facts(stream, given)  # type: ignore[arg-type]
                await stream.send_all(loopback.MESSAGE)
                await loopback.receive_exactly(stream, len(loopback.MESSAGE))
            nursery.cancel_scope.cancel()
        return facts

    loopback.serve(given, trio.run(probe), transport)


if __name__ == "__main__":
    main()
