# SPDX-License-Identifier: Apache-2.0
"""`openssl s_client` and `s_server` of the distribution against our command line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.interop.conftest import CLIENT, SERVER, Serve, World
from tests.interop.world import Running, handfast, require, running
from tests.support.engine import NOT_AUTHORIZED_ALERT, NOT_AUTHORIZED_TEXT

from handfast.authority import Authority


def s_client(
    world: World, port: str, who: tuple[Path, Path] | None, *options: str
) -> list[str | Path]:
    identity = () if who is None else ("-cert", who[0], "-key", who[1])
    return [
        require("openssl"),
        "s_client",
        "-connect",
        f"127.0.0.1:{port}",
        "-CAfile",
        world.bundle_a,
        "-verify_return_error",
        "-quiet",
        *identity,
        *options,
    ]


def s_server(world: World, who: tuple[Path, Path], *options: str) -> list[str | Path]:
    return [
        require("openssl"),
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        who[0],
        "-cert_chain",
        who[0],
        "-key",
        who[1],
        "-CAfile",
        world.bundle_a,
        "-Verify",
        "3",
        "-verify_return_error",
        *options,
    ]


def port_of(server: Running) -> str:
    return server.wait_for("ACCEPT").rsplit(":", 1)[1].strip()


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_s_client_is_authenticated_and_echoed(
    world: World, serve: Serve, version: str
) -> None:
    """Both TLS versions, a foreign client, our server names its identity."""
    with (
        serve("--echo", "--tls12") as (server, port),
        running(*s_client(world, port, world.client, version)) as client,
    ):
        accepted = server.event("accepted")
        assert accepted["spiffe_id"] == CLIENT
        client.send("forty-two\n")
        client.wait_for("forty-two")


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_s_client_resumes_a_session_that_it_kept(
    world: World, serve: Serve, version: str
) -> None:
    """P4: another's client, with its session in a file; then the same ticket again."""
    kept = str(world.folder / "session.pem")
    with serve("--echo", "--tls12") as (server, port):

        def resumed(option: str) -> bool:
            command = s_client(world, port, world.client, version, option, kept)
            with running(*command) as client:
                accepted = server.event("accepted")
                assert accepted["spiffe_id"] == CLIENT
                # The ticket comes before the echo: then the file is written.
                client.send("forty-two\n")
                client.wait_for("forty-two")
            return bool(accepted["resumed"])

        assert not resumed("-sess_out")
        assert resumed("-sess_in")
        # A ticket of TLS 1.3 is good once, a session of 1.2 for as long as it holds.
        assert resumed("-sess_in") is (version == "-tls1_2")


def refused(
    server: Running, client: Running, reason: str, alert_text: str, alert: int
) -> dict[str, object]:
    event = server.event("refused")
    assert event["reason"] == reason
    client.wait_for(f"SSL alert number {alert}", alert_text)
    assert client.exit_code() != 0
    return event


def test_s_client_without_a_certificate_is_refused(world: World, serve: Serve) -> None:
    """C14: no certificate is no identity; the alert is certificate_required (116)."""
    with (
        serve() as (server, port),
        running(*s_client(world, port, None)) as client,
    ):
        refused(server, client, "no_certificate", "certificate required", 116)


def test_s_client_of_another_authority_is_refused(world: World, serve: Serve) -> None:
    """P1: an authority that nobody trusts; the alert is unknown_ca (48)."""
    other = Authority("a.example").issue(CLIENT)
    cert, key = world.folder / "o.pem", world.folder / "o.key"
    cert.write_bytes(other.to_pem_chain())
    key.write_bytes(other.to_pem_key())
    with (
        serve() as (server, port),
        running(*s_client(world, port, (cert, key))) as client,
    ):
        refused(server, client, "unknown_authority", "unknown ca", 48)


def test_s_client_of_another_trust_domains_authority_is_refused(
    world: World, serve: Serve
) -> None:
    """P1, C5: names a.example, signed by b.example's (trusted) authority."""
    who = world.forged("imposter", world.b, CLIENT)
    with (
        serve() as (server, port),
        running(*s_client(world, port, who)) as client,
    ):
        event = refused(server, client, "unknown_authority", "unknown ca", 48)
        assert event["claimed_id_unverified"] == CLIENT


def test_s_client_with_an_expired_svid_is_refused(world: World, serve: Serve) -> None:
    """X509-27: an hour too late; the alert is certificate_expired (45)."""
    who = world.forged(
        "late", world.a, CLIENT, not_before=timedelta(hours=-2), not_after=-3600
    )
    with (
        serve() as (server, port),
        running(*s_client(world, port, who)) as client,
    ):
        refused(server, client, "certificate_expired", "certificate expired", 45)


def test_s_client_that_is_not_authorized_is_told_access_denied(
    world: World, serve: Serve
) -> None:
    """Authenticated, but not let in: the alert is access_denied (49) if it can be."""
    with (
        serve("--allow", "spiffe://a.example/somebody-else") as (server, port),
        running(*s_client(world, port, world.client)) as client,
    ):
        text = NOT_AUTHORIZED_TEXT
        refused(server, client, "not_authorized", text, NOT_AUTHORIZED_ALERT)


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_connect_to_s_server(world: World, version: str) -> None:
    """Our client, a foreign server with -Verify: both sides authenticated."""
    with running(*s_server(world, world.server, version)) as server:
        port = port_of(server)
        ours = handfast(
            "connect", "127.0.0.1", port, "--json", "--tls12", "--allow", SERVER
        )
        with running(*ours, *world.us(world.client)) as client:
            connected = client.event("connected")
            assert connected["spiffe_id"] == SERVER
            client.send("forty-two\n")
            server.wait_for("forty-two")


@pytest.mark.parametrize(
    ("identity", "reason", "alert"),
    [
        ("stranger", "not_authorized", NOT_AUTHORIZED_TEXT),
        ("imposter", "unknown_authority", "unknown ca"),
        ("late", "certificate_expired", "certificate expired"),
    ],
)
def test_connect_refuses_a_server_and_says_why(
    world: World, identity: str, reason: str, alert: str
) -> None:
    """The client's half of P1 and X509-27; the server sees the alert."""
    late = {"not_before": timedelta(hours=-2), "not_after": -3600}
    who = {
        "stranger": lambda: world.stranger,
        "imposter": lambda: world.forged("imposter", world.b, SERVER),
        "late": lambda: world.forged("late", world.a, SERVER, **late),
    }[identity]()
    with running(*s_server(world, who)) as server:
        port = port_of(server)
        ours = handfast("connect", "127.0.0.1", port, "--allow", SERVER)
        with running(*ours, *world.us(world.client)) as client:
            client.wait_for(reason)
            assert client.exit_code() == 1
        server.wait_for(alert)


def test_connect_is_told_when_the_server_refuses_us(world: World) -> None:
    """The stranger's authority is unknown to s_server: our side says peer_alert."""
    with running(*s_server(world, world.server)) as server:
        port = port_of(server)
        ours = handfast("connect", "127.0.0.1", port, "--allow", SERVER)
        with running(*ours, *world.us(world.stranger)) as client:
            client.wait_for("peer_alert")
            assert client.exit_code() == 1
