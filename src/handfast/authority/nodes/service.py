# SPDX-License-Identifier: Apache-2.0
"""What an authority answers the agents of other hosts.

Each agent has a verified SPIFFE ID, by mutual TLS. It is told the entries of its own
node, and gets signatures for those and for no other: an agent that was broken into can
be, at worst, every workload of its host.

Private keys never travel: an agent makes those of its workloads, and its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import trio
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from handfast._clock import utc_now
from handfast.authority.entries import Entry
from handfast.authority.nodes import proto
from handfast.authority.nodes.caller import NodeCaller
from handfast.authority.nodes.names import authority_id, is_node_id
from handfast.authority.nodes.pacing import Buckets
from handfast.authority.selectors import Selector
from handfast.errors import (
    AttestationRefused,
    ConfigError,
    TransportError,
)
from handfast.keys import key_type_of
from handfast.text import escape
from handfast.workload_api.methods import Call, Method, ServerStream, Unary
from handfast.workload_api.service import ServiceLimits, read_audiences
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

if TYPE_CHECKING:
    from handfast.authority.federated import FederatedBundles
    from handfast.authority.given import IssuedSvid
    from handfast.authority.issuing import Issuing
    from handfast.authority.jwt_issuing import JwtIssuing
    from handfast.authority.nodes.registered import Nodes
    from handfast.authority.revocation import Crls
    from handfast.authority.state import AuthorityState
    from handfast.ids import SpiffeId
    from handfast.svid import X509Svid

__all__ = ["NodeService"]

#: How long a node's own SVID lives: an agent that is off for longer joins anew.
NODE_TTL: Final = timedelta(hours=24)
_LOOK_AGAIN: Final = 60.0
_LIMITS: Final = ServiceLimits()
_CALLER_MAX: Final = 1024
# Signatures for one node, a second and at once: an agent that was broken into must
# not fill the disk with the log of what it asks for.
_RATE: Final = 50.0
_BURST: Final = 1000.0


@dataclass(frozen=True, slots=True)
class _PublicKey:
    public_der: bytes


class NodeService:
    """Answers agents; a caller is the verified one of a connection.

    Args:
        state: Entries and signers.
        nodes: Who may ask.
        issuing: Signs X.509-SVIDs.
        tokens: Signs JWT-SVIDs.
        crls: Revocation lists.
        federated: Other trust domains' bundles.
        node_ttl: How long the SVIDs of nodes live.
        now: The clock.
    """

    def __init__(  # noqa: PLR0913 - the parts of one authority
        self,
        state: AuthorityState,
        nodes: Nodes,
        *,
        issuing: Issuing,
        tokens: JwtIssuing,
        crls: Crls,
        federated: FederatedBundles,
        node_ttl: timedelta = NODE_TTL,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._issuing = issuing
        self._tokens = tokens
        self._crls = crls
        self._federated = federated
        self._ttl = min(node_ttl, state.settings.intermediate_ttl / 2)
        self._now = now
        self._buckets = Buckets(rate=_RATE, burst=_BURST)
        self._own: IssuedSvid | None = None
        self._bell = trio.Event()
        self._domain = state.settings.trust_domain

    @property
    def methods(self) -> Mapping[str, Method[NodeCaller]]:
        """What to serve, by path."""
        return {
            proto.JOIN: Unary(proto.JoinRequest, self._join),
            proto.RENEW: Unary(proto.RenewRequest, self._renew),
            proto.WATCH: ServerStream(proto.WatchRequest, self._watch),
            proto.SIGN_X509: Unary(proto.SignX509Request, self._sign_x509),
            proto.SIGN_JWT: Unary(proto.SignJWTRequest, self._sign_jwt),
        }

    def ring(self) -> None:
        """Have every agent told what has changed."""
        self._bell.set()
        self._bell = trio.Event()

    def own_svid(self) -> X509Svid:
        """Return the SVID by which agents know the authority.

        Raises:
            ConfigError: nothing signs at present.
        """
        own = self._own
        if (
            own is None
            or self._now() >= own.renew_at
            or own.serial in self._crls.serials
            or not self._state.signers.knows(own.signer)
        ):
            # `Issuing` forgets what is of no entry, with each change of the entries.
            entry = Entry(
                spiffe_id=authority_id(self._domain),
                selectors=frozenset({Selector("handfast", "authority")}),
                # As long as the agents': connections last until these renew theirs.
                x509_ttl=self._ttl,
            )
            self._own = own = self._issuing.x509(entry, {"node": "authority"})
        return own.svid

    async def _join(
        self, call: Call[NodeCaller], request: proto.JoinRequest
    ) -> proto.JoinResponse:
        await trio.lowlevel.checkpoint()
        key = _public_key(request.public_key)
        try:
            node = self._nodes.use_token(call.caller.spiffe_id.trust_domain)
        except AttestationRefused as error:
            raise PermissionDenied(str(error)) from error
        chain = self._sign_node(node, key)
        return proto.JoinResponse(
            chain=chain, bundle=self._state.bundle_document().to_json()
        )

    async def _renew(
        self, call: Call[NodeCaller], request: proto.RenewRequest
    ) -> proto.RenewResponse:
        await trio.lowlevel.checkpoint()
        self._need(call.caller)
        self._pace(call.caller)
        node = call.caller.spiffe_id
        chain = self._sign_node(node, _public_key(request.public_key))
        return proto.RenewResponse(
            chain=chain, bundle=self._state.bundle_document().to_json()
        )

    async def _watch(
        self, call: Call[NodeCaller], _request: proto.WatchRequest
    ) -> AsyncGenerator[proto.WatchResponse, None]:
        told: bytes | None = None
        while True:
            bell = self._bell
            self._need(call.caller)
            message = self._told_to(call.caller.spiffe_id)
            if (text := message.SerializeToString(deterministic=True)) != told:
                told = text
                yield message
            with trio.move_on_after(_LOOK_AGAIN):
                await bell.wait()

    async def _sign_x509(
        self, call: Call[NodeCaller], request: proto.SignX509Request
    ) -> proto.SignX509Response:
        await trio.lowlevel.checkpoint()
        entry = self._entry(call.caller, request.entry)
        self._pace(call.caller)
        key, who = (
            _public_key(request.public_key),
            _who(call.caller.spiffe_id, request.caller),
        )
        try:
            chain, _serial, _ends = self._issuing.sign(entry, key, who)
        except (ConfigError, TransportError) as error:
            raise _cannot_sign(error) from error
        return proto.SignX509Response(chain=b"".join(chain))

    async def _sign_jwt(
        self, call: Call[NodeCaller], request: proto.SignJWTRequest
    ) -> proto.SignJWTResponse:
        await trio.lowlevel.checkpoint()
        entry = self._entry(call.caller, request.entry)
        # As for a workload here: an agent passes on what it was asked for.
        audience = read_audiences(request.audience, _LIMITS)
        self._pace(call.caller)
        who = _who(call.caller.spiffe_id, request.caller)
        try:
            token = self._tokens.jwt(entry, audience, who)
        except (ConfigError, TransportError) as error:
            raise _cannot_sign(error) from error
        return proto.SignJWTResponse(token=token.token)

    def _pace(self, caller: NodeCaller) -> None:
        if not self._buckets.take(caller.spiffe_id):
            text = "too many signatures for one node: ask again later"
            raise RpcError(StatusCode.UNAVAILABLE, text)

    def _need(self, caller: NodeCaller) -> None:
        node = caller.spiffe_id
        if not is_node_id(node, self._domain):
            raise PermissionDenied(f"{node} is no node's agent")
        try:
            self._nodes.need(node, caller.serial)
        except AttestationRefused as error:
            raise PermissionDenied(str(error)) from error

    def _entry(self, caller: NodeCaller, entry_id: str) -> Entry:
        """Find an entry of the caller's own node; others do not exist for it."""
        self._need(caller)
        for entry in self._state.registry.entries:
            if entry.id == entry_id and entry.node == caller.spiffe_id:
                return entry
        raise PermissionDenied(f"no entry {escape(entry_id, limit=32)} of this node")

    def _told_to(self, node: SpiffeId) -> proto.WatchResponse:
        entries = [one for one in self._state.registry.entries if one.node == node]
        domains = {domain for entry in entries for domain in entry.federates_with}
        federated = {
            str(one.trust_domain): one.to_json()
            for one in self._federated.documents(domains)
        }
        return proto.WatchResponse(
            entries=sorted(one.to_text() for one in entries),
            bundle=self._state.bundle_document().to_json(),
            federated=federated,
            crls=self._crls.ders,
            signer=self._state.signers.signs_now,
        )

    def _sign_node(self, node: SpiffeId, key: _PublicKey) -> bytes:
        entry = Entry(
            spiffe_id=node,
            selectors=frozenset({Selector("handfast", f"node:{node}")}),
            x509_ttl=self._ttl,
        )
        try:
            chain, _serial, _ends = self._issuing.sign(entry, key, {"node": str(node)})
        except (ConfigError, TransportError) as error:
            raise _cannot_sign(error) from error
        return b"".join(chain)


def _who(node: SpiffeId, caller: str) -> dict[str, Any]:
    """What the audit log says: whose agent asked, and for whom, as it says."""
    return {"node": str(node), "caller": escape(caller, limit=_CALLER_MAX)}


def _public_key(der: bytes) -> _PublicKey:
    """Take a public key that a certificate of ours may have.

    Raises:
        RpcError: it is none.
    """
    try:
        known = key_type_of(load_der_public_key(der))
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        text = "the public key cannot be read"
        raise RpcError(StatusCode.INVALID_ARGUMENT, text) from error
    if known is None:
        text = "the public key is of a kind that no SVID has"
        raise RpcError(StatusCode.INVALID_ARGUMENT, text)
    return _PublicKey(der)


def _cannot_sign(error: Exception) -> RpcError:
    return RpcError(StatusCode.UNAVAILABLE, f"the authority cannot sign: {error}")
