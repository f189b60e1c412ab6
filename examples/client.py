# SPDX-License-Identifier: Apache-2.0
"""Call the server, and nobody else: python examples/client.py FOLDER PORT."""

import sys
from pathlib import Path

import trio

from handfast import StaticSource, TlsConfig, TrustBundle, X509Svid, authorize
from handfast.net import open_mtls_stream

folder, port = Path(sys.argv[1]), int(sys.argv[2])
chain, key = (folder / "client.pem").read_bytes(), (folder / "client.key").read_bytes()
bundle = TrustBundle.from_pem("prod.example.com", (folder / "bundle.pem").read_bytes())
config = TlsConfig.client(
    StaticSource(X509Svid.from_pem(chain, key), bundle),
    authorize=authorize.exactly("spiffe://prod.example.com/server"),
)


async def call() -> None:
    async with await open_mtls_stream("localhost", port, config) as stream:
        await stream.send_all(b"may I come in?")
        print(b"".join([part async for part in stream]).decode())


trio.run(call)
