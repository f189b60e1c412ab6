# SPDX-License-Identifier: Apache-2.0
"""Where `handfast serve` and `connect` take their identity from, and how that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from tests.support.identity_files import DOMAIN, versions, write

from handfast.authority import Authority
from handfast.cli.sources import ENDPOINT, Identity
from handfast.testing import FakeWorkloadApi

FIRST, SECOND, *_ = versions()
ALLOW = ["--allow-trust-domain", DOMAIN]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "handfast.cli", *map(str, arguments)]


def environment(**more: str) -> Mapping[str, str]:
    plain = {name: it for name, it in os.environ.items() if name != ENDPOINT}
    return plain | more


def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        input="hello\n",
        check=False,
        timeout=300,
        env=environment(**more),
    )


def last_event(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return event


@contextmanager
def serving(*arguments: str | Path, **more: str) -> Generator[int]:
    """Run a server that echoes; give its port."""
    host = ("--host", "127.0.0.1", "--port", "0", "--json", "--echo")
    with subprocess.Popen(
        command("serve", *host, *arguments, *ALLOW),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(**more),
    ) as process:
        try:
            assert process.stdout is not None
            yield int(json.loads(process.stdout.readline())["port"])
        finally:
            process.terminate()


def test_both_ends_take_their_identity_from_a_directory(tmp_path: Path) -> None:
    write(tmp_path / "server", FIRST)
    write(tmp_path / "client", FIRST, ("svid.pem", "svid_key.pem", "svid_bundle.pem"))
    with serving("--files", tmp_path / "server") as port:
        there = ("connect", "127.0.0.1", str(port), "--json", *ALLOW)
        done = run(*there, "--files", tmp_path / "client")
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert events[0]["spiffe_id"] == str(FIRST.svid.spiffe_id)
        assert any(event.get("text") == "hello\n" for event in events)


def test_other_names_on_a_port_trust_whom_the_source_trusts(tmp_path: Path) -> None:
    write(tmp_path / "own", FIRST)
    write(tmp_path / "other", FIRST, ("cert", "key", "bundle"))
    other = tmp_path / "other"
    options = ("--sni", f"localhost={other}/cert,{other}/key", "--sni-others")
    with serving("--files", tmp_path / "own", *options, "default") as port:
        there = ("connect", "localhost", str(port), "--json", *ALLOW)
        done = run(*there, "--files", tmp_path / "own")
        assert done.returncode == 0, done.stderr


A, B, C = (Path(name) for name in "abc")
COMMANDS = (["serve", "--port", "0"], ["connect", "127.0.0.1", "1"])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"files": A, "cert": B, "key": C, "bundles": ["d"]},
        {"files": A, "endpoint": "unix:///b"},
        {"endpoint": "unix:///a", "bundles": ["b"]},
        {"cert": A},
        {"cert": A, "key": B},
        {"key": A, "bundles": ["b"]},
        {"files": A, "hint": "b"},
    ],
)
def test_no_identity_half_of_one_and_two_are_wrong_usage(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    with pytest.raises(click.UsageError):
        Identity(**options).check()


def test_the_variable_counts_when_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """WAPI-10: and an empty one is none."""
    monkeypatch.setenv(ENDPOINT, "unix:///agent.sock")
    assert Identity().check().endpoint == "unix:///agent.sock"
    assert Identity(files=A).check().endpoint is None
    monkeypatch.setenv(ENDPOINT, "")
    with pytest.raises(click.UsageError, match=ENDPOINT):
        Identity().check()


@pytest.mark.parametrize("start", COMMANDS, ids=lambda it: str(it[0]))
def test_without_an_identity_the_usage_is_wrong(start: list[str]) -> None:
    done = run(*start, *ALLOW, "--json")
    assert (done.returncode, last_event(done)["reason"]) == (2, "usage")


@pytest.mark.parametrize("start", COMMANDS, ids=lambda it: str(it[0]))
def test_a_source_without_an_identity_is_exit_code_4(
    start: list[str], tmp_path: Path
) -> None:
    done = run(*start, "--files", tmp_path, "--wait", "0.1", *ALLOW, "--json")
    assert done.returncode == 4
    event = last_event(done)
    assert (event["exit_code"], event["reason"]) == (4, "source_not_ready")
    assert "tls.crt" in event["seen"]
    assert str(tmp_path) in event["expected"]


def test_files_that_are_named_win_over_the_environment(tmp_path: Path) -> None:
    """The variable is a default: what is said on the command line counts."""
    write(tmp_path, FIRST)
    nowhere = {ENDPOINT: "unix:///no/such/agent.sock"}
    with serving("--files", tmp_path, **nowhere) as port:
        there = ("connect", "127.0.0.1", str(port), *ALLOW)
        done = run(*there, "--files", tmp_path, **nowhere)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("by", ["option", "environment"])
def test_an_agent_that_is_not_there_is_exit_code_4(by: str, tmp_path: Path) -> None:
    """WAPI-10: by the option, or by the variable that the standard names."""
    start = COMMANDS[by == "option"]
    agent = f"unix://{tmp_path}/agent.sock"
    options = ["--endpoint", agent] if by == "option" else []
    more = {ENDPOINT: agent} if by == "environment" else {}
    done = run(*start, *options, "--wait", "0.2", *ALLOW, "--json", **more)
    assert done.returncode == 4, done.stderr
    event = last_event(done)
    assert event["reason"].startswith("source_")
    assert "agent.sock" in json.dumps(event)


def test_a_hint_chooses_among_the_identities_that_an_agent_has() -> None:
    """Both ends are told where the agent is, and which of its identities they are."""
    stock, orders = f"spiffe://{DOMAIN}/stock", f"spiffe://{DOMAIN}/orders"
    hints = {stock: "stock", orders: "orders"}
    with FakeWorkloadApi(Authority(DOMAIN), ids=[stock, orders]).in_thread() as api:
        api.set_ids(stock, orders, hints=hints)
        more = {ENDPOINT: api.address}
        with serving("--hint", "stock", **more) as port:
            there = ("connect", "127.0.0.1", str(port), "--json", *ALLOW)
            done = run(*there, "--hint", "orders", **more)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout.splitlines()[0])["spiffe_id"] == stock
            other = run(*there, "--hint", "else", "--wait", "5", **more)
            assert other.returncode == 4, other.stderr
            assert last_event(other)["reason"] == "source_no_such_identity"
        api.deny()
        denied = run(
            "connect", "127.0.0.1", "1", "--json", "--wait", "5", *ALLOW, **more
        )
        assert (denied.returncode, last_event(denied)["reason"]) == (
            4,
            "source_refused",
        )


def test_an_address_that_is_none_is_wrong_usage() -> None:
    """WAPI-13: an address, not a host name."""
    endpoint = "tcp://localhost:1"
    done = run("connect", "127.0.0.1", "1", "--endpoint", endpoint, *ALLOW, "--json")
    assert done.returncode == 2, done.stderr
