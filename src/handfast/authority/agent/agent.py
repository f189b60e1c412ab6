# SPDX-License-Identifier: Apache-2.0
"""The agent of a host that is not the authority's.

One connection to the authority, by mutual TLS, on which the authority says what this
node's entries are whenever they change. When it breaks, the agent connects again, soon
at first; what is known serves meanwhile. Its own SVID is renewed at half of its life,
under a new key each time, and the connection is made anew with it.

How to connect is passed in: TLS over trio is a layer above this one.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import trio
from google.protobuf.message import Message

from handfast._clock import utc_now
from handfast.authority.agent.identity import NodeIdentity, NodeSource
from handfast.authority.agent.issuer import RemoteIssuer
from handfast.authority.agent.mirror import Mirror
from handfast.authority.agent.remote import RemoteIssuing
from handfast.authority.agent.tokens import RemoteTokens
from handfast.authority.nodes import proto
from handfast.bundle_document import BundleDocument
from handfast.der import split_der
from handfast.errors import HandfastError
from handfast.keys import PrivateKey
from handfast.svid import X509Svid
from handfast.workload_api.channel import Channel
from handfast.workload_api.limits import ClientLimits
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

__all__ = ["Dial", "NodeAgent", "join"]

_M = TypeVar("_M", bound=Message)
#: Connects to an authority: by mutual TLS, and to no other.
Dial = Callable[[], Awaitable[trio.abc.Stream]]

_log = logging.getLogger("handfast.authority")

_ANSWER_WITHIN: Final = 15.0
_CONNECT_WITHIN: Final = 30.0
# All entries of a node, with bundles, come in one message.
_LIMITS: Final = ClientLimits(message=64 << 20, answer=64 << 20, fields=1_000_000)
_FIRST_PAUSE: Final = 0.5
_LAST_PAUSE: Final = 30.0


async def join(
    dial: Dial, authority: tuple[str, int], bundle: BundleDocument
) -> NodeIdentity:
    """Take the identity of a node, with a token that the connection proves.

    Args:
        dial: Connects with the token's SVID.
        authority: Host and port, to be remembered.
        bundle: The authority's trust domain, known beforehand.

    Cancellation: the token may be used up.

    Raises:
        RpcError: the authority refuses the token, or cannot sign.
        HandfastError: its answer cannot be used.
        OSError, trio.BrokenResourceError: there is no connection.
    """
    key = PrivateKey.generate("p256")
    request = proto.JoinRequest(public_key=key.public_der)
    async with Channel(await dial(), limits=_LIMITS) as channel:
        answer = await channel.unary(
            proto.JOIN, request, proto.JoinResponse, timeout=_ANSWER_WITHIN
        )
    domain = bundle.trust_domain
    return NodeIdentity(
        authority=authority,
        svid=X509Svid(chain=split_der(answer.chain), key=key),
        bundle=BundleDocument.from_json(domain, answer.bundle),
    )


class NodeAgent:
    """Keeps an agent's identity, and what it gives to the processes of its host.

    Args:
        folder: Where its identity is kept.
        source: Its identity, as `dial` uses it.
        dial: Connects to the authority.
        now: The clock on the wall.

    Attributes:
        issuer: What the Workload API server of this host asks.
    """

    def __init__(
        self,
        folder: Path,
        source: NodeSource,
        dial: Dial,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._folder = folder
        self._source = source
        self._dial = dial
        self._now = now
        identity = source.identity
        self._mirror = Mirror(identity.spiffe_id, identity.bundle)
        self._issuing = RemoteIssuing(
            self._ask,
            verifies=lambda svid: self._mirror.signers.verifies(svid, now()),
            signs_now=lambda: self._mirror.signer,
            now=now,
        )
        self._tokens = RemoteTokens(
            self._ask, bundle=lambda: self._mirror.signers.jwt_bundle, now=now
        )
        self.issuer = RemoteIssuer(self._mirror, self._issuing, self._tokens, now=now)
        self._channel: Channel | None = None
        self._told = False
        self._moved = trio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether the authority has told what holds, on the connection there is."""
        return self._channel is not None and self._told

    async def wait_connected(self, *, connected: bool = True) -> None:
        """Wait until the authority has told what holds, or until it is away.

        Cancellation: nothing is left behind.
        """
        await trio.lowlevel.checkpoint()
        while self.is_connected is not connected:
            await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Be the agent until cancelled.

        Cancellation: is how it ends; connections are closed.
        """
        task_status.started()
        pause = _FIRST_PAUSE
        has_renewed = False
        while True:
            self._told = False
            try:
                before = self._source.identity
                # What was made a moment ago is not renewed, whatever the clock says.
                if await self._connected(may_renew=not has_renewed):
                    has_renewed = self._source.identity.svid != before.svid
                    continue
            except PermissionDenied as error:
                # Not this node any more: what was its own is given to nobody.
                self._source.failed(error)
                self._mirror.forget()
                self._take_over()
                _log.error("the authority refuses this node: %s", error)
            except (HandfastError, OSError, trio.BrokenResourceError) as error:
                self._source.failed(error)
                _log.warning("the authority is away: %s", error)
            except trio.TooSlowError as error:
                self._source.failed(error)
                _log.warning("the authority does not answer")
            pause = _FIRST_PAUSE if self._told else min(2 * pause, _LAST_PAUSE)
            await trio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - a spread

    async def _connected(self, *, may_renew: bool) -> bool:
        """Connect, and stay so until the connection or our own SVID's half is over.

        Returns:
            Whether to connect at once: for a new SVID, or with it, as a connection
            lives no longer than the SVID that it was made with.
        """
        with trio.fail_after(_CONNECT_WITHIN):
            stream = await self._dial()
        async with Channel(stream, limits=_LIMITS) as channel:
            self._channel = channel
            try:
                if may_renew and await self._renew_if_due(channel):
                    return True
                with trio.CancelScope() as scope:
                    scope.deadline = trio.current_time() + self._until_renewal()
                    await self._watch(channel)
                return scope.cancelled_caught
            finally:
                self._channel = None
                self._move()

    def _until_renewal(self) -> float:
        left = (self._source.identity.renew_at() - self._now()).total_seconds()
        return max(1.0, left)

    async def _renew_if_due(self, channel: Channel) -> bool:
        identity = self._source.identity
        if self._now() < identity.renew_at():
            return False
        key = PrivateKey.generate("p256")
        answer = await channel.unary(
            proto.RENEW,
            proto.RenewRequest(public_key=key.public_der),
            proto.RenewResponse,
            timeout=_ANSWER_WITHIN,
        )
        svid = X509Svid(chain=split_der(answer.chain), key=key)
        if svid.spiffe_id != identity.spiffe_id:
            text = f"the authority answers for {svid.spiffe_id}"
            raise RpcError(StatusCode.INTERNAL, text)
        bundle = BundleDocument.from_json(identity.trust_domain, answer.bundle)
        self._source.change(svid=svid, bundle=bundle)
        await self._save()
        _log.info("renewed %s until %s", svid.spiffe_id, svid.not_after)
        return True

    async def _watch(self, channel: Channel) -> None:
        request = proto.WatchRequest()
        async with channel.stream(proto.WATCH, request, proto.WatchResponse) as told:
            async for message in told:
                self._take(message)
                if not self._told:
                    self._issuing.hurry()
                self._told = True
                self._source.heard()
                # Workloads first: a disk that is slow, or full, must not keep from
                # them that an authority is believed no more.
                self._take_over()
                self._move()
                if self._source.change(bundle=self._mirror.signers.document):
                    await self._save()

    def _take(self, message: proto.WatchResponse) -> None:
        """Know what the authority says, and what peers refuse from now on."""
        mirror = self._mirror
        before = mirror.signers.sequence, mirror.crls.number
        try:
            mirror.take(message)
        except ValueError as error:
            text = f"what the authority says cannot be used: {error}"
            raise RpcError(StatusCode.INTERNAL, text) from error
        if (mirror.signers.sequence, mirror.crls.number) != before:
            gone = self._issuing.reconsider(mirror.crls.serials)
            if gone:
                _log.warning("%d SVIDs are believed no more: asked for anew", gone)

    def _take_over(self) -> None:
        entries = self._mirror.registry.entries
        self._issuing.forget(entries)
        self._tokens.forget(entries)
        self.issuer.ring()

    async def _save(self) -> None:
        await trio.to_thread.run_sync(self._source.identity.save, self._folder)

    async def _ask(self, method: str, request: Message, response: type[_M]) -> _M:
        if self._channel is None:
            raise RpcError(StatusCode.UNAVAILABLE, "the authority is away")
        return await self._channel.unary(
            method, request, response, timeout=_ANSWER_WITHIN
        )
