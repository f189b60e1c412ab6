# SPDX-License-Identifier: Apache-2.0
"""The catalogue of leaves against the real engine: each verdict for its own reason."""

from __future__ import annotations

import pytest

from handfast import VerificationError, Verifier
from handfast.authority import Authority
from handfast.testing import ACCEPTED, REFUSED, Leaf

WEB = "spiffe://a.example/web"


@pytest.mark.parametrize("leaf", REFUSED, ids=str)
def test_a_broken_leaf_is_refused_for_its_reason(
    authority: Authority, leaf: Leaf
) -> None:
    """X509-02, X509-03, X509-28, X509-29, X509-30, X509-31, X509-32, I1, I2, I5, I6.

    See ``Leaf.rules`` for which of them each leaf breaks.
    """
    with pytest.raises(VerificationError) as caught:
        Verifier(authority.bundle).verify(leaf.forge(authority, WEB).chain)
    assert caught.value.reason is leaf.reason
    assert caught.value.depth == 0


@pytest.mark.parametrize("leaf", ACCEPTED, ids=str)
def test_a_good_leaf_is_accepted(authority: Authority, leaf: Leaf) -> None:
    """X509-04, X509-22, X509-24."""
    peer = Verifier(authority.bundle).verify(leaf.forge(authority, WEB).chain)
    assert str(peer.spiffe_id) == WEB
    assert peer.bundle_digest == authority.bundle.digest
