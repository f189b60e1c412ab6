# SPDX-License-Identifier: Apache-2.0
"""The result of a verification, as a value."""

from __future__ import annotations

from datetime import timedelta

from handfast import VerifiedPeer
from handfast.authority import Authority


def test_a_peer_says_who_and_until_when(authority: Authority) -> None:
    svid = authority.issue("spiffe://a.example/web")
    peer = VerifiedPeer(
        spiffe_id=svid.spiffe_id,
        chain=svid.chain,
        not_before=svid.not_before,
        not_after=svid.not_after,
        leaf_not_before=svid.not_before,
        leaf_not_after=svid.not_after,
        verified_at=svid.not_before,
        path_length=2,
        chain_digest=bytes(32),
        bundle_digest=authority.bundle.digest,
        anchor_digest=bytes(32),
    )
    assert peer.leaf == svid.leaf
    assert peer.expires_in(svid.not_after - timedelta(seconds=5)).seconds == 5
    assert peer.expires_in() > timedelta(minutes=59)
    assert repr(peer).startswith("<VerifiedPeer spiffe://a.example/web until 2")
