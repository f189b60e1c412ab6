# SPDX-License-Identifier: Apache-2.0
"""Peer: handfast's own sans-IO `Connection`, both ends, as its manual shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import handfast
from bench.peers import memory, sampler
from bench.pki import TRUST_DOMAIN
from handfast import (
    Connection,
    StaticSource,
    TlsConfig,
    TrustBundle,
    TrustBundleSet,
    X509Svid,
)
from handfast.authorize import any_in

if TYPE_CHECKING:
    from pathlib import Path


def config(pki: Path, name: str, *, groups: str) -> TlsConfig:
    """Make the configuration of one end; also used by handfast_trio."""
    svid = X509Svid.from_pem(
        (pki / f"{name}.pem").read_bytes(), (pki / f"{name}.key.pem").read_bytes()
    )
    bundle = TrustBundle.from_pem(TRUST_DOMAIN, (pki / "root.pem").read_bytes())
    make = TlsConfig.server if name == "server" else TlsConfig.client
    return make(
        StaticSource(svid, TrustBundleSet([bundle])),
        authorize=any_in(TRUST_DOMAIN),
        groups=groups,
    )


class HandfastEnd:
    """A Connection."""

    def __init__(self, made: TlsConfig) -> None:
        self.done = False
        self.tls = Connection(made)

    def step(self, data: bytes) -> bytes:
        """Go on until it needs more from the other end."""
        if data:
            self.tls.receive(data)
        self.done = self.tls.handshake()
        return self.tls.to_send()

    def peer_id(self) -> str:
        """Return the SPIFFE ID of the other end, verified and authorized."""
        return str(self.tls.peer.spiffe_id)


def facts(tls: Connection) -> sampler.Facts:
    """Say what was negotiated."""
    return {
        "openssl": handfast.openssl_version().running,
        "openssl_origin": handfast.openssl_version().origin,
        "protocol": tls.version,
        "cipher": tls.cipher,
        "group": tls.group,
        "verification": "handfast, SPIFFE rules and authorization",
        "tickets": 0,
    }


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    client, server = (
        config(given.pki, name, groups=given.groups) for name in ("client", "server")
    )

    def new_client() -> HandfastEnd:
        return HandfastEnd(client)

    def new_server() -> HandfastEnd:
        return HandfastEnd(server)

    probe = new_client()
    memory.handshake(probe, new_server())
    sampler.serve(given, facts(probe.tls), memory.taker(new_client, new_server))


if __name__ == "__main__":
    main()
