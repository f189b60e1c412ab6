# SPDX-License-Identifier: Apache-2.0
"""Peer: handfast's own sans-IO `Connection`, both ends, as its manual shows it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import handfast
from bench.peers import memory, sampler
from bench.pki import TRUST_DOMAIN, identity
from handfast import (
    ChainCache,
    Connection,
    StaticSource,
    TlsConfig,
    TrustBundle,
    TrustBundleSet,
    X509Svid,
)
from handfast.authorize import any_in

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path


def trust(pki: Path) -> TrustBundleSet:
    """Return whom both ends trust."""
    root = (pki / "root.pem").read_bytes()
    return TrustBundleSet([TrustBundle.from_pem(TRUST_DOMAIN, root)])


def configs(given: argparse.Namespace, name: str, **more: Any) -> list[TlsConfig]:
    """Make the configurations of one end, one an identity."""
    bundles = trust(given.pki)
    make = TlsConfig.server if name == "server" else TlsConfig.client
    made = []
    for number in range(given.identities):
        path = given.pki / identity(name, number)
        chain, key = (
            path.with_suffix(end).read_bytes() for end in (".pem", ".key.pem")
        )
        source = StaticSource(X509Svid.from_pem(chain, key), bundles)
        who = any_in(TRUST_DOMAIN)
        made.append(make(source, authorize=who, groups=given.groups, **more))
    return made


def config(given: argparse.Namespace, name: str) -> TlsConfig:
    """Make the configuration of one end; also used by handfast_trio."""
    return configs(given, name)[0]


def once_each(made: list[TlsConfig], cache: ChainCache) -> Iterator[TlsConfig]:
    """Yield the configurations in turn; when they begin again, nobody is remembered."""
    while True:
        assert cache.statistics().hits == 0, "somebody was met twice"
        cache.clear()
        yield from made


class HandfastEnd:
    """A Connection."""

    def __init__(self, made: TlsConfig, session_key: str | None = None) -> None:
        self.done = False
        self.tls = Connection(made, session_key=session_key)

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


def chooser(
    given: argparse.Namespace, facts: sampler.Facts
) -> list[Iterator[TlsConfig]]:
    """Return what yields the next configuration of client and server.

    One identity an end meets the same peer again and again, as the cache likes it. Of
    many, each is seen once before all are forgotten, authorities excepted.
    """
    ends = ("client", "server")
    if given.identities == 1:
        facts["chain_cache"] = "warm"
        return [itertools.repeat(config(given, name)) for name in ends]
    cache = ChainCache()
    facts["chain_cache"] = "cold: each chain is seen once, then all are forgotten"
    return [once_each(configs(given, name, cache=cache), cache) for name in ends]


def main() -> None:
    """Serve samples."""
    given = sampler.arguments(__doc__ or "")
    known: sampler.Facts = {}
    clients, servers = chooser(given, known)

    session_key = "bench" if given.resume else None
    resumed = False  # the first one is not

    def new_client() -> HandfastEnd:
        return HandfastEnd(next(clients), session_key)

    def new_server() -> HandfastEnd:
        return HandfastEnd(next(servers))

    # Configurations are built when they are first used, and each has its own bundle,
    # which has to meet the issuer: all of that belongs before the first sample.
    for _ in range(given.identities):
        probe = new_client()
        memory.handshake(probe, new_server())
    known |= facts(probe.tls)

    def keep_session(client: memory.End, server: memory.End) -> None:
        nonlocal resumed
        assert isinstance(client, HandfastEnd)
        assert isinstance(server, HandfastEnd)
        assert client.tls.resumed == server.tls.resumed == resumed
        server.tls.send(b"x")
        client.tls.receive(server.tls.to_send())
        assert client.tls.read() == b"x"
        resumed = True

    then = keep_session if given.resume else None
    sampler.serve(given, known, memory.taker(new_client, new_server, then))


if __name__ == "__main__":
    main()
