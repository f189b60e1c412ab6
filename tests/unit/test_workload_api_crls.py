# SPDX-License-Identifier: Apache-2.0
"""Revocation lists of the Workload API: whose they are, and who asks them."""

from __future__ import annotations

import pytest
from tests.support import agent_messages as agent
from tests.support.agent_messages import API, OTHER, OWN, WEB, svid, svids

from handfast import (
    Reason,
    SourceError,
    TrustDomain,
    VerificationError,
    Verifier,
)
from handfast.authority import Authority
from handfast.sources.workload_api_x509 import X509Reader, X509Update
from handfast.testing import FakeClock
from handfast.workload_api.proto import X509SVIDResponse


def read(message: X509SVIDResponse) -> X509Update:
    return X509Reader(FakeClock()).read_svids(message)


def test_lists_are_kept_for_the_trust_domain_that_signed_them() -> None:
    """WAPI-47: also for an intermediate of ours that signs."""
    own, other = agent.authority(), agent.authority(OTHER)
    lists = [agent.crl(own.root), agent.crl(own.signer), agent.crl(other.root)]
    update = read(svids(federated=[other.bundle], crl=lists))
    assert update.crls.get(TrustDomain.parse(OWN)) == tuple(lists[:2])
    assert update.crls.get(TrustDomain.parse(OTHER)) == (lists[2],)
    assert update.crls.put_aside == 0


def test_lists_of_nobody_known_are_put_aside() -> None:
    """WAPI-47: a stranger's, a forged one in the root's name, and garbage."""
    own = agent.authority()
    forged = agent.crl(own.root)
    forged = forged[:-1] + bytes([forged[-1] ^ 1])
    stranger = agent.crl(Authority(OTHER).root)
    update = read(svids(crl=[b"garbage", forged, stranger, agent.crl(own.root)]))
    assert len(update.crls) == 1
    assert update.crls.put_aside == 3


def test_whose_many_lists_of_one_name_are_is_not_asked_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P8, WAPI-39: thousands of each would be minutes of work, so nothing is taken."""
    own, other = agent.authority(), agent.authority(OTHER)
    message = svids(federated=[other.bundle], crl=[agent.crl(own.root)])
    monkeypatch.setattr("handfast.crls._TRIES_MAX", 1)
    assert len(read(message).crls) == 1
    message.crl.append(agent.crl(own.root, svid(WEB)))
    with pytest.raises(SourceError, match="signers of one name"):
        read(message)


def test_lists_are_enforced_by_whoever_asks() -> None:
    """WAPI-47: the peer's own trust domain's lists, and required ones by default."""
    own, peer = agent.authority(), svid(API)
    update = read(svids(crl=[agent.crl(own.root), agent.crl(own.signer, peer)]))
    Verifier(update.bundles).verify(peer.chain)
    verifier = Verifier(update.bundles, crls=update.crls)
    with pytest.raises(VerificationError) as caught:
        verifier.verify(peer.chain)
    assert caught.value.reason is Reason.CERTIFICATE_REVOKED
    verifier.verify(svid(WEB).chain)


def test_a_trust_domain_without_lists_fails_closed() -> None:
    """WAPI-47: unless the caller asks for less."""
    update = read(svids())
    with pytest.raises(VerificationError) as caught:
        Verifier(update.bundles, crls=update.crls).verify(svid(API).chain)
    assert caught.value.reason is Reason.CRL_MISSING
    lax = Verifier(update.bundles, crls=update.crls, crl_policy="if_available")
    lax.verify(svid(API).chain)


def test_a_list_of_one_trust_domain_says_nothing_about_another() -> None:
    """WAPI-47, P1: whatever serial numbers are on it."""
    own, other = agent.authority(), agent.authority(OTHER)
    peer = svid(f"spiffe://{OTHER}/web")
    lists = [agent.crl(own.root, peer), agent.crl(own.signer, peer)]
    update = read(svids(federated=[other.bundle], crl=lists))
    with pytest.raises(VerificationError) as caught:
        Verifier(update.bundles, crls=update.crls).verify(peer.chain)
    assert caught.value.reason is Reason.CRL_MISSING


def test_a_list_of_anothers_intermediate_counts_for_who_shows_that() -> None:
    """WAPI-47: which we have never seen before; put aside, and not lost."""
    other = agent.authority(OTHER)
    peer = svid(f"spiffe://{OTHER}/web")
    lists = [agent.crl(other.root), agent.crl(other.signer, peer)]
    update = read(svids(federated=[other.bundle], crl=lists))
    assert (update.crls.put_aside, update.crls.unclaimed) == (1, (lists[1],))
    with pytest.raises(VerificationError) as caught:
        Verifier(update.bundles, crls=update.crls).verify(peer.chain)
    assert caught.value.reason is Reason.CERTIFICATE_REVOKED
