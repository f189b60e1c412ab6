# SPDX-License-Identifier: Apache-2.0
"""gnutls-cli and gnutls-serv, a TLS stack that shares no code with OpenSSL."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.interop.conftest import CLIENT, SERVER, Serve, World
from tests.interop.world import Running, handfast, require, running


def gnutls_cli(
    world: World, port: str, who: tuple[Path, Path] | None
) -> list[str | Path]:
    identity = (
        () if who is None else ("--x509certfile", who[0], "--x509keyfile", who[1])
    )
    return [
        require("gnutls-cli"),
        "--port",
        port,
        "--x509cafile",
        world.bundle_a,
        *identity,
        "localhost",
    ]


def free_port() -> str:
    """A port that was free a moment ago: gnutls-serv does not take 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_gnutls_client_is_authenticated_and_echoed(world: World, serve: Serve) -> None:
    with (
        serve("--echo") as (server, port),
        running(*gnutls_cli(world, port, world.client)) as client,
    ):
        assert server.event("accepted")["spiffe_id"] == CLIENT
        client.wait_for("Handshake was completed")
        client.send("forty-two\n")
        client.wait_for("forty-two")


def test_gnutls_client_without_a_certificate_is_refused(
    world: World, serve: Serve
) -> None:
    """C14, seen by another stack."""
    with (
        serve() as (server, port),
        running(*gnutls_cli(world, port, None)) as client,
    ):
        assert server.event("refused")["reason"] == "no_certificate"
        client.wait_for("Certificate is required", "certificate is required")


def test_gnutls_client_of_another_trust_domains_authority_is_refused(
    world: World, serve: Serve
) -> None:
    """P1, C5: the alert reaches another stack as unknown_ca."""
    who = world.forged("imposter", world.b, CLIENT)
    with (
        serve() as (server, port),
        running(*gnutls_cli(world, port, who)) as client,
    ):
        assert server.event("refused")["reason"] == "unknown_authority"
        client.wait_for("CA is unknown")


def gnutls_serv(world: World, port: str, who: tuple[Path, Path]) -> list[str | Path]:
    return [
        require("gnutls-serv"),
        "--echo",
        "--port",
        port,
        "--x509cafile",
        world.bundle_a,
        "--x509certfile",
        who[0],
        "--x509keyfile",
        who[1],
        "--require-client-cert",
        "--verify-client-cert",
    ]


def connect(world: World, server: Running, port: str) -> list[str | Path]:
    server.wait_for("ready", "listening")
    return [
        *handfast("connect", "127.0.0.1", port, "--json", "--allow", SERVER),
        *world.us(world.client),
    ]


def test_connect_to_gnutls_server(world: World) -> None:
    port = free_port()
    with (
        running(*gnutls_serv(world, port, world.server)) as server,
        running(*connect(world, server, port)) as client,
    ):
        assert client.event("connected")["spiffe_id"] == SERVER
        client.send("forty-two\n")
        assert client.event("data")["text"] == "forty-two\n"


def test_connect_refuses_a_gnutls_server_of_another_authority(world: World) -> None:
    """P1 from the client's side."""
    port = free_port()
    who = world.forged("imposter", world.b, SERVER)
    with (
        running(*gnutls_serv(world, port, who)) as server,
        running(*connect(world, server, port)) as client,
    ):
        client.wait_for("unknown_authority")
        assert client.exit_code() == 1
