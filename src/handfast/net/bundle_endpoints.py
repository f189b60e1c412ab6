# SPDX-License-Identifier: Apache-2.0
"""Our TLS for bundle endpoints: what :mod:`handfast.federation` talks over.

A bundle endpoint authenticates nobody (FED-23, FED-44), and whoever fetches a bundle
may have no identity yet: both ends are one-way TLS.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from handfast import authorize
from handfast.errors import HandfastError
from handfast.federation.endpoint import HttpsSpiffe
from handfast.federation.fetch import Secured
from handfast.names import IpAddress
from handfast.net.open import shake_hands_over
from handfast.net.stream import MtlsStream
from handfast.tls import TlsConfig

if TYPE_CHECKING:
    from handfast.federation.endpoint import HttpsWeb
    from handfast.federation.serve import BundleService
    from handfast.names import DnsName
    from handfast.sources import Source
    from handfast.web_certificate import WebCertificate

__all__ = ["secure_endpoint", "serve_bundle_endpoint"]

_LOGGER = logging.getLogger("handfast.federation")
_HANDSHAKE_TIMEOUT: Final = 10.0
_ALPN: Final = ("http/1.1",)
# Mozilla's "intermediate" (FED-12); the engine's suites of TLS 1.2 are a part of it.
_MIN_VERSION: Final = "1.2"


def _client_config(profile: HttpsWeb | HttpsSpiffe) -> TlsConfig:
    if not isinstance(profile, HttpsSpiffe):
        return TlsConfig.web_client(
            roots=profile.roots, alpn=_ALPN, min_version=_MIN_VERSION
        )
    return TlsConfig.one_way_client(
        () if profile.bundle is None else profile.bundle,
        authorize=authorize.exactly(profile.endpoint_id),
        alpn=_ALPN,
        min_version=_MIN_VERSION,
        cache=None,
    )


async def secure_endpoint(
    transport: trio.SocketStream,
    host: DnsName | IpAddress,
    profile: HttpsWeb | HttpsSpiffe,
) -> Secured:
    """Shake hands with a bundle endpoint, for `fetch_bundle` and `FederationManager`.

    Args:
        transport: A connection to it, which is the result's from now on.
        host: Its name: what a web server's certificate is for, and SNI.
        profile: What it is verified by.

    Cancellation: the connection is closed.

    Raises:
        VerificationError: It is not who it has to be.
        HandfastError: Anything else that a handshake raises.
    """
    # SNI has no addresses, and only a web server is verified by one.
    nameless = isinstance(profile, HttpsSpiffe) and isinstance(host, IpAddress)
    stream = await shake_hands_over(
        transport,
        _client_config(profile),
        server_hostname=None if nameless else host,
        session_key=None,
        handshake_timeout=_HANDSHAKE_TIMEOUT,
        lifetime=None,
    )
    return Secured(stream, stream.peer)


async def serve_bundle_endpoint(  # noqa: PLR0913 - all by keyword
    service: BundleService,
    port: int,
    identity: Source | WebCertificate | Callable[[], WebCertificate],
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve bundles on a TCP port until cancelled.

    Nobody is authenticated (FED-23, FED-44), and nothing but public bundles is there
    to be had. The service's limits hold for the handshakes, too.

    Args:
        service: What to answer.
        port: The port; 0 lets the system choose.
        identity: What is shown, and so the profile: a source's newest SVID for
            ``https_spiffe`` (FED-43), a web certificate for ``https_web`` (`WebFiles`
            gives the newest one).
        host: The address to listen on; None means all, IPv4 and IPv6.
        backlog: How many connections may wait in the system; None takes its most.
        task_status: `nursery.start` returns the listeners, for their ports.

    Cancellation: the listeners and all connections are closed.

    Raises:
        ConfigError: The identity is none.
        InvalidCertificate: What is to be shown cannot be used.
        OSError: The port cannot be listened on.
    """
    config = TlsConfig.one_way_server(identity, alpn=_ALPN, min_version=_MIN_VERSION)
    listeners = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
    await trio.serve_listeners(
        partial(_serve_one, service, config), listeners, task_status=task_status
    )


async def _serve_one(
    service: BundleService, config: TlsConfig, transport: trio.SocketStream
) -> None:
    try:
        stream = MtlsStream(transport, config)
    except HandfastError as error:
        _LOGGER.error("nothing to show: %s", error)  # noqa: TRY400 - it says all
        await trio.aclose_forcefully(transport)
        return
    # The handshake is done by the first read, inside of the service's deadline.
    await service.serve(stream)
