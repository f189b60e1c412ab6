# SPDX-License-Identifier: Apache-2.0
"""What each caller on an agent's host gets: as at the authority, signed from afar.

An agent that has just begun knows nobody's identity until its authority has told it.
Who asks meanwhile waits a few seconds for that, as many clients ask once and give up.
Such a call is one of those that the limits count, and ends with its caller or deadline.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

import trio

from handfast.authority.agent.mirror import Mirror
from handfast.authority.agent.remote import RemoteIssuing
from handfast.authority.agent.tokens import RemoteTokens
from handfast.authority.issuer import AttestedCaller, EntryIssuer
from handfast.workload_api.status import RpcError, StatusCode

if TYPE_CHECKING:
    from handfast.authority.entries import Entry
    from handfast.authority.federated import FederatedBundles
    from handfast.authority.issuing import Issuing
    from handfast.authority.jwt_issuing import JwtIssuing
    from handfast.authority.revocation import Crls
    from handfast.authority.state import AuthorityState
    from handfast.ids import SpiffeId
    from handfast.jwt_svid import JwtSvid
    from handfast.workload_api.identities import X509Context

__all__ = ["TOLD_WITHIN", "RemoteIssuer"]

#: Seconds for which a call waits until the authority has told who gets what: a join and
#: a few attempts to connect, and well within the patience of whoever starts a workload.
TOLD_WITHIN: Final = 5.0


class RemoteIssuer(EntryIssuer):
    """Answers for an agent: what it has to ask for is asked before each answer."""

    def __init__(
        self,
        mirror: Mirror,
        issuing: RemoteIssuing,
        tokens: RemoteTokens,
        *,
        now: Callable[[], datetime],
    ) -> None:
        # They have what EntryIssuer asks of the authority's own parts, and no more.
        super().__init__(
            cast("AuthorityState", mirror),
            cast("Issuing", issuing),
            cast("JwtIssuing", tokens),
            cast("Crls", mirror.crls),
            cast("FederatedBundles", mirror.federated),
            now=now,
        )
        self._mirror = mirror
        self._remote = issuing
        self._remote_tokens = tokens

    async def x509_context(self, caller: AttestedCaller) -> X509Context:
        """Return the SVIDs of a caller's entries.

        Cancellation: an SVID that was signed is kept for the next who asks.

        Raises:
            PermissionDenied: No entry is for it, or it is not the process that it was.
            RpcError: The authority is away, and there is none that still holds; or it
                has not said yet who gets what.
        """
        await self._learn(caller)
        who = self._who(caller)
        for entry in self._entries(caller):
            await self._remote.prepare(entry, who)
        # Who has waited may have changed, and so may the entries.
        return await super().x509_context(caller)

    async def _learn(self, caller: AttestedCaller) -> None:
        # First of all: until then it is not known what would have to be found out.
        with trio.move_on_after(TOLD_WITHIN):
            while not self._mirror.is_told:
                await self.wait_bell(math.inf)
        await super()._learn(caller)

    def _entries(self, caller: AttestedCaller) -> tuple[Entry, ...]:
        if not self._mirror.is_told:
            # Not PERMISSION_DENIED: that would withdraw what workloads have (WAPI-51),
            # only because this agent has begun before it could hear its authority.
            message = "the authority has not said yet who gets what"
            raise RpcError(StatusCode.UNAVAILABLE, message)
        return super()._entries(caller)

    async def jwt_svids(
        self,
        caller: AttestedCaller,
        audience: Sequence[str],
        spiffe_id: SpiffeId | None = None,
    ) -> tuple[JwtSvid, ...]:
        """Return a token for each identity of a caller, or for the one that it names.

        Cancellation: a token that was signed is kept for the next who asks.

        Raises:
            PermissionDenied: As above, or the identity that it names is not its own.
            RpcError: As above, or the audience is none.
        """
        await self._learn(caller)
        if audience and all(audience):
            who = self._who(caller)
            for entry in self._entries(caller):
                if spiffe_id is None or entry.spiffe_id == spiffe_id:
                    await self._remote_tokens.prepare(entry, audience, who)
        return await super().jwt_svids(caller, audience, spiffe_id)
