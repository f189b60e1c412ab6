# SPDX-License-Identifier: Apache-2.0
"""Greet whoever of our trust domain calls: python examples/server.py FOLDER PORT."""

import sys
from contextlib import suppress
from pathlib import Path

import trio

from handfast import StaticSource, TlsConfig, TrustBundle, X509Svid, authorize
from handfast.net import MtlsStream, serve_mtls

folder, port = Path(sys.argv[1]), int(sys.argv[2])
chain, key = (folder / "server.pem").read_bytes(), (folder / "server.key").read_bytes()
bundle = TrustBundle.from_pem("prod.example.com", (folder / "bundle.pem").read_bytes())
config = TlsConfig.server(
    StaticSource(X509Svid.from_pem(chain, key), bundle),
    authorize=authorize.any_in("prod.example.com"),
)


async def greet(stream: MtlsStream) -> None:
    with suppress(trio.BrokenResourceError):  # a caller may hang up at any time
        said = await stream.receive_some()
        await stream.send_all(f"hello {stream.peer.spiffe_id}: ".encode() + said)


trio.run(serve_mtls, greet, port, config)
