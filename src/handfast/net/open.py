# SPDX-License-Identifier: Apache-2.0
"""Connecting: TCP, then the handshake, in one call."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from handfast.errors import HandshakeTimeout
from handfast.net.failures import need_role
from handfast.net.hurry import hurry
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from handfast.names import DnsName, IpAddress
    from handfast.net.client_workers import ClientWorkers
    from handfast.net.lifetime import Lifetime
    from handfast.tls import TlsConfig

__all__ = ["open_mtls_stream", "shake_hands_over"]


async def open_mtls_stream(  # noqa: PLR0913 - all by keyword
    host: str,
    port: int,
    config: TlsConfig,
    *,
    server_hostname: str | DnsName | IpAddress | None = None,
    handshake_timeout: float = 10.0,
    happy_eyeballs_delay: float | None = 0.25,
    local_address: str | None = None,
    lifetime: Lifetime | None = None,
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
        lifetime: When the stream ends on purpose; see `Lifetime` for the default.

    Returns:
        The stream, its peer verified and authorized.

    Cancellation: the connection is closed.

    Raises:
        OSError: there is no TCP connection to be had.
        ConfigError: `config` is a server's, or the name is not a name.
        HandshakeTimeout: it took too long; from a `trio.TooSlowError`.
        VerificationError: the server's chain was refused.
        NotAuthorized: the server is who it says, but not one we want.
        HandfastError: anything else that `MtlsStream.do_handshake` raises.
    """
    need_role(config, "client")
    return await open_by(
        None,
        host,
        port,
        config,
        server_hostname=server_hostname,
        handshake_timeout=handshake_timeout,
        happy_eyeballs_delay=happy_eyeballs_delay,
        local_address=local_address,
        lifetime=lifetime,
    )


async def open_by(  # noqa: PLR0913 - all by keyword
    workers: ClientWorkers | None,
    host: str,
    port: int,
    config: TlsConfig,
    *,
    handshake_timeout: float,
    server_hostname: str | DnsName | IpAddress | None = None,
    happy_eyeballs_delay: float | None = 0.25,
    local_address: str | None = None,
    lifetime: Lifetime | None = None,
) -> MtlsStream:
    """Do what `open_mtls_stream` says, with the handshake on a worker if there are any.

    Those keep the time of a handshake by themselves.
    """
    family = _family(host) if local_address is None else None
    if family is not None:
        transport = await _connect(family, host, port)
    else:
        transport = await trio.open_tcp_stream(
            host,
            port,
            happy_eyeballs_delay=happy_eyeballs_delay,
            local_address=local_address,
        )
    if server_hostname is None and not (family is not None and config.is_mutual):
        # SNI has no addresses, and only a web server is verified by one.
        server_hostname = host
    return await shake_hands_over(
        transport,
        config,
        server_hostname=server_hostname,
        # Sessions with this place, which need not be the same workload tomorrow.
        session_key=f"tcp:{host}:{port}" if config.is_mutual else None,
        handshake_timeout=handshake_timeout,
        lifetime=lifetime,
        workers=workers,
    )


async def shake_hands_over(  # noqa: PLR0913 - all by keyword
    transport: trio.SocketStream,
    config: TlsConfig,
    *,
    server_hostname: str | DnsName | IpAddress | None,
    session_key: str | None,
    handshake_timeout: float,
    lifetime: Lifetime | None,
    workers: ClientWorkers | None = None,
) -> MtlsStream:
    """Shake hands on a connection of the caller's, which is the stream's then.

    Cancellation: the connection is closed.
    """
    stream: MtlsStream | None = None
    try:
        stream = MtlsStream(
            transport,
            config,
            server_hostname=server_hostname,
            session_key=session_key,
            lifetime=lifetime,
        )
        if workers is None:
            hurry(stream, handshake_timeout)
        else:
            await workers.shake_hands(stream)
        await stream.do_handshake()
    except BaseException as error:
        if isinstance(error, HandshakeTimeout):
            error.__cause__ = trio.TooSlowError()
        await trio.aclose_forcefully(stream or transport)
        raise
    else:
        return stream


def _family(host: str) -> socket.AddressFamily | None:
    """Return the family of an address; None for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return family
    return None


async def _connect(
    family: socket.AddressFamily, host: str, port: int
) -> trio.SocketStream:
    """Connect to an address: one, so there is nothing to resolve and none to race."""
    await trio.lowlevel.checkpoint_if_cancelled()
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        code = connecting.connect_ex((host, port))
        if code == errno.EINPROGRESS:
            code = await _connected(connecting)
        if code:
            seen = f"cannot connect to {host}, port {port}: {os.strerror(code)}"
            raise OSError(code, seen)  # noqa: TRY301 - to be closed
        return trio.SocketStream(trio.socket.from_stdlib_socket(connecting))
    except BaseException:
        connecting.close()
        raise


async def _connected(connecting: socket.socket) -> int:
    """Wait until it is connected, or not: returns the error's number."""
    # On one machine it is connected by now, and to hear that costs more than to ask.
    with suppress(OSError):
        connecting.getpeername()
        return 0
    await trio.lowlevel.wait_writable(connecting)
    return connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
