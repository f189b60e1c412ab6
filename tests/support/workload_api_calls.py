# SPDX-License-Identifier: Apache-2.0
"""The calls of the Workload API, made as a test reads best."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.net_world import PATIENCE

from handfast.testing import FakeWorkloadApi
from handfast.workload_api import Channel, RpcError, StatusCode, open_channel, proto

WEB = "spiffe://example.org/web"
DB = "spiffe://example.org/db"


@asynccontextmanager
async def asked(
    api: FakeWorkloadApi | None = None,
) -> AsyncGenerator[tuple[FakeWorkloadApi, Channel], None]:
    async with (
        api or FakeWorkloadApi(ids=[WEB, DB]) as fake,
        await open_channel(fake.endpoint) as channel,
    ):
        yield fake, channel


def x509_svids(channel: Channel) -> Any:
    return channel.stream(
        proto.FETCH_X509_SVID, proto.X509SVIDRequest(), proto.X509SVIDResponse
    )


def x509_bundles(channel: Channel) -> Any:
    return channel.stream(
        proto.FETCH_X509_BUNDLES, proto.X509BundlesRequest(), proto.X509BundlesResponse
    )


def jwt_bundles(channel: Channel) -> Any:
    return channel.stream(
        proto.FETCH_JWT_BUNDLES, proto.JWTBundlesRequest(), proto.JWTBundlesResponse
    )


async def jwt_svids(
    channel: Channel, *audience: str, spiffe_id: str = ""
) -> proto.JWTSVIDResponse:
    request = proto.JWTSVIDRequest(audience=audience, spiffe_id=spiffe_id)
    return await channel.unary(
        proto.FETCH_JWT_SVID, request, proto.JWTSVIDResponse, timeout=PATIENCE
    )


async def validate(
    channel: Channel, audience: str, svid: str
) -> proto.ValidateJWTSVIDResponse:
    request = proto.ValidateJWTSVIDRequest(audience=audience, svid=svid)
    return await channel.unary(
        proto.VALIDATE_JWT_SVID,
        request,
        proto.ValidateJWTSVIDResponse,
        timeout=PATIENCE,
    )


async def the_code(answers: AsyncIterator[Any]) -> StatusCode:
    with pytest.raises(RpcError) as caught:
        await anext(answers)
    return caught.value.code
