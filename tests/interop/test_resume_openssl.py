# SPDX-License-Identifier: Apache-2.0
"""Sessions with `openssl s_client` and `s_server`, both of which must have said so."""

from __future__ import annotations

import pytest
from tests.interop.conftest import CLIENT, SERVER, Serve, World
from tests.interop.test_openssl_tools import port_of, s_client, s_server
from tests.interop.visits import client_config, visit
from tests.interop.world import running


def test_s_client_reconnects_five_times(world: World, serve: Serve) -> None:
    """P4: `-reconnect` resumes in TLS 1.2; five times, as both ends tell."""
    with serve("--echo", "--tls12") as (server, port):
        options = ("-tls1_2", "-reconnect", "-no_ign_eof")
        command = s_client(world, port, world.client, *options)
        command.remove("-quiet")
        with running(*command) as client:
            client.wait_for("New, TLSv1.2")
            assert server.event("accepted")["resumed"] is False
            for _ in range(5):
                client.wait_for("Reused, TLSv1.2")
                accepted = server.event("accepted")
                assert accepted["resumed"] is True
                assert accepted["spiffe_id"] == CLIENT


def test_s_client_that_reconnects_before_its_ticket_is_welcome(
    world: World, serve: Serve
) -> None:
    """In TLS 1.3 `-reconnect` does not read before it parts: all handshakes full."""
    with serve("--echo") as (server, port):
        command = s_client(world, port, world.client, "-tls1_3", "-reconnect")
        with running(*command):
            for _ in range(6):
                accepted = server.event("accepted")
                assert (accepted["resumed"], accepted["spiffe_id"]) == (False, CLIENT)


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_our_client_resumes_at_s_server(world: World, version: str) -> None:
    """R9: tickets of theirs, used once each; a session of TLS 1.2 again and again."""
    # Without tickets it keeps sessions by their ids, which is what ours has in 1.2.
    options = ("-rev", version, *(("-no_ticket",) if version == "-tls1_2" else ()))
    command = s_server(world, world.server, *options)
    config = client_config(world, min_version="1.2")
    with running(*command) as server:
        port = port_of(server)
        visits = [visit(config, port) for _ in range(4)]
        assert [it.resumed for it in visits] == [False, True, True, True]
        assert {it.identity for it in visits} == {SERVER}
        assert {it.said for it in visits} == {b"owt-ytrof\n"}
        for _ in visits:
            server.wait_for("CONNECTION CLOSED")
        # It tells a signature of the peer's where there was one: in the full handshake.
        signatures = [line for line in server.seen if "Signature type: " in line]
        assert len(signatures) == 1
