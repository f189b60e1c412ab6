# SPDX-License-Identifier: Apache-2.0
"""The Workload API's WIT profile, served (incubating: asked for by name).

Off unless `profiles=` has ``"wit"``, and then the issuer has to be a `WitIssuer`. The
standard may change, and this module with it: nothing else of handfast needs it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from handfast.errors import InvalidId
from handfast.ids import SpiffeId
from handfast.jwk_private import private_jwk
from handfast.keys import PrivateKey
from handfast.wit_bundle import WitBundleSet
from handfast.wit_svid import WitSvid
from handfast.workload_api import proto
from handfast.workload_api.answers import unique_hints
from handfast.workload_api.methods import Call, Method, ServerStream
from handfast.workload_api.status import PermissionDenied, RpcError, StatusCode

__all__ = ["WitIdentity", "WitIssuer", "wit_methods"]

_C = TypeVar("_C")
_C_contra = TypeVar("_C_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class WitIdentity:
    """A WIT-SVID with the key that it is bound to; together they show who we are.

    Attributes:
        svid: The token; its hint says what it is for.
        key: Signs the proofs.
    """

    svid: WitSvid
    key: PrivateKey = field(repr=False)


class WitIssuer(Protocol[_C_contra]):
    """Gives WIT-SVIDs to callers that were attested; an `IdentityIssuer` besides."""

    async def wit_svids(
        self, caller: _C_contra, spiffe_id: SpiffeId | None
    ) -> Sequence[WitIdentity]:
        """Return a caller's identities, or the one that it names."""
        ...

    async def wit_bundles(self, caller: _C_contra) -> WitBundleSet:
        """Return whose WIT-SVIDs a caller may trust, the own trust domain's too."""
        ...


#: Sends an answer, and again whenever it has changed; the server's own way to do so.
Follow = Callable[[_C, Callable[[], Awaitable[Message]]], AsyncGenerator[Message, None]]


def wit_methods(issuer: WitIssuer[_C], follow: Follow[_C]) -> Mapping[str, Method[_C]]:
    """Make the two methods of the profile."""

    def svids(
        call: Call[_C], request: proto.WITSVIDRequest
    ) -> AsyncGenerator[Message, None]:
        wanted = _asked(request)

        async def look() -> proto.WITSVIDResponse:
            return wit_svids_answer(await issuer.wit_svids(call.caller, wanted))

        return follow(call.caller, look)

    def bundles(
        call: Call[_C], _: proto.WITBundlesRequest
    ) -> AsyncGenerator[Message, None]:
        async def look() -> proto.WITBundlesResponse:
            return wit_bundles_answer(await issuer.wit_bundles(call.caller))

        return follow(call.caller, look)

    return {
        proto.FETCH_WIT_SVID: ServerStream(proto.WITSVIDRequest, svids),
        proto.FETCH_WIT_BUNDLES: ServerStream(proto.WITBundlesRequest, bundles),
    }


def _asked(request: proto.WITSVIDRequest) -> SpiffeId | None:
    if not request.spiffe_id:
        return None
    try:
        return SpiffeId.parse(request.spiffe_id)
    except InvalidId as error:
        text = f"spiffe_id: {error}"
        raise RpcError(StatusCode.INVALID_ARGUMENT, text) from error


def wit_svids_answer(identities: Sequence[WitIdentity]) -> proto.WITSVIDResponse:
    """Answer FetchWITSVID (WAPI-72).

    Raises:
        PermissionDenied: There is none (WAPI-73).
    """
    if not identities:
        raise PermissionDenied
    hints = unique_hints([it.svid for it in identities])
    return proto.WITSVIDResponse(
        svids=[
            proto.WITSVID(
                spiffe_id=str(it.svid.spiffe_id),
                wit_svid=it.svid.token,
                wit_svid_key=private_jwk(it.key),
                hint=hint,
            )
            for it, hint in zip(identities, hints, strict=True)
        ]
    )


def wit_bundles_answer(bundles: WitBundleSet) -> proto.WITBundlesResponse:
    """Answer FetchWITBundles: JWK Sets as texts, of nothing but such keys (WAPI-74).

    Raises:
        PermissionDenied: There is none, not even of the own trust domain.
    """
    found = {f"spiffe://{it.trust_domain}": it.to_jwks().decode() for it in bundles}
    if not found:
        raise PermissionDenied
    return proto.WITBundlesResponse(bundles=found)
