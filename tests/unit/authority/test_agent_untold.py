# SPDX-License-Identifier: Apache-2.0
"""An agent that was not told yet who gets what: callers wait, so long and no longer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.support.authority_state import Process, entry
from tests.support.net_world import trio_test
from tests.support.nodes_world import NODE
from tests.support.workload_api_calls import (
    jwt_bundles,
    jwt_svids,
    the_code,
    validate,
    x509_bundles,
    x509_svids,
)
from tests.unit.authority.test_agent import chain_for, told
from trio.testing import MockClock, wait_all_tasks_blocked

from handfast._clock import utc_now
from handfast.authority import Authority
from handfast.authority.agent.issuer import TOLD_WITHIN, RemoteIssuer
from handfast.authority.agent.mirror import Mirror
from handfast.authority.agent.remote import RemoteIssuing
from handfast.authority.agent.tokens import RemoteTokens
from handfast.authority.nodes import proto
from handfast.authority.workload_socket import open_workload_socket
from handfast.bundle_document import BundleDocument
from handfast.jwt_signer import JwtSigner
from handfast.workload_api import (
    Channel,
    Endpoint,
    RpcError,
    ServiceLimits,
    StatusCode,
    open_channel,
    serve_workload_api,
)
from handfast.workload_api.proto import (
    FETCH_JWT_SVID,
    JWTSVIDRequest,
    JWTSVIDResponse,
)
from handfast.workload_api.serving import ServerStatistics

DB = "spiffe://a.example/db"


@dataclass
class Agent:
    """An agent's server, and the authority that has not told it anything."""

    endpoint: Endpoint
    authority: Authority = field(default_factory=lambda: Authority("a.example"))
    signer: JwtSigner = field(default_factory=lambda: JwtSigner.generate("a.example"))
    statistics: ServerStatistics = field(default_factory=ServerStatistics)

    def __post_init__(self) -> None:
        bundle = BundleDocument.of(self.authority.bundle, self.signer.bundle)
        self.message = told(self.authority, bundle=bundle.to_json())
        self.mirror = Mirror(NODE, bundle)
        ask: Any = self.ask
        signers = self.mirror.signers
        self.issuer = RemoteIssuer(
            self.mirror,
            RemoteIssuing(ask, verifies=lambda it: signers.verifies(it, utc_now())),
            RemoteTokens(ask, bundle=lambda: signers.jwt_bundle),
            now=utc_now,
        )

    async def ask(self, method: str, request: Any, _kind: object) -> object:
        await trio.lowlevel.checkpoint()
        if method == proto.SIGN_X509:
            chain = chain_for(self.authority, request, utc_now())
            return proto.SignX509Response(chain=chain)
        return proto.SignJWTResponse(token=self.token(*request.audience))

    def token(self, *audience: str) -> str:
        return self.signer.sign(DB, list(audience)).token

    def tell(self) -> None:
        self.mirror.take(self.message)
        self.issuer.ring()

    def ban(self) -> None:
        self.mirror.forget()
        self.issuer.ring()


@asynccontextmanager
async def untold(tmp_path: Path, **limits: int) -> AsyncGenerator[Agent, None]:
    path = tmp_path / "agent.sock"
    agent = Agent(Endpoint.parse(f"unix://{path}"))

    async def identify(_stream: trio.SocketStream) -> Process:
        await trio.lowlevel.checkpoint()
        return Process(selectors=entry(DB).selectors)

    with open_workload_socket(path) as listener:
        async with trio.open_nursery() as nursery:
            serve = partial(
                serve_workload_api,
                [listener],
                agent.issuer,
                identify=identify,
                share_of=lambda caller: caller.uid,
                limits=ServiceLimits(**limits),
                statistics=agent.statistics,
            )
            await nursery.start(serve)
            yield agent
            nursery.cancel_scope.cancel()


def first_of(stream: Callable[[Channel], Any]) -> Callable[[Agent, Channel], Any]:
    async def ask(_agent: Agent, channel: Channel) -> object:
        async with stream(channel) as answers:
            return await anext(answers)

    return ask


def token(_agent: Agent, channel: Channel) -> Awaitable[object]:
    return jwt_svids(channel, "shop")


def validated(agent: Agent, channel: Channel) -> Awaitable[object]:
    return validate(channel, "shop", agent.token("shop"))


