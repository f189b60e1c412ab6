# SPDX-License-Identifier: Apache-2.0
"""`handfast authority`: what its commands change, print and exit with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import trio
from click.testing import CliRunner

from handfast import BundleDocument, ConfigError, SpiffeId, TrustBundle
from handfast.authority import Authority
from handfast.authority.audit import AuditRow, audit
from handfast.authority.entries import Entry
from handfast.authority.issuing import Issuing
from handfast.authority.selectors import Selector
from handfast.authority.state import AuthorityState
from handfast.cli.app import handfast
from handfast.workload_api import Endpoint, RpcError, open_channel, proto

ME = f"unix:uid:{os.getuid()}"
ENTRIES = """
[[entries]]
spiffe_id = "/shop"
selectors = ["{me}"]
"""
PATIENCE = 60


def run(*words: str | Path, state: Path | None = None) -> list[dict[str, Any]]:
    """Run one command; return its lines of JSON. What it refuses is raised."""
    where = [] if state is None else ["--state", str(state)]
    arguments = ["authority", *map(str, words), *where, "--json"]
    result = CliRunner().invoke(
        handfast, arguments, standalone_mode=False, catch_exceptions=False
    )
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    (done,) = run("init", "--trust-domain", "a.example", state=folder)
    assert [one["stage"] for one in done["signers"]] == ["signs"] * 3
    return folder


def test_init_may_be_run_again_and_changes_nothing(state: Path) -> None:
    (before,) = run("status", state=state)
    run("init", "--trust-domain", "a.example", state=state)
    assert run("status", state=state) == [before]
    assert not before["running"]
    with pytest.raises(ConfigError, match=r"b\.example"):
        run("init", "--trust-domain", "b.example", state=state)


def test_times_that_were_fixed_are_not_believed_to_be_others(state: Path) -> None:
    words = ["authority", "init", "--state", str(state), "--trust-domain", "a.example"]
    result = CliRunner().invoke(handfast, [*words, "--svid-ttl", "2h"])
    assert result.exit_code == 2
    assert "was made with 1:00:00" in result.stderr


def test_entries_are_added_shown_and_removed(state: Path) -> None:
    (added,) = run("entry", "add", "/web", "--selector", ME, "--hint", "x", state=state)
    (shown,) = run("entry", "show", added["id"], state=state)
    assert shown["spiffe_id"] == "spiffe://a.example/web"
    assert shown["selectors"] == [ME]
    assert run("entry", "list", state=state) == [shown]
    run("entry", "remove", added["id"], state=state)
    assert run("entry", "list", state=state) == []


def test_a_file_is_applied_as_a_whole(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "entries.toml"
    file.write_text(ENTRIES.format(me=ME))
    (applied,) = run("entry", "apply", file, state=state)
    assert len(applied["added"]) == 1
    file.write_text(ENTRIES.format(me=ME) + "surprise = true\n")
    with pytest.raises(ConfigError, match="surprise"):
        run("entry", "apply", file, state=state)
    (kept,) = run("entry", "list", state=state)
    assert kept["origin"] == "file"


def test_what_people_read_has_whole_ids(state: Path) -> None:
    odd = "unix:path:/opt/[/bold]/web"  # no markup
    run("entry", "add", "/" + "x" * 100, "--selector", odd, state=state)
    for command in ("entry list", "status", "audit", "bundle list"):
        words = ["authority", *command.split(), "--state", str(state)]
        result = CliRunner().invoke(handfast, words, standalone_mode=False)
        assert result.exit_code == 0, result.output
        assert "…" not in result.stdout


def test_the_bundle_is_a_document_that_others_read(state: Path, tmp_path: Path) -> None:
    (shown,) = run("bundle", "show", state=state)
    document = BundleDocument.from_json("a.example", shown["bundle"])
    assert len(document.x509) == 1
    assert len(document.jwt) == 1
    (pem,) = run("bundle", "show", "--format", "pem", state=state)
    assert TrustBundle.from_pem("a.example", pem["bundle"]).x509_authorities == (
        document.x509.x509_authorities
    )
    partner = tmp_path / "b.json"
    partner.write_bytes(Authority("b.example").bundle.to_json())
    run("bundle", "set", "b.example", partner, state=state)
    (listed,) = run("bundle", "list", state=state)
    assert listed["trust_domain"] == "b.example"
    run("bundle", "remove", "b.example", state=state)
    assert run("bundle", "list", state=state) == []
    with pytest.raises(ConfigError, match="our own"):
        run("bundle", "set", "a.example", partner, state=state)


def test_the_audit_log_tells_of_changes(state: Path) -> None:
    run("entry", "add", "/web", "--selector", ME, state=state)
    run("rotate", "jwt", state=state)
    events = [row["event"] for row in run("audit", state=state)]
    assert events[0] == "initialised"
    assert events[-1] == "entry_added"
    (only,) = run("audit", "--event", "entry_added", state=state)
    assert only["details"]["selectors"] == [ME]


def test_the_audit_log_shows_people_what_other_commands_take(state: Path) -> None:
    """Serials whole, as `crl revoke` wants them, and a grep's line for each row."""
    with AuthorityState.open(state) as opened:
        made = Entry(
            spiffe_id=SpiffeId.parse("spiffe://a.example/web"),
            selectors=frozenset({Selector.parse(ME)}),
        )
        opened.registry.add(made)
        who = {"pid": 7, "uid": 0, "caller": "pid 7, uid 0", "path": "/w\x1b[2J"}
        issued = Issuing(opened).x509(made, who)
    words = ["authority", "audit", "--event", "x509_issued", "--state", str(state)]
    result = CliRunner().invoke(handfast, words, standalone_mode=False)
    first, *others = result.stdout.splitlines()
    assert "x509_issued spiffe://a.example/web until 20" in first
    assert {it.strip() for it in others} == {
        f"serial: {issued.serial}",
        f"entry: {made.id}",
        "caller: pid 7, uid 0",
        f"matched: {ME}",
    }
    run("crl", "revoke", issued.serial, state=state)
    assert run("audit", state=state)[-1]["event"] == "x509_revoked"


