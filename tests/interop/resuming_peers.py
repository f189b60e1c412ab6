# SPDX-License-Identifier: Apache-2.0
"""The same conversations for every peer that has our driver's face."""

from __future__ import annotations

from pathlib import Path

from tests.interop.conftest import CLIENT, SERVER, Serve, World
from tests.interop.visits import client_config, visit
from tests.interop.world import running

VISITS = 4


def resumes_with_our_server(
    program: Path, version: str, world: World, serve: Serve, *, resumes: bool = True
) -> None:
    """Their client comes four times: the first in full, three resumed, at both ends.

    Or all four in full, if it cannot resume.
    """
    with serve("--echo", "--tls12") as (ours, port):
        cert, key = world.client
        address = f"127.0.0.1:{port}"
        files = (cert, key, world.bundle_a)
        command: list[str | Path] = [program, "client", version]
        command += [*files, address, str(VISITS)]
        with running(*command) as theirs:
            for number in range(VISITS):
                accepted, met = ours.event("accepted"), theirs.event("met")
                assert accepted["resumed"] is met["resumed"]
                assert met["resumed"] is (resumes and number > 0)
                assert met["version"] == version
                assert accepted["spiffe_id"] == CLIENT
            assert theirs.exit_code() == 0, theirs.everything()


def resumes_with_our_client(
    program: Path, version: str, world: World, *options: str
) -> None:
    """Our client comes four times to their server; the same."""
    cert, key = world.server
    command: list[str | Path] = [program, "server", version]
    command += [cert, key, world.bundle_a, *options]
    config = client_config(world, min_version="1.2")
    with running(*command) as theirs:
        port = str(theirs.event("listening")["port"])
        for number in range(VISITS):
            seen = visit(config, port)
            met = theirs.event("met")
            assert seen.resumed is met["resumed"] is (number > 0)
            assert met["version"] == version
            # They know us as well as after a full handshake.
            assert met["certificates"] == 1
            assert seen.identity == SERVER
            assert seen.said == b"forty-two\n"
