# SPDX-License-Identifier: Apache-2.0
"""Where the pinned mimalloc comes from: the digest of its files decides."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

import mimalloc
import openssl_source

FILES = {
    "LICENSE": b"MIT",
    "include/mimalloc.h": b"#define X",
    "src/static.c": b"int x;",
    "test/main.c": b"is not compiled here",
}


def folder(root: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mimalloc.Pin:
    """A pin of FILES; no test may reach the network or the user's cache."""

    def nothing(_pin: mimalloc.Pin, _scratch: Path) -> Path:
        raise openssl_source.NotHereError("not in a test")

    monkeypatch.setattr(mimalloc, "from_upstream", nothing)
    monkeypatch.setattr(mimalloc, "from_crate", nothing)
    monkeypatch.delenv("HANDFAST_MIMALLOC_SOURCE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digest = mimalloc.digest(folder(tmp_path / "right"))
    return replace(mimalloc.Pin.read(), sha256=digest)


def test_what_is_compiled_is_pinned_and_nothing_else(tmp_path: Path) -> None:
    digest = mimalloc.digest(folder(tmp_path / "a"))
    assert digest == mimalloc.digest(folder(tmp_path / "b", FILES | {"doc/x": b""}))
    for name in FILES:
        changed = folder(tmp_path / name.replace("/", "-"), FILES | {name: b"!"})
        assert (mimalloc.digest(changed) == digest) == name.startswith("test/")
    more = folder(tmp_path / "more", FILES | {"src/more.c": b""})
    assert mimalloc.digest(more) != digest


def test_a_named_folder_or_tarball_is_taken_by_its_digest(
    pin: mimalloc.Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = tmp_path / "any-name"
    with tarfile.open(tarball, "w:gz") as archive:
        for name, content in FILES.items():
            entry = tarfile.TarInfo(f"mimalloc-1/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    for source in (tmp_path / "right", tarball):
        monkeypatch.setenv("HANDFAST_MIMALLOC_SOURCE", str(source))
        kept = mimalloc.obtain(pin)
        assert mimalloc.digest(kept) == pin.sha256
        assert not (kept / "test").exists()


def test_a_named_one_with_other_files_is_an_error_and_not_passed_over(
    pin: mimalloc.Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = folder(tmp_path / "wrong", FILES | {"src/static.c": b"int y;"})
    monkeypatch.setenv("HANDFAST_MIMALLOC_SOURCE", str(wrong))
    with pytest.raises(ValueError, match=f"pinned is {pin.sha256}"):
        mimalloc.obtain(pin)


def test_a_source_with_other_files_is_refused_and_the_next_one_asked(
    pin: mimalloc.Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_pin: mimalloc.Pin, scratch: Path) -> Path:
        return folder(scratch / "wrong", FILES | {"src/evil.c": b""})

    monkeypatch.setattr(mimalloc, "from_upstream", wrong)
    with pytest.raises(openssl_source.NoSourceError, match="HANDFAST_MIMALLOC_SOURCE"):
        mimalloc.obtain(pin)
    monkeypatch.setattr(mimalloc, "from_crate", lambda _pin, scratch: folder(scratch))
    assert mimalloc.digest(mimalloc.obtain(pin)) == pin.sha256


def test_the_cache_is_checked_again(
    pin: mimalloc.Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimalloc, "from_crate", lambda _pin, scratch: folder(scratch))
    kept = mimalloc.obtain(pin)
    (kept / "src" / "static.c").write_bytes(b"tampered with")
    assert mimalloc.digest(mimalloc.obtain(pin)) == pin.sha256


def test_every_mistake_in_the_pin_is_named(tmp_path: Path) -> None:
    assert mimalloc.Pin.read().secure >= 1
    for text, message in (
        ("version 2", "expected `key = value`"),
        ("version = 1\nversion = 2", "expected `key = value` once"),
        ("version = 1\nsha256 = 2\nsecure = 1\nx = y", "missing or unknown: crate, x"),
    ):
        path = tmp_path / "mimalloc.pin"
        path.write_text(text, "utf-8")
        with pytest.raises(ValueError, match=message):
            mimalloc.Pin.read(path)
