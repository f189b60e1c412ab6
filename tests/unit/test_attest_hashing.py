# SPDX-License-Identifier: Apache-2.0
"""Hashes of executables, and which of them are remembered (W1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.support.attesting import sha256_of

from handfast.authority.attest import hashing
from handfast.authority.attest.hashing import HashCache

SHELL = os.path.realpath("/bin/sh")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A file of root's, also where root has no number in our user namespace."""
    fd = os.open(SHELL, os.O_RDONLY)
    real = os.fstat

    def of_root(number: int) -> SimpleNamespace:
        found = real(number)
        names = (it for it in dir(found) if it.startswith("st_"))
        return SimpleNamespace(
            **{it: getattr(found, it) for it in names} | {"st_uid": 0}
        )

    monkeypatch.setattr("handfast.authority.attest.hashing.os.fstat", of_root)
    yield fd
    os.close(fd)


def _reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    done: list[int] = []
    real = hashing._read

    def read(fd: int, size: int) -> str:
        done.append(size)
        return real(fd, size)

    monkeypatch.setattr(hashing, "_read", read)
    return done


def test_a_file_that_only_root_may_change_is_read_once(
    shell: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _reads(monkeypatch)
    cache = HashCache()
    assert cache.sha256(shell) == cache.sha256(shell) == sha256_of(SHELL)
    assert len(done) == len(cache) == 1


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_file_that_others_may_change_is_read_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """W1: a replaced executable whose size and times were put back."""
    monkeypatch.setattr(hashing, "_SETTLED_NS", -(10**18))
    done = _reads(monkeypatch)
    file = tmp_path / "web"
    file.write_bytes(b"good")
    file.chmod(mode)
    fd = os.open(file, os.O_RDONLY)
    cache = HashCache()
    first = cache.sha256(fd)
    file.write_bytes(b"evil")
    assert cache.sha256(fd) != first
    assert len(done) == 2
    assert len(cache) == 0
    os.close(fd)


def test_a_file_that_changed_a_moment_ago_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W1: two changes may have one time stamp."""
    monkeypatch.setattr(hashing, "_SETTLED_NS", 10**18)
    done = _reads(monkeypatch)
    file = tmp_path / "web"
    file.write_bytes(b"good")
    fd = os.open(file, os.O_RDONLY)
    cache = HashCache()
    cache.sha256(fd)
    cache.sha256(fd)
    assert len(done) == 2
    os.close(fd)


def test_a_file_that_is_too_large_is_not_read(
    shell: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _reads(monkeypatch)
    with pytest.raises(OSError, match="more than 100 bytes"):
        HashCache(most_bytes=100).sha256(shell)
    assert not done


@pytest.mark.parametrize("change", [b"more", b""])
def test_a_file_that_changes_meanwhile_has_no_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    file = tmp_path / "web"
    file.write_bytes(b"12")
    fd = os.open(file, os.O_RDONLY)
    real = os.pread

    def pread(number: int, length: int, offset: int) -> bytes:
        file.write_bytes(change)
        return real(number, length, offset)

    monkeypatch.setattr("handfast.authority.attest.hashing.os.pread", pread)
    with pytest.raises(OSError, match=r"changes its size|being written"):
        HashCache().sha256(fd)
    os.close(fd)


def test_the_oldest_hash_is_forgotten(shell: int) -> None:
    cache = HashCache(most_entries=1)
    cache.sha256(shell)
    other = os.open("/etc/passwd", os.O_RDONLY)
    cache.sha256(other)
    assert len(cache) == 1
    os.close(other)
