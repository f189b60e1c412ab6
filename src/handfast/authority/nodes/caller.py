# SPDX-License-Identifier: Apache-2.0
"""Who asks an authority over the network: the verified peer of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from handfast.ids import SpiffeId
    from handfast.peer import VerifiedPeer

__all__ = ["NodeCaller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCaller:
    """An agent, or who has a join token.

    Attributes:
        spiffe_id: Who it is.
        serial: Of the SVID that says so, in hexadecimal: it may be revoked while the
            connection lasts.
    """

    spiffe_id: SpiffeId
    serial: str

    @classmethod
    def of(cls, peer: VerifiedPeer, spiffe_id: SpiffeId) -> Self:
        """Take it from what was verified."""
        return cls(spiffe_id=spiffe_id, serial=f"{peer.leaf.serial_number:x}")
