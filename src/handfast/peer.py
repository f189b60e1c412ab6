# SPDX-License-Identifier: Apache-2.0
"""Whom we talk to, after verification: the result of every successful judgement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509

if TYPE_CHECKING:
    from datetime import timedelta

    from handfast.ids import SpiffeId

__all__ = ["VerifiedPeer"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VerifiedPeer:
    """A peer that was authenticated, and authorized where a policy was asked.

    It exists only as the result of a verification that succeeded. All times are UTC.

    Attributes:
        spiffe_id: Who it is; None for a web peer, which has a host name instead.
        chain: DER certificates as they were presented, leaf first.
        not_before: Start of the time in which the whole chain is valid, the anchor
            included.
        not_after: Its end: after it the verdict holds no longer.
        leaf_not_before: Start of the leaf's own validity.
        leaf_not_after: Its end.
        verified_at: When the verdict was made.
        path_length: Certificates of the path that was found, anchor included.
        chain_digest: SHA-256 over what was presented, lengths included.
        bundle_digest: SHA-256 over the content of the bundle it was judged by.
        anchor_digest: SHA-256 of the authority at the path's end.
    """

    spiffe_id: SpiffeId | None
    chain: tuple[bytes, ...]
    not_before: datetime
    not_after: datetime
    leaf_not_before: datetime
    leaf_not_after: datetime
    verified_at: datetime
    path_length: int
    chain_digest: bytes
    bundle_digest: bytes
    anchor_digest: bytes

    @property
    def leaf(self) -> x509.Certificate:
        """The peer's certificate, read anew by `cryptography`."""
        return x509.load_der_x509_certificate(self.chain[0])

    def expires_in(self, now: datetime | None = None) -> timedelta:
        """How long the verdict still holds; negative when it does no longer.

        Args:
            now: An aware time; the system's clock when left out.
        """
        return self.not_after - (now or datetime.now(UTC))

    def __repr__(self) -> str:
        who = "web peer" if self.spiffe_id is None else str(self.spiffe_id)
        return f"<VerifiedPeer {who} until {self.not_after:%Y-%m-%dT%H:%M:%SZ}>"
