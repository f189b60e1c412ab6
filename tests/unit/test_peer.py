# SPDX-License-Identifier: Apache-2.0
"""The result of a verification, as a value."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest

from handfast import VerifiedPeer, Verifier
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


def peers(authority: Authority) -> tuple[VerifiedPeer, VerifiedPeer]:
    """Two of the same content: one as the engine gives it, one put together."""
    svid = authority.issue("spiffe://a.example/web")
    made = Verifier(authority.bundle).verify(svid.chain)
    names = [name for name in dir(made) if not name.startswith("_")]
    values = {name: getattr(made, name) for name in names if name not in DERIVED}
    return made, VerifiedPeer(**values)


DERIVED = {"leaf", "expires_in"}


def test_peers_of_one_content_are_equal(authority: Authority) -> None:
    one, other = peers(authority)
    assert one == other
    assert hash(one) == hash(other)
    assert {one: 1}[other] == 1
    assert one != peers(authority)[0]
    assert one != one.chain
    assert repr(one) == repr(other)


def test_a_peer_cannot_be_changed(authority: Authority) -> None:
    """A10: an identity is what it was when it was verified."""
    for peer in peers(authority):
        before = peer.spiffe_id
        for name in ("spiffe_id", "chain", "_record", "_facts", "anything"):
            with pytest.raises(AttributeError):
                setattr(peer, name, None)
            with pytest.raises(AttributeError):
                delattr(peer, name)
        assert peer.spiffe_id == before


def test_peers_are_copied_and_sent(authority: Authority) -> None:
    for peer in peers(authority):
        assert pickle.loads(pickle.dumps(peer)) == peer
        assert copy.deepcopy(peer) == peer
        assert copy.copy(peer) == peer


def test_a_later_verdict_changes_no_earlier_one(authority: Authority) -> None:
    """A10: the engine's record goes round, so it must have been copied."""
    verifier = Verifier(authority.bundle)
    ids = [f"spiffe://a.example/{n}" for n in range(20)]
    made = [verifier.verify(authority.issue(uri).chain) for uri in ids]
    assert [str(peer.spiffe_id) for peer in made] == ids


class Liar(bytes):
    """Says that it is longer than it is."""

    def __len__(self) -> int:
        return super().__len__() + 1000


def test_lengths_are_of_what_is_there(authority: Authority) -> None:
    """D12: the engine believes lengths, so nobody else may say them."""
    svid = authority.issue("spiffe://a.example/web")
    peer = Verifier(authority.bundle).verify([Liar(svid.chain[0])])
    assert peer.chain == svid.chain
    assert type(peer.chain[0]) is bytes
