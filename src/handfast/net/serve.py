# SPDX-License-Identifier: Apache-2.0
"""Serve mutual TLS: one call for a port, one for listeners that are there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from handfast.net.front import Mode, open_front
from handfast.net.listen import open_mtls_listeners
from handfast.net.server import Handler, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast.net.lifetime import Lifetime
    from handfast.net.listen import MtlsListener
    from handfast.net.proxy_protocol import ProxyProtocol
    from handfast.net.sni import ServerNames
    from handfast.tls import TlsConfig

__all__ = ["serve_mtls", "serve_mtls_listeners"]


async def serve_mtls(  # noqa: PLR0913 - all by keyword
    handler: Handler,
    port: int,
    config: TlsConfig,
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    workers: int = 0,
    handshake_timeout: float = 10.0,
    max_handshakes: int = 1000,
    max_handshakes_per_source: int | None = None,
    max_connections: int | None = None,
    lifetime: Lifetime | None = None,
    mode: Mode = "strict",
    sni: ServerNames | None = None,
    proxy_protocol: ProxyProtocol | None = None,
    handler_nursery: trio.Nursery | None = None,
    task_status: trio.TaskStatus[list[MtlsListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve mutual TLS on a TCP port, until it is cancelled or drained.

    The handler gets streams whose peers are verified and authorized, and only those.

    Args:
        handler: Called with each `MtlsStream`, in a task of its own. When it returns,
            the stream is closed with a close_notify; when it raises, without one.
        port: The port; 0 lets the system choose.
        config: How to answer; of role server.
        host: The address to listen on; None means all, IPv4 and IPv6.
        backlog: How many connections may wait in the system; None takes its most.
        workers: How many threads of the engine accept and shake hands, beside the
            event loop and without the GIL. 0 does it in the event loop, and so does
            a system without epoll.
        handshake_timeout: Seconds from accept to the end of a handshake.
        max_handshakes: How many handshakes may be under way. At that number the oldest
            one gives way to a new connection, so nobody can keep others out by holding
            connections open.
        max_handshakes_per_source: How many of them may come from one IPv4 address, or
            one /64 of IPv6; more are refused. None sets no limit of its own.
        max_connections: How many handlers may run; None sets no limit. At that number
            nothing is accepted, but for what another worker has in hand just then. A
            peer that was verified meanwhile waits its turn for the rest of its
            handshake's time, and is dropped then.
        lifetime: When streams end on purpose; see `Lifetime` for the default.
        mode: ``"strict"`` refuses plain text; a `Permissive` lets it in, to a handler
            of its own, and records who speaks it.
        sni: What answers to which server name. `config` then answers for those that it
            leaves to the default.
        proxy_protocol: Which proxies tell where connections come from. This and the
            two before it need `workers=0`.
        handler_nursery: Where the connections' tasks run; None makes a nursery here.
        task_status: `nursery.start` returns the listeners, for their ports,
            `statistics()` and `drain()`.

    An exception of the handler goes to the nursery, as with `trio.serve_listeners`:
    catch there what shall not end the server, such as `trio.BrokenResourceError`.

    Cancellation: the listeners are closed. Connections that run in a nursery of the
    caller go on.

    Raises:
        OSError: the port cannot be listened on.
        ConfigError: a limit is not valid, or `config` is a client's.
    """
    server = Server(
        handler,
        open_front(mode, sni, proxy_protocol, workers=workers),
        workers,
        handshake_timeout,
        max_handshakes,
        max_handshakes_per_source,
        max_connections,
    )
    listeners = await open_mtls_listeners(
        port, config, host=host, backlog=backlog, lifetime=lifetime
    )
    await server.serve(listeners, handler_nursery, task_status)


async def serve_mtls_listeners(  # noqa: PLR0913 - all by keyword
    handler: Handler,
    listeners: Sequence[MtlsListener],
    *,
    workers: int = 0,
    handshake_timeout: float = 10.0,
    max_handshakes: int = 1000,
    max_handshakes_per_source: int | None = None,
    max_connections: int | None = None,
    mode: Mode = "strict",
    sni: ServerNames | None = None,
    proxy_protocol: ProxyProtocol | None = None,
    handler_nursery: trio.Nursery | None = None,
    task_status: trio.TaskStatus[list[MtlsListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve mutual TLS on listeners that are there already; see `serve_mtls`.

    The listeners share the limits, and belong to this function as soon as these are
    found valid. With `workers=` they are on sockets: TCP, Unix, or inherited ones.
    """
    server = Server(
        handler,
        open_front(mode, sni, proxy_protocol, workers=workers),
        workers,
        handshake_timeout,
        max_handshakes,
        max_handshakes_per_source,
        max_connections,
    )
    await server.serve(listeners, handler_nursery, task_status)
