# SPDX-License-Identifier: Apache-2.0
"""P4: a session of an SVID that was revoked since resumes no more, in each way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support import pki, workloads
from tests.support.resuming import WAYS, Way, World, at
from tests.support.revoking import HOUR, crl, lists

from handfast import (
    ChainCache,
    Reason,
    VerificationError,
)

pytestmark = pytest.mark.parametrize("way", WAYS, ids="-".join)


class Listed(World):
    """A server that asks lists; its client's chain has an intermediate in it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cache = ChainCache()
        self.middle = pki.intermediate(self.ca)
        self.who = pki.leaf(self.middle, workloads.CLIENT)
        self.client.becomes(self.who)
        self.server = self.another()
        self.publish(crl(self.ca), crl(self.middle))

    def another(self, **settings: Any) -> Any:
        return super().another(**{"crl_policy": "required", **settings})

    def publish(self, *crls: bytes) -> None:
        bundle = self.ca.bundle("a.example")
        self.source.rotate(self.svid, bundle, crls=lists(*crls))

    def refused(self) -> Reason:
        with pytest.raises(VerificationError) as caught:
            self.client.visit(self.server)
        return caught.value.reason


@pytest.mark.parametrize("cached", [True, False])
def test_lists_that_name_nobody_end_no_session(way: Way, cached: bool) -> None:
    """The control: resumed again and again, over lists that are delivered anew."""
    world = Listed(way)
    world.server = world.another(cache=ChainCache() if cached else None)
    first = world.known()
    for lists_again in range(2):
        assert world.client.visit(world.server).resumed
        world.publish(crl(world.ca), crl(world.middle, until=pki.now() + 2 * HOUR))
        again = world.client.visit(world.server)
        assert again.resumed, lists_again
        assert again.authenticated_at == first.authenticated_at
        assert again.peer.chain_digest == first.peer.chain_digest


def test_a_session_of_a_revoked_svid_does_not_resume(way: Way) -> None:
    """P4, WAPI-47: the leaf; a clean full handshake follows, and is refused."""
    world = Listed(way)
    world.known()
    world.publish(crl(world.ca), crl(world.middle, world.who))
    assert world.refused() is Reason.CERTIFICATE_REVOKED
    # With a new SVID he comes in: in full, although he offers the session.
    world.client.becomes(pki.leaf(world.middle, workloads.CLIENT))
    assert not world.client.visit(world.server).resumed
    assert world.client.visit(world.server).resumed


def test_a_session_of_a_revoked_intermediate_does_not_resume(way: Way) -> None:
    """P4, WAPI-47."""
    world = Listed(way)
    world.known()
    world.publish(crl(world.ca, world.middle), crl(world.middle))
    assert world.refused() is Reason.CERTIFICATE_REVOKED


def test_a_session_does_not_outlive_the_date_of_a_list(
    way: Way, engine_now: datetime
) -> None:
    """P4: to the second, with nothing delivered in between."""
    world = Listed(way)
    until = engine_now + timedelta(seconds=60)
    world.publish(crl(world.ca), crl(world.middle, until=until))
    world.known()
    at(until - timedelta(seconds=1))
    assert world.client.visit(world.server).resumed
    at(until)
    assert world.refused() is Reason.CRL_EXPIRED


def test_a_session_from_before_lists_were_asked_is_asked_about_them(way: Way) -> None:
    """P4: a listener that asks takes no other one's word."""
    world = Listed(way)
    asks = world.server
    world.server = world.another(crl_policy=None)
    world.publish(crl(world.ca), crl(world.middle, world.who))
    world.known()
    world.server = asks
    assert world.refused() is Reason.CERTIFICATE_REVOKED


def test_lists_that_are_gone_are_required_all_the_same(way: Way) -> None:
    """P4: the agent gives none any more."""
    world = Listed(way)
    world.known()
    world.publish()
    assert world.refused() is Reason.CRL_MISSING
