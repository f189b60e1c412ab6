# SPDX-License-Identifier: Apache-2.0
"""What an agent keeps when peers refuse it: nothing; and how often it asks for more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import trio
from tests.support.authority_state import NOON, entry
from tests.support.net_world import trio_test
from tests.support.nodes_world import NODE
from tests.unit.authority.test_agent import chain_for, told

from handfast import SpiffeId, X509Svid
from handfast.authority import Authority
from handfast.authority.agent.mirror import Mirror
from handfast.authority.agent.remote import RemoteIssuing
from handfast.authority.agent.tokens import RemoteTokens
from handfast.authority.nodes.proto import (
    SignJWTRequest,
    SignJWTResponse,
    SignX509Response,
)
from handfast.bundle_document import BundleDocument
from handfast.errors import ConfigError
from handfast.jwt_bundle import JwtBundle
from handfast.jwt_signer import JwtSigner
from handfast.testing import FakeClock
from handfast.workload_api.status import RpcError, StatusCode

ONE = entry("spiffe://a.example/db", node=NODE)


@dataclass
class Afar:
    """An authority that signs for an agent, and what it has told of itself."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    signs: Authority | None = None
    asked: int = 0

    def __post_init__(self) -> None:
        self.signs = self.another()
        self.mirror = Mirror(NODE, BundleDocument.of(self.signs.bundle))
        self.issuing = RemoteIssuing(
            self.ask,  # type: ignore[arg-type]
            verifies=lambda it: self.mirror.signers.verifies(it, self.clock()),
            now=self.clock,
            chance=lambda: 0.0,
        )

    def another(self) -> Authority:
        return Authority("a.example", now=self.clock)

    def tell(self, *authorities: Authority, crls: Sequence[bytes] = ()) -> int:
        """Say what the bundle is; return how many SVIDs are let go of."""
        both = [der for it in authorities for der in it.bundle.x509_authorities]
        bundle = BundleDocument.of(type(authorities[0].bundle)(DOMAIN, tuple(both)))
        self.mirror.take(told(authorities[0], bundle=bundle.to_json(), crls=crls))
        return self.issuing.reconsider(self.mirror.crls.serials)

    async def ask(self, _method: str, request: object, _kind: object) -> object:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if self.signs is None:
            raise RpcError(StatusCode.UNAVAILABLE, "away")
        return SignX509Response(chain=chain_for(self.signs, request, self.clock()))

    async def svid(self) -> X509Svid:
        await self.issuing.prepare(ONE, {})
        return self.issuing.x509(ONE, {}).svid


DOMAIN = NODE.trust_domain


@trio_test
async def test_what_cannot_be_replaced_is_asked_for_ever_more_seldom() -> None:
    """And the one that everybody refuses is not given meanwhile."""
    it = Afar()
    await it.svid()
    new, it.signs = it.another(), None
    assert it.tell(new) == 1
    assert it.issuing.number_for(ONE) == 2  # which wakes the streams, at once
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        before = it.asked
        with pytest.raises(RpcError) as refused:
            await it.issuing.prepare(ONE, {})
        assert refused.value.code is StatusCode.UNAVAILABLE
        for _ in range(3):  # however often somebody wants it
            await it.issuing.prepare(ONE, {})
            with pytest.raises(ConfigError):
                it.issuing.x509(ONE, {})
        assert it.asked == before + 1
        assert it.issuing.renew_at(ONE) == it.clock() + timedelta(seconds=pause)
        it.clock.advance(pause)
    it.signs = new
    assert it.mirror.signers.verifies(await it.svid(), it.clock())
    assert it.issuing.number_for(ONE) == 2


@trio_test
async def test_what_goes_on_holding_is_not_asked_for_again() -> None:
    """A root more, or one that nothing rests on less, is no reason."""
    it = Afar()
    first, old = it.signs, await it.svid()
    assert first is not None
    other = it.another()
    assert it.tell(first, other) == 0
    assert it.tell(first) == 0
    assert it.tell(first, crls=[b"not a list"]) == 0
    assert (await it.svid(), it.asked) == (old, 1)


@trio_test
async def test_an_answer_of_a_root_that_nobody_was_told_of_is_not_given() -> None:
    """Too early or too late: it cannot be told, and what holds stays in its place."""
    it = Afar()
    first, old = it.signs, await it.svid()
    assert first is not None
    it.clock.advance(minutes=31)
    it.signs = it.another()
    assert await it.svid() == old
    assert it.asked == 2
    # The bundle comes, and it is asked for at once, not after the pause.
    assert it.tell(first, it.signs) == 0
    new = await it.svid()
    assert new != old
    assert it.asked == 3
    # And one that was signed before its root went, and comes after.
    it.tell(first)
    with pytest.raises(RpcError, match="no root of the bundle"):
        await it.issuing.prepare(ONE, {})


@trio_test
async def test_a_clock_that_is_behind_is_no_reason_to_refuse() -> None:
    """Peers may have the right one: whether it has begun is theirs to say."""
    it = Afar()
    svid = await it.svid()
    assert it.mirror.signers.verifies(svid, it.clock() - timedelta(minutes=30))


def test_nothing_verifies_under_a_bundle_without_roots() -> None:
    it = Afar()
    assert it.signs is not None
    svid = it.signs.issue(ONE.spiffe_id)
    assert it.mirror.signers.verifies(svid, NOON)
    nobody = BundleDocument.of(type(it.signs.bundle)(DOMAIN, ()))
    it.mirror.take(told(it.signs, bundle=nobody.to_json()))
    assert not it.mirror.signers.verifies(svid, NOON)


@trio_test
async def test_a_token_whose_key_goes_is_asked_for_anew_or_not_given() -> None:
    """JWT-27: not of memory, though half of its life is left."""
    clock, there = FakeClock(NOON), True
    old, new = JwtSigner.generate("a.example"), JwtSigner.generate("a.example")
    signs, bundle = old, old.bundle
    asked = 0

    async def ask(_method: str, request: object, _kind: object) -> object:
        nonlocal asked
        await trio.lowlevel.checkpoint()
        asked += 1
        if not there:
            raise RpcError(StatusCode.UNAVAILABLE, "away")
        assert isinstance(request, SignJWTRequest)
        spiffe_id = SpiffeId.parse("spiffe://a.example/db")
        audience = list(request.audience)
        signed = signs.sign(spiffe_id, audience, ttl=timedelta(minutes=5), now=clock())
        return SignJWTResponse(token=signed.token)

    tokens = RemoteTokens(ask, bundle=lambda: bundle, now=clock)  # type: ignore[arg-type]
    await tokens.prepare(ONE, ["x"], {})
    first = tokens.jwt(ONE, ["x"], {})
    # Published beforehand, as a rotation does: nothing is asked for.
    bundle = JwtBundle(DOMAIN, {**old.bundle.keys, **new.bundle.keys})
    await tokens.prepare(ONE, ["x"], {})
    assert (tokens.jwt(ONE, ["x"], {}), asked) == (first, 1)
    bundle, there = new.bundle, False
    with pytest.raises(ConfigError):
        tokens.jwt(ONE, ["x"], {})  # that was prepared under the bundle before
    with pytest.raises(RpcError, match="away"):
        await tokens.prepare(ONE, ["x"], {})
    there = True
    with pytest.raises(RpcError, match="no key of the bundle"):
        await tokens.prepare(ONE, ["x"], {})
    signs = new
    await tokens.prepare(ONE, ["x"], {})
    assert tokens.jwt(ONE, ["x"], {}) != first
    assert asked == 4
