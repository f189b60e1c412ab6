# SPDX-License-Identifier: Apache-2.0
"""Peers in other languages: who cannot be built is told, and nobody else suffers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import build


def command(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)


def test_a_missing_toolchain_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.other_peers(tmp_path, tmp_path) == {
        "go_handshake": "not here: go",
        "go_verify": "not here: go",
        "rust_handshake": "not here: cargo",
        "rust_verify": "not here: cargo",
    }


def test_nothing_is_built_for_peers_that_nobody_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    wanted = ["go_handshake"]
    assert list(build.other_peers(tmp_path, tmp_path, wanted)) == wanted
    assert build.other_peers(tmp_path, tmp_path, []) == {}


def test_a_failed_build_is_told_in_the_words_of_the_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(tmp_path, "go", "echo 'trying'; echo 'no network' >&2; exit 1")
    command(
        tmp_path,
        "cargo",
        'mkdir -p "$CARGO_TARGET_DIR/release"; : > '
        '"$CARGO_TARGET_DIR/release/rust_verify"',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    wanted = ["go_verify", "rust_verify"]
    missing = build.other_peers(tmp_path, tmp_path, wanted)
    assert missing == {"go_verify": "does not build here: no network"}
    assert (tmp_path / "rust_verify").is_file()
