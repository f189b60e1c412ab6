# SPDX-License-Identifier: Apache-2.0
"""Two hosts by commands alone: an authority that listens, an agent that joins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import trio
from click.testing import CliRunner

from handfast.authority.nodes import JoinToken
from handfast.cli.authority import authority
from handfast.cli.authority.options import read_address
from handfast.errors import ConfigError, VerificationError
from handfast.sources.workload_api import WorkloadApiSource

#: A busy machine takes its time to start a program.
PATIENCE = 120.0


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "handfast.cli", "authority", *map(str, arguments)]


def run(*arguments: str | Path) -> str:
    """Run a short command in this process: starting a program takes its time."""
    result = CliRunner().invoke(
        authority, [*map(str, arguments)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.stderr
    return result.stdout


@contextmanager
def serving(*arguments: str | Path, **more: str) -> Generator[dict[str, Any]]:
    """Run a command until the block is over; give what it says when it serves."""
    with subprocess.Popen(
        command(*arguments, "--json"),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | more,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                event: dict[str, Any] = json.loads(line)
                if event["event"] == "serving":
                    yield event
                    return
            raise AssertionError("it has ended")
        finally:
            process.terminate()


def fetch(endpoint: str) -> tuple[list[str], str]:
    """Ask as a workload would: which X.509-SVIDs, and a token."""

    async def ask() -> tuple[list[str], str]:
        with trio.fail_after(PATIENCE):
            async with WorkloadApiSource(endpoint) as source:
                await source.wait_ready(timeout=PATIENCE)
                names = [str(it.spiffe_id) for it in source.svids]
                token = await source.fetch_jwt_svid("https://x.example")
                return names, str(token.spiffe_id)

    return trio.run(ask)


def test_a_second_host_joins_and_gives_its_workloads_their_identities(
    tmp_path: Path,
) -> None:
    """WAPI-15, WAPI-16: by attestation there; and after a restart without a token."""
    state, node = ("--state", tmp_path / "a"), "spiffe://a.example/handfast/agent/db-7"
    start = ("run", *state, "--trust-domain", "a.example")
    with serving(
        *start, "--socket", tmp_path / "a.sock", "--nodes", "127.0.0.1:0"
    ) as served:
        bundle = tmp_path / "bundle.json"
        bundle.write_text(run("bundle", "show", *state), "utf-8")
        token = run("token", "db-7", *state).strip()
        assert JoinToken.parse(token).text == token
        selector = ("--selector", f"unix:uid:{os.getuid()}")
        run("entry", "add", "/db", *selector, "--node", node, *state)
        join = ("join", "--state", tmp_path / "b", "--socket", tmp_path / "b.sock")
        told = ("--trust-domain", "a.example", "--authority", served["nodes"])
        with serving(
            *join, *told, "--bundle", bundle, HANDFAST_JOIN_TOKEN=token
        ) as agent:
            assert agent["node"] == node
            expected = (["spiffe://a.example/db"], "spiffe://a.example/db")
            assert fetch(agent["endpoint"]) == expected
        listed = json.loads(run("node", "list", *state, "--json"))
        assert (listed["node"], listed["banned_at"]) == (node, None)
        with serving(*join) as agent:
            assert fetch(agent["endpoint"]) == expected
        assert "banned" in run("node", "ban", "db-7", *state)
        with pytest.raises(ConfigError, match="banned"):
            run("token", "db-7", *state)
        run("node", "remove", "db-7", *state)
        assert run("node", "list", *state, "--json") == ""


def test_a_token_goes_into_a_file_that_is_its_owners_alone(tmp_path: Path) -> None:
    state, file = ("--state", tmp_path / "a"), tmp_path / "db-7.token"
    run("init", *state, "--trust-domain", "a.example")
    said = json.loads(run("token", "db-7", *state, "--output", file, "--json"))
    assert "token" not in said
    assert JoinToken.parse(file.read_text()).text == file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):  # which others could have open
        run("token", "db-7", *state, "--output", file)


def test_a_token_that_is_not_made_leaves_no_file_in_the_way(tmp_path: Path) -> None:
    state, file = ("--state", tmp_path / "a"), tmp_path / "db-7.token"
    with pytest.raises(ConfigError):  # there is no state yet
        run("token", "db-7", *state, "--output", file)
    assert not file.exists()


def test_a_second_host_joins_by_the_fingerprint_that_came_with_its_token(
    tmp_path: Path,
) -> None:
    """And by no other: then it has sent nothing, and the token is still good."""
    state = ("--state", tmp_path / "a")
    start = ("run", *state, "--trust-domain", "a.example")
    with serving(
        *start, "--socket", tmp_path / "a.sock", "--nodes", "127.0.0.1:0"
    ) as served:
        made = json.loads(run("token", "db-7", *state, "--json"))
        signers = json.loads(run("status", *state, "--json"))["signers"]
        (root,) = [one for one in signers if one["kind"] == "root"]
        assert made["fingerprint"] == root["fingerprint"]
        join = ("join", "--state", tmp_path / "b", "--socket", tmp_path / "b.sock")
        told = ["--trust-domain", "a.example", "--authority", served["nodes"]]
        told += ["--token", made["token"]]
        pin = made["fingerprint"]
        wrong = pin[:-1] + ("0" if pin[-1] != "0" else "1")
        words = [*map(str, (*join, *told, "--fingerprint", wrong))]
        refused = CliRunner().invoke(authority, words)
        assert isinstance(refused.exception, VerificationError)
        assert wrong in str(refused.exception)
        with serving(*join, *told, "--fingerprint", pin) as agent:
            assert agent["node"] == made["node"]


@pytest.mark.parametrize(
    "more",
    [(), ("--bundle", "x", "--fingerprint", "y")],
    ids=["neither", "both"],
)
def test_joining_needs_all_of_what_it_is_told(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    join = ("join", "--state", tmp_path, "--socket", tmp_path / "s")
    told = ("--token", "x", "--trust-domain", "a.example", "--authority", "a:1", *more)
    for words in (told, told[:2], told[4:]):
        result = CliRunner().invoke(authority, [*map(str, join), *words])
        assert result.exit_code == 2
        assert "--bundle or --fingerprint" in result.stderr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("authority.example:8443", ("authority.example", 8443)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:8443", ("::1", 8443)),
        ("8443", ("", 8443)),
    ],
)
def test_addresses_are_read(text: str, address: tuple[str, int]) -> None:
    assert read_address(text, "--nodes") == address


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "::1:8443", ":1", "h:99999", "h:-1", "h:٣"]
)
def test_what_is_no_address_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.UsageError, match="HOST:PORT"):
        read_address(text, "--nodes")
