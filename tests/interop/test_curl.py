# SPDX-License-Identifier: Apache-2.0
"""curl with a client certificate against an HTTP answer over our stream."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import trio
from tests.interop.conftest import CLIENT, World
from tests.interop.world import PATIENCE, require

from handfast import StaticSource, TlsConfig, TrustBundleSet, X509Svid, authorize
from handfast.net import MtlsListener, MtlsStream, serve_mtls


async def answer_http(stream: MtlsStream) -> None:
    """One request, one response that names the caller."""
    async with stream:
        request = b""
        while b"\r\n\r\n" not in request:
            chunk = await stream.receive_some()
            if not chunk:
                return
            request += chunk
        body = f"{stream.peer.spiffe_id}\n".encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close"
        await stream.send_all(head.encode() + b"\r\n\r\n" + body)


async def ask(world: World, *options: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Serve on a free port and let curl ask once."""
    svid = X509Svid.from_pem(world.server[0].read_bytes(), world.server[1].read_bytes())
    config = TlsConfig.server(
        StaticSource(svid, TrustBundleSet([world.a.bundle])),
        authorize=authorize.exactly(CLIENT),
        alpn=("http/1.1",),
    )
    serve = partial(serve_mtls, answer_http, 0, config, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        listeners: list[MtlsListener] = await nursery.start(serve)
        done = await trio.run_process(
            [
                require("curl"),
                "--silent",
                "--show-error",
                "--cacert",
                str(world.bundle_a),
                "--ipv4",
                *map(str, options),
                f"https://localhost:{listeners[0].port}/",
            ],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        nursery.cancel_scope.cancel()
    return done


def test_curl_with_an_svid_gets_its_own_name_back(world: World) -> None:
    cert, key = world.client

    async def main() -> subprocess.CompletedProcess[bytes]:
        with trio.fail_after(PATIENCE):
            return await ask(world, "--cert", cert, "--key", key)

    done = trio.run(main)
    assert done.stdout.decode() == f"{CLIENT}\n", done.stderr.decode()


def test_curl_without_a_certificate_gets_nothing(world: World) -> None:
    """C14: no certificate, no response, and curl names the alert."""

    async def main() -> subprocess.CompletedProcess[bytes]:
        with trio.fail_after(PATIENCE):
            return await ask(world)

    done = trio.run(main)
    assert done.returncode != 0
    assert done.stdout == b""
    assert b"certificate required" in done.stderr
