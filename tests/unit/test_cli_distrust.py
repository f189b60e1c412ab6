# SPDX-License-Identifier: Apache-2.0
"""`handfast authority distrust`: what it asks, says and does to a running authority."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from handfast import BundleDocument, ConfigError
from handfast.cli.app import handfast


def invoke(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(handfast, ["authority", *words], input=answer)


def facts(*words: str) -> dict[str, Any]:
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.stderr
    said: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return said


@pytest.fixture
def state(tmp_path: Path) -> str:
    folder = str(tmp_path / "state")
    facts("init", "--state", folder, "--trust-domain", "a.example")
    return folder


def document(state: str) -> BundleDocument:
    shown = facts("bundle", "show", "--state", state)["bundle"]
    return BundleDocument.from_json("a.example", shown)


def key_of(state: str, kind: str) -> str:
    signers = facts("status", "--state", state)["signers"]
    return next(str(one["id"]) for one in signers if one["kind"] == kind)


def test_it_says_what_breaks_and_asks(state: str) -> None:
    before = document(state)
    words = ("distrust", "root", "--all", "--why", "stolen", "--state", state)
    asked = invoke(*words, answer="n\n")
    assert asked.exit_code != 0
    for warning in ("out of the bundle", "not after the lead", "copies of the bundle"):
        assert warning in asked.stderr
    assert document(state) == before
    assert invoke(*words, answer="y\n").exit_code == 0
    assert document(state).x509.is_empty
    with_json = invoke(*words, "--json")
    assert with_json.exit_code == 2
    assert "--yes" in with_json.stderr


@pytest.mark.parametrize("keys", [(), ("0123456789", "--all")], ids=["none", "both"])
def test_which_keys_is_said_and_never_guessed(
    state: str, keys: tuple[str, ...]
) -> None:
    words = ("distrust", "root", *keys, "--why", "x", "--yes", "--state", state)
    refused = invoke(*words)
    assert refused.exit_code == 2
    assert "--all" in refused.stderr


def test_there_has_to_be_one(tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    words = ("--state", folder, "--trust-domain", "a.example")
    facts("init", *words, "--offline-root")
    all_of_them = (
        "distrust",
        "root",
        "--all",
        "--why",
        "x",
        "--yes",
        "--state",
        folder,
    )
    assert isinstance(invoke(*all_of_them).exception, ConfigError)


def test_a_running_authority_makes_new_keys_at_once(tmp_path: Path) -> None:
    """FED-02 is given up on purpose: what waits for the lead would be nobody's."""
    folder = str(tmp_path / "state")
    command = [sys.executable, "-m", "handfast.cli", "authority", "run", "--json"]
    options = ["--state", folder, "--trust-domain", "a.example"]
    options += ["--socket", str(tmp_path / "agent.sock")]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = map(json.loads, process.stdout)
            next(line for line in lines if line["event"] == "serving")
            old, key = document(folder), key_of(folder, "intermediate")
            words = ("distrust", "intermediate", key[:12], "--why", "stolen", "--yes")
            done = facts(*words, "--state", folder)
            assert done["running"]
            assert len(done["roots"]) == 1
            assert done["bundle_sequence"] > (old.sequence or 0)
            made = next(
                line["text"]
                for line in lines
                if line["event"] == "log" and "intermediate" in line["text"]
            )
            assert "prepared" in made
            next(line for line in lines if "signs from now on" in line.get("text", ""))
            new = document(folder)
            assert len(new.x509) == 1
            assert new.x509.x509_authorities != old.x509.x509_authorities
            assert new.jwt == old.jwt
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
