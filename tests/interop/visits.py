# SPDX-License-Identifier: Apache-2.0
"""Our client, again and again at the same server, with one store of sessions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from tests.interop.conftest import SERVER, World
from tests.interop.world import PATIENCE

from handfast import StaticSource, TlsConfig, X509Svid, authorize
from handfast.net import open_mtls_stream


def client_config(world: World, **settings: Any) -> TlsConfig:
    """Our client in the world: it wants the server, and nobody else."""
    cert, key = world.client
    svid = X509Svid.from_pem(cert.read_bytes(), key.read_bytes())
    source = StaticSource(svid, world.a.bundle)
    return TlsConfig.client(source, authorize=authorize.exactly(SERVER), **settings)


@dataclass(frozen=True, slots=True)
class Visit:
    """What one connection was."""

    resumed: bool
    identity: str
    said: bytes


async def visit_from(
    config: TlsConfig, port: str, word: bytes = b"forty-two\n"
) -> Visit:
    """Connect within trio, say a line, hear a line, part in good order."""
    with trio.fail_after(PATIENCE):
        stream = await open_mtls_stream("127.0.0.1", int(port), config)
        async with stream:
            await stream.send_all(word)
            said = bytearray()
            # What the server says comes after its ticket.
            while not said.endswith(b"\n"):
                data = await stream.receive_some()
                assert data, "the server ended the connection"
                said += data
            return Visit(stream.resumed, str(stream.peer.spiffe_id), bytes(said))


def visit(config: TlsConfig, port: str, word: bytes = b"forty-two\n") -> Visit:
    """Connect, say a line, hear a line, part in good order."""
    return trio.run(partial(visit_from, config, port, word))
