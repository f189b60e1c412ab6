# SPDX-License-Identifier: Apache-2.0
"""An agent that has tokens, and a source that asks it for some."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import trio
from tests.support.agent_messages import API, OWN, WEB
from tests.support.fake_agent import Agents, FakeAgent, socket_path

from handfast import JwtBundle
from handfast.jwt_signer import JwtSigner
from handfast.sources.workload_api import WorkloadApiSource
from handfast.sources.workload_api_pace import Backoff
from handfast.testing import FakeClock
from handfast.workload_api import proto

FETCH, VALIDATE = proto.FETCH_JWT_SVID, proto.VALIDATE_JWT_SVID
KEYS = proto.FETCH_JWT_BUNDLES
STEADY = Backoff(first=1.0, most=30.0, random=lambda: 1.0)
TTL = timedelta(minutes=5)
#: Whoever signs the tokens of a.example.
SIGNER = JwtSigner.generate(OWN)


class World:
    """An agent with tokens, and a source that asks it for some."""

    def __init__(self, agent: FakeAgent, signer: JwtSigner) -> None:
        self.agent = agent
        self.signer = signer
        self.now = FakeClock()
        self.identities = [(WEB, ""), (API, "in")]
        #: Changes each answer before it is sent.
        self.spoil: Callable[[proto.JWTSVIDResponse], object] = lambda answer: answer
        agent.answers[FETCH] = self._tokens
        agent.say(KEYS, bundles(signer.bundle))

    def source(self, **settings: Any) -> WorkloadApiSource:
        settings.setdefault("x509", None)
        settings.setdefault("backoff", STEADY)
        return WorkloadApiSource(self.agent.endpoint, now=self.now, **settings)

    def token(self, spiffe_id: str, audience: Any, ttl: timedelta = TTL) -> str:
        return self.signer.sign(spiffe_id, audience, ttl=ttl, now=self.now()).token

    def _tokens(self, request: proto.JWTSVIDRequest) -> proto.JWTSVIDResponse:
        wanted = [
            (name, hint)
            for name, hint in self.identities
            if request.spiffe_id in ("", name)
        ]
        answer = proto.JWTSVIDResponse(
            svids=[
                proto.JWTSVID(
                    spiffe_id=name,
                    svid=self.token(name, list(request.audience)),
                    hint=hint,
                )
                for name, hint in wanted
            ]
        )
        self.spoil(answer)
        return answer

    @property
    def fetched(self) -> int:
        return self.agent.calls[FETCH]


def bundles(*given: JwtBundle) -> proto.JWTBundlesResponse:
    return proto.JWTBundlesResponse(
        bundles={str(it.trust_domain.id): it.to_jwks() for it in given}
    )


@asynccontextmanager
async def world(signer: JwtSigner) -> AsyncGenerator[World, None]:
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            agent = FakeAgent(path)
            await Agents(nursery, agent).start()
            yield World(agent, signer)
            nursery.cancel_scope.cancel()
