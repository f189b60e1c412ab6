# SPDX-License-Identifier: Apache-2.0
"""Fetching bundles in tests: once, refused, and with names that a test resolves."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio
from tests.support.bundle_server import (
    PARTNER,
    http,
)
from tests.support.net_world import authority

from handfast import (
    HandfastError,
)
from handfast.federation import BundleEndpoint, Fetched, fetch_bundle
from handfast.net import secure_endpoint

DOCUMENT = authority(PARTNER).bundle.to_json()
GOOD = http(DOCUMENT, "200 OK", "Content-Type: application/json")


async def fetch(endpoint: BundleEndpoint, **settings: Any) -> Fetched:
    return await fetch_bundle(endpoint, secure=secure_endpoint, **settings)


async def refusal(endpoint: BundleEndpoint, **settings: Any) -> HandfastError:
    with pytest.raises(HandfastError) as caught:
        await fetch(endpoint, **settings)
    return caught.value


class Names(trio.abc.HostnameResolver):
    """A resolver of the test: answers in turn, and counts."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def getaddrinfo(self, host: bytes | None, port: Any, *_: Any) -> Any:
        name = (host or b"").decode()
        self.asked.append(name)
        await trio.lowlevel.checkpoint()
        queue = self.answers[name]
        address = queue.pop(0) if len(queue) > 1 else queue[0]
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError
