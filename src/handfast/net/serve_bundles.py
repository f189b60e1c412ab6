# SPDX-License-Identifier: Apache-2.0
"""Serving a bundle endpoint: accept, shake hands without asking who it is, answer."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import trio

from handfast.errors import HandfastError

if TYPE_CHECKING:
    from handfast.federation.serve import BundleService
    from handfast.net.bundle_tls import EndpointTls

__all__ = ["serve_bundle_endpoint"]

_LOGGER = logging.getLogger("handfast.federation")


async def serve_bundle_endpoint(  # noqa: PLR0913 - all by keyword
    service: BundleService,
    port: int,
    tls: EndpointTls,
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve bundles on a TCP port until cancelled; both profiles, by what `tls` shows.

    Nobody is authenticated (FED-23, FED-44), and nothing but public bundles is there
    to be had. The service's limits hold for the handshakes, too.

    Args:
        service: What to answer.
        port: The port; 0 lets the system choose.
        tls: `SvidTls` for ``https_spiffe``, `WebTls` for ``https_web``.
        host: The address to listen on; None means all, IPv4 and IPv6.
        backlog: How many connections may wait in the system; None takes its most.
        task_status: `nursery.start` returns the listeners, for their ports.

    Cancellation: the listeners and all connections are closed.

    Raises:
        OSError: The port cannot be listened on.
    """
    listeners = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
    await trio.serve_listeners(
        partial(_serve_one, service, tls), listeners, task_status=task_status
    )


async def _serve_one(
    service: BundleService, tls: EndpointTls, transport: trio.SocketStream
) -> None:
    try:
        # Once a rotation, and a few milliseconds: no other task waits for long.
        context = tls.context()
    except HandfastError as error:
        _LOGGER.error("no certificate to serve with: %s", error)  # noqa: TRY400 - it says all
        await trio.aclose_forcefully(transport)
        return
    # The handshake is done by the first read, inside of the service's deadline.
    await service.serve(trio.SSLStream(transport, context, server_side=True))
