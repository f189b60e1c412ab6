# SPDX-License-Identifier: Apache-2.0
"""Two authorities federate: ours with a.example, one on go-spiffe with go.example.

Each fetches the other's bundle from its endpoint, by either profile, and gives it to
its workloads; those then meet, and take each other's tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from tests.interop.agents import GoAgent, go_agent, short_folder
from tests.interop.authorities import PYTHON, RunningAuthority, authority
from tests.interop.bundle_servers import LOOPBACK, WebServer, they_fetch
from tests.interop.following import follow, opened, until
from tests.interop.foreign_clients import AUDIENCE, fetch
from tests.interop.peers_built import go_spiffe
from tests.interop.world import PATIENCE, handfast, running

from handfast import WorkloadApiSource

OURS = "spiffe://a.example/python"
GO_SERVER, GO_CLIENT = "spiffe://go.example/server", "spiffe://go.example/client"
GO_BUNDLES = "spiffe://go.example/bundles"
SERVE = ("serve", "--host", "127.0.0.1", "--port", "0", "--json", "--echo")


@dataclass(frozen=True)
class Both:
    """The two authorities, after they have exchanged what they have to."""

    ours: RunningAuthority
    theirs: GoAgent


@pytest.fixture(scope="module")
def program() -> Path:
    return go_spiffe()


@pytest.fixture(scope="module", params=["https_web", "https_spiffe"])
def both(program: Path, request: pytest.FixtureRequest) -> Iterator[Both]:
    """Each profile in both directions."""
    with short_folder() as folder, ExitStack() as all_of_it:
        web = WebServer.make(folder) if request.param == "https_web" else None
        nothing_yet = folder / "a.json"
        nothing_yet.write_text('{"keys": []}')
        sockets = {"server": GO_SERVER, "client": GO_CLIENT, "bundles": GO_BUNDLES}
        option = ("-federates", f"a.example={nothing_yet}")
        theirs = all_of_it.enter_context(
            go_agent(program, "go.example", sockets, *option)
        )
        document = folder / "go.json"
        document.write_bytes(theirs.document())
        shown = (
            ("https_spiffe", theirs.endpoint("bundles"))
            if web is None
            else ("https_web", web.cert, web.key)
        )
        endpoint = all_of_it.enter_context(
            running(program, "bundle-serve", "go.example", document, *shown)
        )
        port = str(endpoint.event("listening")["port"])
        ours = all_of_it.enter_context(
            authority(
                {"python": PYTHON},
                "--federate",
                how_we_fetch(folder, port, document, web),
                *("--bundle-endpoint", "127.0.0.1:0"),
                *(() if web is None else ("--bundle-cert", web.cert)),
                *(() if web is None else ("--bundle-key", web.key)),
                more='federates_with = ["go.example"]',
            )
        )
        nothing_yet.write_text(as_they_fetch(program, ours, folder, web))
        theirs.tell("federate")
        follow(ours.endpoint, until_it_is_here)
        yield Both(ours, theirs)


async def until_it_is_here(source: WorkloadApiSource) -> None:
    """Wait until our authority has fetched, and gives it to its workloads."""
    await until(source, lambda it: "go.example" in it.bundles)


def how_we_fetch(folder: Path, port: str, first: Path, web: WebServer | None) -> Path:
    """The file for our authority; by https_spiffe the first bundle is given, too."""
    profile = (
        f'profile = "https_spiffe"\nendpoint_id = "{GO_BUNDLES}"\nbundle = "{first}"'
        if web is None
        else f'profile = "https_web"\nroots = "{web.roots}"'
    )
    file = folder / "federate.toml"
    file.write_text(
        f'[[federate]]\ntrust_domain = "go.example"\n{profile}\n'
        f'url = "https://localhost:{port}/"\nallow_networks = ["{LOOPBACK[0]}"]\n'
    )
    return file


def as_they_fetch(
    program: Path, ours: RunningAuthority, folder: Path, web: WebServer | None
) -> str:
    """Fetch our bundle as go-spiffe does: X.509 authorities, and keys of tokens."""
    url = f"https://localhost:{ours.serving['bundle_port']}/"
    if web is not None:
        fetched = they_fetch(program, "a.example", url, "https_web", web.roots)
    else:
        first = folder / "a.first.json"
        first.write_text(json.loads(ours.command("bundle", "show"))["bundle"])
        who = str(ours.serving["bundle_endpoint_id"])
        fetched = they_fetch(program, "a.example", url, "https_spiffe", who, first)
    assert (fetched["authorities"], fetched["keys"]) == (1, 1)
    return str(fetched["json"])


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