CALLS = {
    "FetchX509SVID": first_of(x509_svids),
    "FetchX509Bundles": first_of(x509_bundles),
    "FetchJWTBundles": first_of(jwt_bundles),
    "FetchJWTSVID": token,
    "ValidateJWTSVID": validated,
}
Ask = Callable[[Agent, Channel], Any]
every_call = pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS.keys())


@every_call
@trio_test
async def test_who_asks_too_early_is_answered_as_soon_as_it_is_told(
    tmp_path: Path, ask: Ask, clock: MockClock
) -> None:
    """A client that asks once, as generic ones do, starts with its agent."""
    async with untold(tmp_path) as agent, await open_channel(agent.endpoint) as channel:
        answers: list[object] = []

        async def call() -> None:
            answers.append(await ask(agent, channel))

        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await trio.sleep_until(start + TOLD_WITHIN - 1)
            assert not answers
            agent.tell()
        assert len(answers) == 1
        assert trio.current_time() == start + TOLD_WITHIN - 1
        # From then on nobody waits.
        assert await ask(agent, channel)
        assert trio.current_time() == start + TOLD_WITHIN - 1


@every_call
@trio_test
async def test_who_waits_in_vain_is_told_that_it_is_for_now(
    tmp_path: Path, ask: Ask, clock: MockClock
) -> None:
    """WAPI-18, not WAPI-51: nobody's identity is withdrawn by an agent's restart."""
    async with untold(tmp_path) as agent, await open_channel(agent.endpoint) as channel:
        start = trio.current_time()
        with pytest.raises(RpcError) as refused:
            await ask(agent, channel)
        assert refused.value.code is StatusCode.UNAVAILABLE
        assert trio.current_time() == start + TOLD_WITHIN


@trio_test
async def test_a_node_that_is_refused_lets_nobody_wait(
    tmp_path: Path, clock: MockClock
) -> None:
    async with untold(tmp_path) as agent, await open_channel(agent.endpoint) as channel:
        start = trio.current_time()
        async with x509_svids(channel) as answers, trio.open_nursery() as nursery:

            async def ask() -> None:
                assert await the_code(answers) is StatusCode.PERMISSION_DENIED

            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            agent.ban()
        assert trio.current_time() == start


@trio_test
async def test_waiting_ends_with_the_call(tmp_path: Path, clock: MockClock) -> None:
    """By its deadline, or when the client gives it up; nothing goes on for it."""
    async with untold(tmp_path) as agent, await open_channel(agent.endpoint) as channel:
        start = trio.current_time()
        request = JWTSVIDRequest(audience=["shop"])
        with pytest.raises(RpcError) as late:
            await channel.unary(FETCH_JWT_SVID, request, JWTSVIDResponse, timeout=1)
        assert late.value.code is StatusCode.DEADLINE_EXCEEDED
        assert trio.current_time() == start + 1
        with trio.move_on_after(1):
            await jwt_svids(channel, "shop")
        async with x509_svids(channel) as answers:
            with trio.move_on_after(1):
                await anext(answers)
        await wait_all_tasks_blocked()
        assert trio.current_time() == start + 3
        assert sum(agent.statistics.ended.values()) == 3
        assert not agent.statistics.ended["UNAVAILABLE"]


@trio_test
async def test_who_waits_is_counted_with_all_other_calls(
    tmp_path: Path, clock: MockClock
) -> None:
    """D1: nobody holds more by waiting than by streams, nor for longer."""
    async with (
        untold(tmp_path, calls_per_caller=3) as agent,
        await open_channel(agent.endpoint) as one,
        await open_channel(agent.endpoint) as other,
        trio.open_nursery() as nursery,
    ):
        start = trio.current_time()
        codes: list[StatusCode] = []

        async def wait(channel: Channel) -> None:
            async with x509_svids(channel) as answers:
                codes.append(await the_code(answers))

        for channel in (one, one, other):
            nursery.start_soon(wait, channel)
        await wait_all_tasks_blocked()
        await wait(other)
        assert codes == [StatusCode.RESOURCE_EXHAUSTED]
        assert trio.current_time() == start
        await trio.sleep_until(start + TOLD_WITHIN + 1)
        assert codes[1:] == [StatusCode.UNAVAILABLE] * 3
        agent.tell()
        async with x509_svids(other) as answers:
            assert [it.spiffe_id for it in (await anext(answers)).svids] == [DB]
