# SPDX-License-Identifier: Apache-2.0
"""Bundle endpoints served in tests, and other clients of theirs."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import trio
from tests.support.bundle_server import ENDPOINT_ID, PARTNER
from tests.support.net_world import authority

from handfast import (
    StaticSource,
    TrustBundle,
    X509Svid,
)
from handfast.federation import (
    BundleService,
)
from handfast.net import (
    serve_bundle_endpoint,
)
from handfast.pem import write_pem


class Publishing:
    """A trust domain whose bundle changes when a test says so."""

    def __init__(self) -> None:
        self.authority = authority(PARTNER)
        self.bundle = replace(self.authority.bundle, sequence=1, refresh_hint=60)

    def __call__(self) -> TrustBundle:
        return self.bundle

    def svid(self) -> X509Svid:
        return self.authority.issue(ENDPOINT_ID, dns_names=["localhost"])

    def shown(self) -> StaticSource:
        return StaticSource(self.svid(), self.bundle)


@asynccontextmanager
async def serving(service: BundleService, identity: Any) -> AsyncGenerator[int, None]:
    """Run an endpoint around a test."""
    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(
            partial(serve_bundle_endpoint, service, 0, identity, host="127.0.0.1")
        )
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def python_client(bundle: TrustBundle, **settings: Any) -> ssl.SSLContext:
    """Python's own TLS client: it verifies by name, and shows nothing."""
    context = ssl.create_default_context(cadata=bundle.to_pem().decode())
    for name, value in settings.items():
        setattr(context, name, value)
    return context


async def connect(port: int, context: ssl.SSLContext) -> trio.SSLStream[Any]:
    transport = await trio.open_tcp_stream("127.0.0.1", port)
    return trio.SSLStream(transport, context, server_hostname="localhost")


async def talk(port: int, publishing: Publishing, request: bytes) -> bytes:
    """Send bytes, and read to the end."""
    stream = await connect(port, python_client(publishing.bundle))
    answer = b""
    with suppress(trio.BrokenResourceError):
        await stream.send_all(request)
        async for data in stream:
            answer += data
    await trio.aclose_forcefully(stream)
    return answer


def get(
    path: str = "/", *headers: str, method: str = "GET", close: bool = True
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()


def parts(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    return int(first.split(" ")[1]), headers, body


def write_files(folder: Path, svid: X509Svid) -> Path:
    """Write chain and key into one file, as some tools have it."""
    file = folder / "web.pem"
    file.write_bytes(write_pem("CERTIFICATE", svid.chain) + svid.key.to_pem())
    return file
