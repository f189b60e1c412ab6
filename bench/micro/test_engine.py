# SPDX-License-Identifier: Apache-2.0
"""What crossing into the engine costs: verifying, configuring, shaking hands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from bench.peers import handfast_memory, memory
from bench.pki import CLIENT_ID, TRUST_DOMAIN, chain_der
from handfast import ChainCache, Connection, TrustBundle, Verifier
from handfast.authorize import any_in

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from handfast import TlsConfig


def given(files: Path) -> argparse.Namespace:
    """Return what a peer is told on its command line."""
    return argparse.Namespace(pki=files, groups="X25519", identities=1)


@pytest.fixture(scope="module")
def configs(files: Path) -> tuple[TlsConfig, TlsConfig]:
    """Return a client's and a server's configuration, already used once."""
    client, server = (
        handfast_memory.config(given(files), name) for name in ("client", "server")
    )
    shake(client, server)
    return client, server


def shake(client: TlsConfig, server: TlsConfig) -> handfast_memory.HandfastEnd:
    """Make two connections and one handshake; return the client."""
    end = handfast_memory.HandfastEnd(client)
    memory.handshake(end, handfast_memory.HandfastEnd(server))
    return end


@pytest.mark.parametrize("cached", [False, True])
def test_verify_chain(benchmark: BenchmarkFixture, files: Path, cached: bool) -> None:
    """From DER to a `VerifiedPeer`: issuer known, or the whole chain."""
    bundle = TrustBundle.from_pem(TRUST_DOMAIN, (files / "root.pem").read_bytes())
    cache = ChainCache() if cached else None
    verifier = Verifier(bundle, authorize=any_in(TRUST_DOMAIN), cache=cache)
    peer = benchmark(verifier.verify, chain_der(files, "client"))
    assert str(peer.spiffe_id) == CLIENT_ID


def test_new_config_with_its_first_connection(
    benchmark: BenchmarkFixture, files: Path
) -> None:
    """The native configuration is made lazily, so a connection is part of it."""

    def configure() -> Connection:
        return Connection(handfast_memory.config(given(files), "server"))

    benchmark(configure)


def test_new_connection(
    benchmark: BenchmarkFixture, configs: tuple[TlsConfig, TlsConfig]
) -> None:
    """No SSL object yet: the engine makes it with the first byte."""
    benchmark(Connection, configs[0])


def test_full_handshake(
    benchmark: BenchmarkFixture, configs: tuple[TlsConfig, TlsConfig]
) -> None:
    """Two connections, both ends."""
    assert benchmark(shake, *configs).done


@pytest.mark.parametrize("size", [64, 16384])
def test_send_and_read(
    benchmark: BenchmarkFixture, configs: tuple[TlsConfig, TlsConfig], size: int
) -> None:
    """One record from end to end, both ends in memory."""
    client, server = (handfast_memory.HandfastEnd(config) for config in configs)
    memory.handshake(client, server)
    data = b"x" * size

    def carry() -> bytes:
        client.tls.send(data)
        server.tls.receive(client.tls.to_send())
        return server.tls.read()

    assert benchmark(carry) == data
