# SPDX-License-Identifier: Apache-2.0
"""The synchronous face: asked once, from a thread without a loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from tests.support import agent_messages as messages
from tests.support.agent_messages import API, OTHER, OWN, WEB, part, svid
from tests.support.fake_agent import Agents, FakeAgent, socket_path
from tests.support.net_world import trio_test

from handfast import Reason, SourceError, UsageError, VerificationError, sync
from handfast.jwt_signer import JwtSigner
from handfast.workload_api import StatusCode, proto

SIGNER = JwtSigner.generate(OWN)


def _tokens(request: proto.JWTSVIDRequest) -> proto.JWTSVIDResponse:
    token = SIGNER.sign(WEB, list(request.audience)).token
    return proto.JWTSVIDResponse(svids=[proto.JWTSVID(spiffe_id=WEB, svid=token)])


@asynccontextmanager
async def agent() -> AsyncGenerator[FakeAgent, None]:
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            it = FakeAgent(path)
            it.say(
                proto.FETCH_X509_SVID,
                messages.svids(part(svid(WEB)), part(svid(API), hint="in")),
            )
            own, other = messages.authority().bundle, messages.authority(OTHER).bundle
            it.say(proto.FETCH_X509_BUNDLES, messages.bundles(own, other))
            keys = {f"spiffe://{OWN}": SIGNER.bundle.to_jwks()}
            it.say(proto.FETCH_JWT_BUNDLES, proto.JWTBundlesResponse(bundles=keys))
            it.answers[proto.FETCH_JWT_SVID] = _tokens
            await Agents(nursery, it).start()
            yield it
            nursery.cancel_scope.cancel()


async def elsewhere(function: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """Call from a thread, as a script would."""
    return await trio.to_thread.run_sync(partial(function, *args, **settings))


@trio_test
async def test_everything_can_be_fetched_once() -> None:
    async with agent() as it:
        where = it.endpoint
        assert str((await elsewhere(sync.fetch_x509, where)).svid.spiffe_id) == WEB
        hinted = await elsewhere(sync.fetch_x509, where, hint="in")
        assert str(hinted.svid.spiffe_id) == API
        assert len(await elsewhere(sync.fetch_x509_bundles, where)) == 2
        keys = await elsewhere(sync.fetch_jwt_bundles, where)
        assert keys[OWN].digest == SIGNER.bundle.digest
        token = await elsewhere(sync.fetch_jwt_svid, "shop", endpoint=where)
        assert token.audience == ("shop",)
        it.answers[proto.VALIDATE_JWT_SVID] = lambda _: proto.ValidateJWTSVIDResponse(
            spiffe_id=WEB
        )
        judge = partial(sync.validate_jwt_svid, token.token, endpoint=where)
        assert str((await elsewhere(judge, "shop")).spiffe_id) == WEB
        with pytest.raises(VerificationError):
            await elsewhere(judge, "bank")


@trio_test
async def test_what_cannot_be_fetched_is_told() -> None:
    """P7."""
    async with agent() as it:
        it.fail(proto.FETCH_X509_SVID, StatusCode.UNIMPLEMENTED)
        with pytest.raises(SourceError) as caught:
            await elsewhere(sync.fetch_x509, it.endpoint)
        assert caught.value.reason is Reason.SOURCE_FAILED
    with pytest.raises(SourceError) as gone:
        await elsewhere(sync.fetch_jwt_svid, "shop", endpoint=it.endpoint)
    assert gone.value.reason is Reason.SOURCE_UNAVAILABLE


@trio_test
async def test_a_thread_in_which_trio_runs_is_refused() -> None:
    with pytest.raises(UsageError):
        sync.fetch_x509("unix:///run/nobody.sock")


def test_a_thread_in_which_asyncio_runs_is_refused() -> None:
    async def wrong() -> None:
        await asyncio.sleep(0)
        with pytest.raises(UsageError):
            sync.fetch_x509("unix:///run/nobody.sock")

    asyncio.run(wrong())
