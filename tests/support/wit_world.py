# SPDX-License-Identifier: Apache-2.0
"""An agent with the WIT profile, and a source that follows it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import trio
from tests.support import pki
from tests.support.fake_agent import Agents, FakeAgent, socket_path

from handfast.jwk_private import private_jwk
from handfast.keys import PrivateKey
from handfast.sources.wit import WitSource
from handfast.sources.workload_api_pace import Backoff
from handfast.testing import FakeClock
from handfast.wit_bundle import WitBundle
from handfast.wit_signer import WitSigner
from handfast.workload_api import proto

OWN = "a.example"
WEB, API = "spiffe://a.example/web", "spiffe://a.example/api"
SVIDS, KEYS = proto.FETCH_WIT_SVID, proto.FETCH_WIT_BUNDLES
SIGNER = WitSigner.generate(OWN)
#: The workload's.
MINE = PrivateKey(pki.key("p256", 3))


class World:
    """What the agent says is made here; what it keeps to is up to the test."""

    def __init__(self, agent: FakeAgent) -> None:
        self.agent = agent
        self.now = FakeClock()

    def part(self, spiffe_id: str = WEB, hint: str = "", **changes: Any) -> Any:
        token = SIGNER.sign(
            spiffe_id or WEB, MINE, ttl=timedelta(minutes=5), now=self.now()
        ).token
        facts = {
            "spiffe_id": spiffe_id,
            "wit_svid": token,
            "wit_svid_key": private_jwk(MINE),
            "hint": hint,
        }
        return proto.WITSVID(**(facts | changes))

    def say(self, *parts: Any) -> None:
        self.agent.say(SVIDS, proto.WITSVIDResponse(svids=parts))

    def say_bundles(self, *bundles: WitBundle) -> None:
        told = {str(it.trust_domain.id): it.to_jwks().decode() for it in bundles}
        self.agent.say(KEYS, proto.WITBundlesResponse(bundles=told))

    def source(self, **settings: Any) -> WitSource:
        pace = Backoff(first=1.0, most=30.0, random=lambda: 1.0)
        return WitSource(self.agent.endpoint, now=self.now, backoff=pace, **settings)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the agent and the source work until something is so."""
        with trio.fail_after(300):
            while not condition():  # noqa: ASYNC110 - of things that tell nobody
                await trio.sleep(0.05)


@asynccontextmanager
async def world(*, with_wit: bool = True) -> AsyncGenerator[World, None]:
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            it = World(FakeAgent(path))
            it.agent.with_wit = with_wit
            it.say(it.part())
            it.say_bundles(SIGNER.bundle)
            await Agents(nursery, it.agent).start()
            yield it
            nursery.cancel_scope.cancel()
