# SPDX-License-Identifier: Apache-2.0
"""Bundle endpoints to fetch from, by Python's own TLS: they answer what tests write.

Nothing of handfast serves here, so a mistake of ours cannot hide on both sides.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import trio
from cryptography import x509
from tests.support import pki
from tests.support.net_world import authority

from handfast import X509Svid
from handfast.authority import Authority
from handfast.federation import BundleEndpoint
from handfast.pem import write_pem

LOOPBACK = ("127.0.0.0/8",)
PARTNER = "partner.example"
ENDPOINT_ID = f"spiffe://{PARTNER}/bundles"


def http(
    body: bytes = b"", status: str = "200 OK", *headers: str, length: bool = True
) -> bytes:
    """Write an answer."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    """Write a redirect."""
    return http(b"", status, f"Location: {location}")


class Served:
    """An endpoint on loopback: `answers` by path, what was asked for in `requests`."""

    def __init__(self, port: int, answers: dict[str, bytes]) -> None:
        self.port = port
        self.answers = answers
        self.requests: list[bytes] = []
        self.client_certificates: list[bytes | None] = []

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [it.split(b" ")[1].decode() for it in self.requests]

    def url(self, path: str = "/", host: str = "localhost") -> str:
        """Where it is."""
        return f"https://{host}:{self.port}{path}"

    async def answer(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        """Serve one request; an answer that ends in `...` is never finished.

        Whoever leaves before all of it is there is not served.
        """
        with suppress(trio.BrokenResourceError):
            request = b""
            while b"\r\n\r\n" not in request:
                part = await stream.receive_some()
                if not part:
                    return
                request += part
            self.requests.append(request)
            self.client_certificates.append(stream.getpeercert(binary_form=True))
            path = request.split(b" ")[1].decode()
            answer = self.answers.get(path, http(b"", "404 Not Found"))
            if answer.endswith(b"..."):
                await stream.send_all(answer.removesuffix(b"..."))
                await trio.sleep_forever()
            await stream.send_all(answer)
            await stream.aclose()


def port_of(listener: trio.SSLListener[trio.SocketStream]) -> int:
    """Where it listens."""
    transport: Any = listener.transport_listener
    return int(transport.socket.getsockname()[1])


def _context(chain: bytes, key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "both.pem")
        file.write_bytes(chain + key)
        context.load_cert_chain(file)
    return context


class Web:
    """A web root, and servers with certificates below it."""

    def __init__(self) -> None:
        self.root = pki.root(uris=(), subject="a web root")

    def context(self, *names: str) -> ssl.SSLContext:
        """A server of these names."""
        sans = [x509.DNSName(name) for name in names or ("localhost",)]
        leaf = pki.leaf(self.root, uris=(), sans=sans, subject="a web server")
        return _context(
            write_pem("CERTIFICATE", leaf.chain),
            write_pem("PRIVATE KEY", [leaf.key_der]),
        )

    def endpoint(
        self, served: Served, path: str = "/", host: str = "localhost"
    ) -> BundleEndpoint:
        """How its server is configured."""
        return BundleEndpoint.https_web(
            PARTNER,
            served.url(path, host),
            roots=[self.root.der],
            allow_networks=LOOPBACK,
        )


def svid_context(svid: X509Svid) -> ssl.SSLContext:
    """A server that shows an SVID and asks for nothing."""
    return _context(write_pem("CERTIFICATE", svid.chain), svid.key.to_pem())


def spiffe_endpoint(
    served: Served, issuer: Authority | None = None, path: str = "/"
) -> BundleEndpoint:
    """How the partner's self-serving endpoint is configured."""
    return BundleEndpoint.https_spiffe(
        PARTNER,
        served.url(path),
        endpoint_id=ENDPOINT_ID,
        bundle=(issuer or authority(PARTNER)).bundle,
        allow_networks=LOOPBACK,
    )


@asynccontextmanager
async def endpoint_of(
    context: ssl.SSLContext, answers: dict[str, bytes]
) -> AsyncGenerator[Served, None]:
    """Run an endpoint around a test."""
    served = Served(0, answers)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(
                trio.serve_ssl_over_tcp, served.answer, 0, context, host="127.0.0.1"
            )
        )
        served.port = port_of(listeners[0])
        yield served
        nursery.cancel_scope.cancel()
