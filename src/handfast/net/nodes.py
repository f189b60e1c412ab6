# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS between an authority and the agents of other hosts.

Both are layers below this one, and say what they need: the authority a way to serve its
`NodeService`, the agent a way to connect.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from handfast.authority.nodes import (
    JOIN_DOMAINS,
    NodeCaller,
    NodeService,
    authority_id,
    is_node_id,
)
from handfast.authorize import anyone, exactly
from handfast.net.lifetime import Lifetime
from handfast.net.listen import open_mtls_listeners
from handfast.net.open import open_mtls_stream
from handfast.net.serve import serve_mtls_listeners
from handfast.tls import TlsConfig
from handfast.workload_api.limits import ServerLimits
from handfast.workload_api.serving_connection import ServedConnection, Share

if TYPE_CHECKING:
    from handfast.authority.agent import Dial
    from handfast.ids import SpiffeId, TrustDomain
    from handfast.net.listen import MtlsListener
    from handfast.net.stream import MtlsStream
    from handfast.sources.base import Source

__all__ = ["address_of", "dial_authority", "open_node_listeners", "serve_nodes"]

_log = logging.getLogger("handfast.authority")

_ALPN: Final = ["h2"]
_LIMITS: Final = ServerLimits(message=1 << 20, idle_timeout=60.0)
_MOST_CONNECTIONS: Final = 4096
# An agent connects with its newest SVID before the old one ends.
_LIFE: Final = Lifetime(on_credentials_end="close", on_revoked="close")
# Whose SVID does not hold any more is refused by the service, call by call, and has to
# hear that: an agent that only lost its connection goes on giving what it has, and may
# know no root by which it could connect again.
_LIFE_OF_AGENTS: Final = Lifetime(
    on_credentials_end="close", on_revoked="drain", drain_timeout=5.0
)


def dial_authority(
    source: Source, trust_domain: TrustDomain, authority: tuple[str, int]
) -> Dial:
    """Return what connects to a trust domain's authority, and to nobody else.

    Args:
        source: Who we are, and the trust domain's bundle.
        trust_domain: Whose authority it is.
        authority: Host and port.
    """
    config = TlsConfig.client(
        source, authorize=exactly(authority_id(trust_domain)), alpn=_ALPN, sessions=None
    )
    host, port = authority
    return partial(open_mtls_stream, host, port, config, lifetime=_LIFE)


async def open_node_listeners(
    door: Source, port: int, *, host: str | None = None
) -> Sequence[MtlsListener]:
    """Listen for agents.

    Args:
        door: The authority's identity, and whom it believes.
        port: TCP port; 0 takes a free one.
        host: Address; None for all.

    Raises:
        OSError: the port cannot be listened on.
    """
    # Who may ask what is the service's to say. The bundles hold our own trust domain
    # and those of open join tokens, and everybody else fails in the handshake.
    config = TlsConfig.server(door, authorize=anyone(), alpn=_ALPN, sessions=None)
    return await open_mtls_listeners(port, config, host=host, lifetime=_LIFE_OF_AGENTS)


def address_of(listener: MtlsListener) -> str:
    """Say where agents connect: HOST:PORT."""
    plain = listener.transport_listener
    if not isinstance(plain, trio.SocketListener):
        return "somewhere"
    host, port = plain.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve_nodes(
    service: NodeService,
    listeners: Sequence[MtlsListener],
    trust_domain: TrustDomain,
    *,
    task_status: trio.TaskStatus[list[MtlsListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve agents until cancelled.

    Cancellation: is how it ends; connections are closed.
    """
    shares: dict[SpiffeId, Share] = {}

    async def handler(stream: MtlsStream) -> None:
        who = stream.peer.spiffe_id
        if who is None or not _may_ask(who, trust_domain):
            # A workload with an SVID of ours is somebody, but no node.
            _log.warning("%s is no node's agent", who)
            return
        share = shares.setdefault(who, Share())
        share.connections += 1
        try:
            if share.connections <= _LIMITS.connections_per_caller:
                await ServedConnection(
                    stream,
                    NodeCaller.of(stream.peer, who),
                    service.methods,
                    share=share,
                    limits=_LIMITS,
                    ended=Counter(),
                ).run()
        finally:
            share.connections -= 1
            if not share.connections:
                shares.pop(who, None)

    await serve_mtls_listeners(
        handler,
        listeners,
        max_connections=_MOST_CONNECTIONS,
        task_status=task_status,
    )


def _may_ask(who: SpiffeId, trust_domain: TrustDomain) -> bool:
    if is_node_id(who, trust_domain):
        return True
    return str(who.trust_domain).endswith(f".{JOIN_DOMAINS}")
