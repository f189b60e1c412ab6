# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS for trio: streams, listeners, a server.

:func:`open_mtls_stream` connects, :func:`serve_mtls` serves, and both give a
:class:`MtlsStream`: a :class:`trio.abc.HalfCloseableStream` that knows whom it talks
to.
What happens to connections is logged to ``logging.getLogger("handfast.net")``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from handfast._later import load_later
from handfast.net.batch import verify_many_async
from handfast.net.lifetime import Lifetime
from handfast.net.listen import (
    MtlsListener,
    inherited_mtls_listeners,
    open_mtls_listeners,
)
from handfast.net.local_sockets import open_mtls_unix_listener, open_mtls_unix_stream
from handfast.net.open import open_mtls_stream
from handfast.net.open_many import Opened, open_many
from handfast.net.passthrough import Passthrough
from handfast.net.permissive import Permissive
from handfast.net.plain import PlainStream
from handfast.net.plain_text_report import PlainTextPeer, PlainTextReport
from handfast.net.pool import ConnectionPool
from handfast.net.pool_statistics import PoolStatistics
from handfast.net.proxy_protocol import ProxyProtocol
from handfast.net.serve import serve_mtls, serve_mtls_listeners
from handfast.net.sni import ServerNames
from handfast.net.statistics import ListenerStatistics, StreamStatistics
from handfast.net.stream import MtlsStream

if TYPE_CHECKING:
    from handfast.net.bundle_endpoints import secure_endpoint, serve_bundle_endpoint

__all__ = [
    "ConnectionPool",
    "Lifetime",
    "ListenerStatistics",
    "MtlsListener",
    "MtlsStream",
    "Opened",
    "Passthrough",
    "Permissive",
    "PlainStream",
    "PlainTextPeer",
    "PlainTextReport",
    "PoolStatistics",
    "ProxyProtocol",
    "ServerNames",
    "StreamStatistics",
    "inherited_mtls_listeners",
    "open_many",
    "open_mtls_listeners",
    "open_mtls_stream",
    "open_mtls_unix_listener",
    "open_mtls_unix_stream",
    "secure_endpoint",
    "serve_bundle_endpoint",
    "serve_mtls",
    "serve_mtls_listeners",
    "verify_many_async",
]

logging.getLogger("handfast").addHandler(logging.NullHandler())

# Who does not federate does not load what federation needs.
_LATER = {
    "secure_endpoint": "handfast.net.bundle_endpoints",
    "serve_bundle_endpoint": "handfast.net.bundle_endpoints",
}

__getattr__ = load_later(__name__, _LATER)
