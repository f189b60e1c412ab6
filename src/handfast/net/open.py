# SPDX-License-Identifier: Apache-2.0
"""Connecting: TCP, then the handshake, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from handfast.errors import HandshakeTimeout, Reason, detail_for
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from handfast.names import DnsName, IpAddress
    from handfast.tls import TlsConfig

__all__ = ["open_mtls_stream"]


async def open_mtls_stream(  # noqa: PLR0913 - all by keyword
    host: str,
    port: int,
    config: TlsConfig,
    *,
    server_hostname: str | DnsName | IpAddress | None = None,
    handshake_timeout: float = 10.0,
    happy_eyeballs_delay: float | None = 0.25,
    local_address: str | None = None,
) -> MtlsStream:
    """Connect to a server and shake hands.

    In TLS 1.3 this returns before the server has judged us: when it refuses, that comes
    with the first receive, as a `BrokenResourceError` from a `PeerAlert`.

    Args:
        host: Name or address to connect to. A SPIFFE server is not verified by it, but
            by the SPIFFE ID that `config` authorizes.
        port: TCP port.
        config: How to connect; of role client.
        server_hostname: The name to ask for (SNI), and the one that a web server is
            verified by; None takes `host`.
        handshake_timeout: Seconds for the whole handshake, from when TCP is connected.
            To bound that too, put a `trio.fail_after` around this call.
        happy_eyeballs_delay: See `trio.open_tcp_stream`.
        local_address: See `trio.open_tcp_stream`.

    Returns:
        The stream, its peer verified and authorized.

    Cancellation: the connection is closed.

    Raises:
        OSError: there is no TCP connection to be had.
        HandshakeTimeout: it took too long; from a `trio.TooSlowError`.
        VerificationError: the server's chain was refused.
        NotAuthorized: the server is who it says, but not one we want.
        HandfastError: anything else that `MtlsStream.do_handshake` raises.
    """
    transport = await trio.open_tcp_stream(
        host,
        port,
        happy_eyeballs_delay=happy_eyeballs_delay,
        local_address=local_address,
    )
    try:
        stream = MtlsStream(
            transport,
            config,
            server_hostname=host if server_hostname is None else server_hostname,
        )
    except BaseException:
        await trio.aclose_forcefully(transport)
        raise
    try:
        with trio.fail_after(handshake_timeout):
            await stream.do_handshake()
    except trio.TooSlowError as slow:
        await trio.aclose_forcefully(stream)
        raise HandshakeTimeout(
            detail_for(
                Reason.HANDSHAKE_TIMEOUT,
                expected=f"a handshake in {handshake_timeout:g} seconds",
                seen="one that was not done",
            )
        ) from slow
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream
