# SPDX-License-Identifier: Apache-2.0
"""What the Workload API server asks of whoever issues: a port, and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from handfast.bundle import TrustBundle, TrustBundleSet

if TYPE_CHECKING:
    from handfast.ids import SpiffeId
    from handfast.jwt_bundle import JwtBundleSet
    from handfast.jwt_svid import JwtSvid
    from handfast.svid import X509Svid

__all__ = ["IdentityIssuer", "Watch", "X509Bundles", "X509Context"]

C_contra = TypeVar("C_contra", contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Bundles:
    """Whom a caller may trust with X.509-SVIDs.

    Attributes:
        own: The bundle of the issuer's trust domain.
        federated: Those of other trust domains; never the own one.
        crls: Revocation lists, in DER.
    """

    own: TrustBundle
    federated: TrustBundleSet = field(default_factory=TrustBundleSet)
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Context:
    """A caller's X.509 identities, with whom it may trust, at one moment.

    Attributes:
        svids: One or more; the first is the default, and no hint comes twice.
        bundles: Whom it may trust.
    """

    svids: tuple[X509Svid, ...]
    bundles: X509Bundles


class Watch(Protocol):
    """Tells a stream when to look again."""

    async def wait(self) -> None:
        """Return when the caller's identities or bundles are no longer as they were.

        As they were when the watch was made or this returned last, so that no change is
        lost: take the watch before the first look.

        Cancellation: nothing is lost.
        """
        ...


class IdentityIssuer(Protocol[C_contra]):
    """Gives identities to callers that were attested.

    Everything but `watch` raises `PermissionDenied` when there is nothing for the
    caller, and `RpcError` with another code when it cannot answer at present.
    """

    def watch(self, caller: C_contra) -> Watch:
        """Begin to watch what a caller gets."""
        ...

    async def x509_context(self, caller: C_contra) -> X509Context:
        """Return all X.509-SVIDs of a caller, and whom it may trust."""
        ...

    async def x509_bundles(self, caller: C_contra) -> X509Bundles:
        """Return whom a caller may trust with X.509-SVIDs."""
        ...

    async def jwt_svids(
        self, caller: C_contra, audience: Sequence[str], spiffe_id: SpiffeId | None
    ) -> tuple[JwtSvid, ...]:
        """Sign a token for each identity of a caller, or for the one that it names."""
        ...

    async def jwt_bundles(self, caller: C_contra) -> JwtBundleSet:
        """Return whose JWT-SVIDs a caller may trust; the own trust domain's first."""
        ...
