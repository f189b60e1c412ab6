# SPDX-License-Identifier: Apache-2.0
"""A server with a connection of an attacker, and a good call after whatever he did."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import hpack
from tests.support.net_world import PATIENCE
from tests.support.raw_http2 import END_HEADERS, HEADERS, RawClient, frame, request
from tests.support.wire_world import ECHO, Served, serving

from handfast.workload_api import ServerLimits, proto

#: Short; for clocks that jump, so that a slow machine is not taken for a slow client.
IMPATIENT = ServerLimits(
    preface_timeout=0.1, request_timeout=0.1, idle_timeout=0.1, send_timeout=0.1
)


@asynccontextmanager
async def attacked(
    limits: ServerLimits | None = None,
) -> AsyncGenerator[tuple[Served, RawClient], None]:
    """A server, and a connection of an attacker; a good client comes after it."""
    async with serving(limits=limits) as served:
        attacker = await RawClient.open(served.endpoint)
        async with attacker.stream:
            yield served, attacker
            async with await served.open() as channel:
                answer = await channel.unary(
                    ECHO,
                    proto.JWTSVIDRequest(audience=["good"]),
                    proto.JWTSVIDResponse,
                    timeout=PATIENCE,
                )
                assert answer.svids[0].svid == "good"


def block(*headers: tuple[str, str]) -> bytes:
    encoded: bytes = hpack.Encoder().encode(list(headers))
    return encoded


def a_call(path: str = "/no/such", stream: int = 1, flags: int = END_HEADERS) -> bytes:
    return frame(HEADERS, block(*request(path)), flags=flags, stream=stream)
