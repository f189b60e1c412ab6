# SPDX-License-Identifier: Apache-2.0
"""Streams with a lifetime, and what tests ask of their end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
import trio.testing
from tests.support.net_world import (
    Pair,
    authority,
    client_config,
    server_config,
    shake_hands,
)

from handfast import ConnectionEnded, Reason, StaticSource, TrustBundleSet, _ffi
from handfast.net import Lifetime, MtlsStream


class Wall:
    """Moves the wall clock when a test has moved the other one."""

    def __init__(self) -> None:
        self._now = int(datetime.now(UTC).timestamp())
        _ffi.fix_clock(self._now)

    async def sleep(self, seconds: float) -> None:
        """Let time go by on both clocks, a second at a time."""
        for _ in range(int(seconds)):
            self._now += 1
            _ffi.fix_clock(self._now)
            await trio.sleep(1)

    def jump(self, seconds: float) -> None:
        """Set the wall clock alone."""
        self._now += int(seconds)
        _ffi.fix_clock(self._now)


@asynccontextmanager
async def living(lifetime: Lifetime, **settings: Any) -> AsyncGenerator[Pair, None]:
    """Make a client's stream with a lifetime, and the server's without."""
    ends = trio.testing.memory_stream_pair()
    client = MtlsStream(
        ends[0], client_config(source=settings.get("ours")), lifetime=lifetime
    )
    server = MtlsStream(ends[1], server_config(source=settings.get("theirs")))
    await shake_hands(client, server)
    async with client, server:
        yield client, server


async def ended_with(stream: MtlsStream, reason: Reason) -> None:
    """Use a stream in every way, and be told why it is not there any more."""
    assert stream.closed
    assert stream.ended is reason
    for use in (
        stream.receive_some,
        lambda: stream.send_all(b"x"),
        stream.send_eof,
        stream.wait_send_all_might_not_block,
    ):
        with pytest.raises(trio.BrokenResourceError) as broken:
            await use()
        assert isinstance(broken.value.__cause__, ConnectionEnded)
        assert broken.value.__cause__.reason is reason


def state(stream: MtlsStream) -> str:
    """Say how far a stream is on its way to its end."""
    if stream.closed:
        return "closed"
    return "draining" if stream.draining else "open"


def svid_for(spiffe_id: str, seconds: float) -> StaticSource:
    """Make an identity that ends soon."""
    issuer = authority("a.example")
    return StaticSource(
        issuer.issue(spiffe_id, ttl=timedelta(seconds=seconds)),
        TrustBundleSet([issuer.bundle]),
    )
