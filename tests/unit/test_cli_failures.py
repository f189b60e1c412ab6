# SPDX-License-Identifier: Apache-2.0
"""How the command line fails: exit codes, JSON for programs, odd input."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import handfast

from handfast.authority import Authority
from handfast.cli.output import error_facts
from handfast.testing.catalogue import REFUSED

WEB = "spiffe://a.example/web"


@pytest.fixture
def identity(tmp_path: Path) -> list[str]:
    """The options of a good identity."""
    authority = Authority("a.example")
    svid = authority.issue(WEB)
    (tmp_path / "web.pem").write_bytes(svid.to_pem_chain())
    (tmp_path / "web.key").write_bytes(svid.to_pem_key())
    (tmp_path / "bundle.pem").write_bytes(authority.bundle.to_pem())
    folder = str(tmp_path)
    files = ["--cert", f"{folder}/web.pem", "--key", f"{folder}/web.key"]
    return [*files, "--bundle", f"a.example={folder}/bundle.pem", "--allow-any"]


@pytest.mark.parametrize("command", [["inspect"], ["verify", "--bundle", "a=b.pem"]])
def test_a_file_that_is_not_there_is_a_failure_of_input(
    command: list[str], tmp_path: Path
) -> None:
    done = handfast(*command, "--json", tmp_path / "no-such-file.pem")
    assert done.returncode == 3, done.stderr
    event = json.loads(done.stdout.splitlines()[-1])
    assert (event["event"], event["exit_code"]) == ("failed", 3)
    assert "No such file" in event["text"]


def test_nobody_listening_is_told_to_people_and_programs(identity: list[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and never listening
        port = closed.getsockname()[1]
        done = handfast("connect", "--json", "127.0.0.1", str(port), *identity)
    assert done.returncode == 3, done.stderr
    event = json.loads(done.stdout)
    assert (event["event"], event["reason"]) == ("failed", "io")
    assert "Connection refused" in event["text"]
    assert "refused" in done.stderr


def test_what_each_attempt_met_is_told() -> None:
    """A host of several addresses: "all attempts failed" alone helps nobody."""
    attempts = [OSError("one is refused"), OSError("two has no route"), OSError("one")]
    failed = OSError("all attempts failed")
    failed.__cause__ = ExceptionGroup("", attempts)
    facts = error_facts(failed)
    assert facts["text"] == "all attempts failed"
    assert facts["seen"] == "one is refused; two has no route; one"


def test_wrong_usage_is_json_too() -> None:
    done = handfast("connect", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["reason"] == "usage"


def test_an_empty_file_is_not_approved_of(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"\n")
    done = handfast("inspect", "--json", empty)
    assert done.returncode == 2
    assert json.loads(done.stdout)["reason"] == "chain_empty"


@pytest.mark.parametrize("name", ["san-twice", "key-explicit-curve"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_inspect_shows_what_can_be_said_of_an_odd_certificate(
    name: str, options: list[str], tmp_path: Path
) -> None:
    """I1, C10: a person looks at what the engine refuses, and sees its reason."""
    odd = next(leaf for leaf in REFUSED if leaf.name == name)
    file = tmp_path / "odd.der"
    file.write_bytes(odd.forge(Authority("a.example"), WEB).chain[0])
    done = handfast("inspect", *options, file)
    assert done.returncode == 1, done.stderr
    assert str(odd.reason) in done.stdout
    assert "Traceback" not in done.stderr


def test_pem_around_something_else_is_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "odd.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    done = handfast("inspect", "--json", file)
    assert done.returncode == 1, done.stderr
    (only,) = json.loads(done.stdout)["certificates"]
    assert (only["role"], only["engine"]) == ("unreadable", "der_tag")


def test_a_reader_that_goes_away_is_a_failure_of_output(
    identity: list[str],
) -> None:
    """As in `| head`: no traceback, and not exit code 1, which means refused."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "handfast.cli", "inspect", "--json", identity[1]],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert done.returncode == 3, done.stderr
    assert done.stderr == ""


def test_a_closed_standard_input_is_an_empty_one(identity: list[str]) -> None:
    """As under a supervisor: `handfast connect ... <&-`."""
    command = [sys.executable, "-m", "handfast.cli"]
    server = subprocess.Popen(
        [
            *command,
            "serve",
            "--json",
            "--once",
            "--port",
            "0",
            "--host",
            "127.0.0.1",
            *identity,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = str(json.loads(server.stdout.readline())["port"])
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import os, sys; os.close(0); os.execv(sys.argv[1], sys.argv[1:])",
                *command,
                "connect",
                "127.0.0.1",
                port,
                *identity,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert server.wait(timeout=60) == 0
    finally:
        server.kill()
        server.communicate()
