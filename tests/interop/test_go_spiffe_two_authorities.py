# SPDX-License-Identifier: Apache-2.0
"""Two authorities federate: ours with a.example, one on go-spiffe with go.example.

Each fetches the other's bundle from its endpoint, by either profile, and gives it to
its workloads; those then meet, and take each other's tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from tests.interop.agents import GoAgent, go_agent, short_folder
from tests.interop.authorities import PYTHON, RunningAuthority, authority
from tests.interop.bundle_servers import LOOPBACK, WebServer, they_fetch, we_serve
from tests.interop.following import opened
from tests.interop.foreign_clients import AUDIENCE, fetch
from tests.interop.peers_built import go_spiffe
from tests.interop.world import PATIENCE, handfast, running

OURS = "spiffe://a.example/python"
GO_SERVER, GO_CLIENT = "spiffe://go.example/server", "spiffe://go.example/client"
GO_BUNDLES = "spiffe://go.example/bundles"
SERVE = ("serve", "--host", "127.0.0.1", "--port", "0", "--json", "--echo")


@dataclass(frozen=True)
class Both:
    """The two authorities, after they have exchanged what they have to."""

    ours: RunningAuthority
    theirs: GoAgent


def our_bundle_reaches_them(
    program: Path, ours: RunningAuthority, web: WebServer, folder: Path
) -> Path:
    """By https_web, as they fetch it: X.509 authorities and keys of tokens."""
    document = folder / "a.json"
    document.write_text(json.loads(ours.command("bundle", "show"))["bundle"])
    with we_serve("https_web", (web.cert, web.key), f"a.example={document}") as url:
        how = ("https_web", web.roots)
        fetched = they_fetch(program, "a.example", f"{url}/", *how)
    assert (fetched["authorities"], fetched["keys"]) == (1, 1)
    at_theirs = folder / "a.at-theirs.json"
    at_theirs.write_text(fetched["json"])
    return at_theirs


def their_bundle_reaches_us(
    program: Path, theirs: GoAgent, ours: RunningAuthority, folder: Path
) -> None:
    """By https_spiffe, from an endpoint that has its SVID from their agent."""
    first, document = folder / "go.first.json", folder / "go.json"
    first.write_bytes(theirs.document())
    where = (first, "https_spiffe", theirs.endpoint("bundles"))
    with running(program, "bundle-serve", "go.example", *where) as server:
        url = f"https://127.0.0.1:{server.event('listening')['port']}/"
        who = ("--endpoint-id", GO_BUNDLES, "--bundle", f"go.example={first}")
        command = ("bundle", "fetch", url, "--trust-domain", "go.example", *who)
        how = ("--profile", "https_spiffe", "--allow-network", LOOPBACK[0])
        with running(*handfast(*command, *how, "--output", document)) as client:
            assert client.exit_code() == 0, client.everything()
    ours.command("bundle", "set", "go.example", document)


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture(scope="module")
def both(program: Path) -> Iterator[Both]:
    """Two authorities that never shared a file."""
    sockets = {"server": GO_SERVER, "client": GO_CLIENT, "bundles": GO_BUNDLES}
    more = 'federates_with = ["go.example"]'
    with short_folder() as folder, authority({"python": PYTHON}, more=more) as ours:
        web = WebServer.make(folder)
        a_example = our_bundle_reaches_them(program, ours, web, folder)
        option = ("-federates", f"a.example={a_example}")
        with go_agent(program, "go.example", sockets, *option) as theirs:
            their_bundle_reaches_us(program, theirs, ours, folder)
            yield Both(ours, theirs)


def test_their_workload_calls_ours(program: Path, both: Both) -> None:
    only = {"SPIFFE_ENDPOINT_SOCKET": both.ours.endpoint}
    serve = handfast(*SERVE, "--allow", GO_CLIENT)
    with running(*serve, environment=only) as server:
        address = f"127.0.0.1:{server.event('listening')['port']}"
        where = both.theirs.endpoint("client")
        with running(program, "client", where, address, OURS, "1") as client:
            assert server.event("accepted")["spiffe_id"] == GO_CLIENT
            assert client.event("met")["peer"] == OURS
            assert client.exit_code() == 0, client.everything()


def test_our_workload_calls_theirs(program: Path, both: Both) -> None:
    only = {"SPIFFE_ENDPOINT_SOCKET": both.ours.endpoint}
    with running(program, "server", both.theirs.endpoint("server"), OURS) as server:
        port = str(server.event("listening")["port"])
        connect = handfast("connect", "127.0.0.1", port, "--json", "--allow", GO_SERVER)
        with running(*connect, environment=only) as client:
            assert client.event("connected")["spiffe_id"] == GO_SERVER
            client.send("forty-two\n")
            client.wait_for("forty-two")
            assert server.event("met")["peer"] == OURS


def test_their_token_holds_with_us(program: Path, both: Both) -> None:
    """JWT-26: by go.example's keys, here and at our authority."""
    token = str(fetch([program], both.theirs.endpoint("client")).tokens[0]["token"])

    async def main() -> None:
        with trio.fail_after(PATIENCE):
            async with opened(both.ours.endpoint, jwt_bundles=True) as source:
                await source.wait_jwt_bundles(PATIENCE)
                there = await source.validate_jwt_svid(token, AUDIENCE, by="agent")
                here = await source.validate_jwt_svid(token, AUDIENCE, by="bundles")
                assert str(there.spiffe_id) == str(here.spiffe_id) == GO_CLIENT

    trio.run(main)