def test_nobody_writes_to_a_terminal_by_the_name_of_a_program(state: Path) -> None:
    with AuthorityState.look(state) as opened, opened.database.transaction() as do:
        at = datetime(2026, 11, 22, tzinfo=UTC)
        audit(do, AuditRow(at=at, event="x509_given", details={"path": "/w\x1b[2J"}))
    words = ["authority", "audit", "--event", "x509_given", "--state", str(state)]
    shown = CliRunner().invoke(handfast, words, standalone_mode=False).stdout
    assert "/w\\x1b[2J" in shown


def test_an_offline_root_gets_a_csr(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    run("init", "--trust-domain", "a.example", "--offline-root", state=folder)
    (csr,) = run("csr", state=folder)
    assert csr["csr"].startswith("-----BEGIN CERTIFICATE REQUEST-----")
    (found,) = run("status", state=folder)
    stages = {one["kind"]: one["stage"] for one in found["signers"]}
    assert stages == {"intermediate": "waits for its certificate", "jwt": "signs"}


def test_keys_are_encrypted_with_a_password_file(tmp_path: Path) -> None:
    folder, password = tmp_path / "state", tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("correct horse\n")
    run("init", "--trust-domain", "a.example", "--key-password", password, state=folder)
    for path in (folder / "keys").iterdir():
        assert b"ENCRYPTED" in path.read_bytes()


def test_a_password_that_everybody_may_read_is_none(tmp_path: Path) -> None:
    password, folder = tmp_path / "password", tmp_path / "state"
    password.write_text("correct horse\n")
    password.chmod(0o644)
    words = ("init", "--trust-domain", "a.example", "--key-password", password)
    with pytest.raises(click.UsageError, match="everybody may read it"):
        run(*words, state=folder)
    assert not folder.exists()
    password.chmod(0o640)  # a group of its own is how secrets are mounted
    run(*words, state=folder)


def test_nobody_answers_a_reload_when_nobody_runs(state: Path) -> None:
    result = CliRunner().invoke(
        handfast, ["authority", "reload", "--state", str(state)]
    )
    assert result.exit_code != 0
    assert "no authority runs" in result.stderr


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running authority, and what it said when it served."""
    command = [sys.executable, "-m", "handfast.cli", "authority", "run", "--json"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    try:
        yield process, _event(process, "serving")
    finally:
        process.kill()
        process.communicate()


def _event(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        said: dict[str, Any] = json.loads(line)
        if said["event"] == name:
            return said
    raise AssertionError(f"it ended without {name}")


def _ids(endpoint: str) -> list[str]:
    async def ask() -> list[str]:
        with trio.fail_after(PATIENCE):
            async with (
                await open_channel(Endpoint.parse(endpoint)) as channel,
                channel.stream(
                    proto.FETCH_X509_SVID,
                    proto.X509SVIDRequest(),
                    proto.X509SVIDResponse,
                ) as answers,
            ):
                return [svid.spiffe_id for svid in (await anext(answers)).svids]

    return trio.run(ask)


def test_it_serves_reloads_and_ends_cleanly(tmp_path: Path) -> None:
    """The first run makes the state; SIGHUP reads the file; SIGTERM is exit code 0."""
    state, file, path = (tmp_path / name for name in ("state", "e.toml", "agent.sock"))
    file.write_text(ENTRIES.format(me=ME))
    options = ["--state", str(state), "--trust-domain", "a.example"]
    options += ["--socket", str(path), "--socket-mode", "600", "--entries", str(file)]
    with served(*options) as (process, facts):
        assert facts["endpoint"] == f"unix://{path}"
        assert facts["entries"] == 1
        assert path.stat().st_mode & 0o777 == 0o600
        assert _ids(facts["endpoint"]) == ["spiffe://a.example/shop"]
        (found,) = run("status", state=state)
        assert found["running"]
        file.write_text("entries = [")
        result = CliRunner().invoke(
            handfast, ["authority", "reload", "--state", str(state)]
        )
        assert result.exit_code == 2
        assert "TOML" in result.stderr
        assert _ids(facts["endpoint"]) == ["spiffe://a.example/shop"]
        file.write_text(ENTRIES.format(me=ME).replace("/shop", "/cart"))
        run("reload", state=state)
        assert _ids(facts["endpoint"]) == ["spiffe://a.example/cart"]
        file.write_text("entries = []\n")
        process.send_signal(signal.SIGHUP)
        while _event(process, "log")["text"] != (
            "entries file: 0 added, 0 changed, 1 removed"
        ):
            pass
        with pytest.raises(RpcError):
            _ids(facts["endpoint"])
        process.terminate()
        assert _event(process, "stopped")
        assert process.wait(PATIENCE) == 0
        assert not path.exists()
    # And once more: what was there is there.
    with served(*options) as (process, facts):
        assert facts["trust_domain"] == "a.example"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
