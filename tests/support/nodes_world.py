# SPDX-License-Identifier: Apache-2.0
"""An authority that listens for agents of other hosts, and agents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import trio
from google.protobuf.message import Message
from tests.support.authority_state import settings

from handfast import (
    SpiffeId,
    StaticSource,
    TrustBundleSet,
    TrustDomain,
)
from handfast.authority.agent import NodeAgent, NodeIdentity, NodeSource, join
from handfast.authority.agent.agent import Dial
from handfast.authority.nodes import JoinToken, NodeDoor, node_id
from handfast.authority.nodes.proto import (
    SIGN_JWT,
    SIGN_X509,
    SignJWTRequest,
    SignJWTResponse,
    SignX509Request,
    SignX509Response,
)
from handfast.authority.service import AuthorityService
from handfast.authority.settings import AuthoritySettings
from handfast.authority.state import AuthorityState
from handfast.bundle_document import BundleDocument
from handfast.keys import PrivateKey
from handfast.net import MtlsListener
from handfast.net.nodes import dial_authority, open_node_listeners, serve_nodes
from handfast.workload_api.channel import Channel

DOMAIN = TrustDomain.parse("a.example")
NODE = node_id(DOMAIN, "db-7")
OTHER = node_id(DOMAIN, "db-8")


@dataclass
class World:
    """An authority that listens for agents, and can go away and come back."""

    folder: Path
    port: int = 0
    made: AuthoritySettings = field(default_factory=settings)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    @asynccontextmanager
    async def authority(self) -> AsyncIterator[AuthorityService]:
        with AuthorityState.open(self.folder, settings=self.made) as state:
            service = AuthorityService(state)
            door = NodeDoor(state, service.nodes, service.node_service)
            listeners = await open_node_listeners(door, self.port, host="127.0.0.1")
            self.port = port_of(listeners[0])
            async with trio.open_nursery() as nursery:
                await nursery.start(service.run)
                await nursery.start(
                    serve_nodes, service.node_service, listeners, DOMAIN
                )
                yield service
                nursery.cancel_scope.cancel()

    def dial_with(self, token: JoinToken, bundle: BundleDocument) -> Dial:
        svid = token.svid(datetime.now(UTC))
        source = StaticSource(svid, TrustBundleSet([bundle.x509]))
        return dial_authority(source, DOMAIN, ("127.0.0.1", self.port))

    async def join(self, service: AuthorityService, node: SpiffeId) -> NodeIdentity:
        token, bundle = service.nodes.make_token(node), document(service)
        dial = self.dial_with(token, bundle)
        return await join(dial, ("127.0.0.1", self.port), bundle)

    def agent(self, folder: Path, identity: NodeIdentity) -> NodeAgent:
        source = NodeSource(identity)
        dial = dial_authority(source, DOMAIN, ("127.0.0.1", self.port))
        return NodeAgent(folder, source, dial)


def port_of(listener: MtlsListener) -> int:
    plain = listener.transport_listener
    assert isinstance(plain, trio.SocketListener)
    port: int = plain.socket.getsockname()[1]
    return port


def document(service: AuthorityService) -> BundleDocument:
    return service._state.bundle_document()


Question = tuple[str, Message, type[Message]]


def questions(entry_id: str) -> list[Question]:
    """Return what an agent may ask about an entry."""
    key = PrivateKey.generate("p256").public_der
    return [
        (SIGN_X509, SignX509Request(entry=entry_id, public_key=key), SignX509Response),
        (SIGN_JWT, SignJWTRequest(entry=entry_id, audience=["x"]), SignJWTResponse),
    ]


async def channel_of(world: World, identity: NodeIdentity) -> Channel:
    """Connect as an agent, or as somebody who has another SVID."""
    dial = dial_authority(NodeSource(identity), DOMAIN, ("127.0.0.1", world.port))
    return Channel(await dial())
