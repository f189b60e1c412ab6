# SPDX-License-Identifier: Apache-2.0
"""Whether a newer snapshot still carries a connection that is there already (P6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from handfast import _ffi
from handfast.errors import Reason, SourceError, VerificationError, detail_for

if TYPE_CHECKING:
    from handfast._tls_config import TlsConfig
    from handfast._tls_recipe import Built
    from handfast.peer import VerifiedPeer

__all__ = ["PEER_PURPOSE", "judge_again"]

#: What a peer's certificate must be for, by our own role: the engine's numbers.
PEER_PURPOSE: Final = {"server": 1, "client": 2}


def judge_again(
    newest: Built, first: Built, peer: VerifiedPeer | None, config: TlsConfig
) -> None:
    """Judge both ends of a connection by a snapshot that came after its handshake.

    A chain whose window has passed is judged as of its last moment: what was withdrawn
    is one question, and what has ended by itself another. A one-way server's peer is
    None: only our own end is judged.

    Raises:
        PeerError: the bundles or the policy refuse the peer now.
        SourceError: our own identity is another one now.
    """
    if newest.identity != first.identity:
        raise SourceError(
            detail_for(
                Reason.CREDENTIALS_REVOKED,
                expected=f"{first.identity}",
                seen=f"{newest.identity}",
            )
        )
    if peer is not None and newest.verifier is not None and not config.by_name:
        # A verdict holds before not_after: in that second itself it has ended.
        last = int(peer.not_after.timestamp()) - 1
        at = _ffi.NOW if _ffi.clock_now() <= last else last
        try:
            newest.verifier.verify(peer.chain, at, PEER_PURPOSE[config.role])
        except VerificationError as error:
            # Lists came after its end, and do not name it: those on them are refused
            # for that before anything else.
            if at == _ffi.NOW or error.reason is not Reason.CRL_NOT_YET_VALID:
                raise
