# SPDX-License-Identifier: Apache-2.0
"""Hashes of executables, and which of them are remembered (W1)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.support.attesting import sha256_of

from handfast.authority.attest import hashing
from handfast.authority.attest.hashing import HashCache
from handfast.errors import AttestationRefused, Reason

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

    def read(fd: int, size: int, clock: Callable[[], float]) -> str:
        done.append(size)
        return real(fd, size, clock)

    monkeypatch.setattr(hashing, "_read", read)
    return done


def test_a_file_that_only_root_may_change_is_read_once(
    shell: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _reads(monkeypatch)
    cache = HashCache()
    assert cache.sha256(shell) == cache.sha256(shell) == sha256_of(SHELL)
    assert len(done) == len(cache) == 1


def test_an_image_of_a_users_own_never_passes_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W1: `unix:sha256` cannot be forged by what is found where another file was.

    Two images, mounted one after the other on one loop device: their maker has given
    both files root as owner, one inode, one size and one time.
    """
    files = [tmp_path / "good", tmp_path / "evil"]
    for file in files:
        file.write_bytes(file.name.encode())
    kept = Path("/").stat().st_dev
    same = SimpleNamespace(
        st_dev=kept + 1,
        st_ino=12,
        st_size=4,
        st_mtime_ns=0,
        st_ctime_ns=0,
        st_uid=0,
        st_mode=0o100755,
    )
    monkeypatch.setattr(
        "handfast.authority.attest.hashing.os.fstat", lambda _number: same
    )
    cache = HashCache()
    found = []
    for file in files:
        fd = os.open(file, os.O_RDONLY)
        found.append(cache.sha256(fd))
        os.close(fd)
    assert found == [hashlib.sha256(it).hexdigest() for it in (b"good", b"evil")]
    assert len(cache) == 0


def test_a_user_has_so_many_bytes_read_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: the owner of an executable chooses its size, and how often he connects."""
    monkeypatch.setattr(hashing, "_BURST", 3000)
    monkeypatch.setattr(hashing, "_RATE", 1000)
    now = [0.0]
    file = tmp_path / "web"
    file.write_bytes(bytes(1000))
    file.chmod(0o666)
    cache = HashCache(clock=lambda: now[0])
    fd = os.open(file, os.O_RDONLY)
    for _ in range(3):
        cache.sha256(fd, payer=1000)
    with pytest.raises(AttestationRefused) as refused:
        cache.sha256(fd, payer=1000)
    assert refused.value.reason is Reason.ATTESTATION_SLOW
    assert cache.sha256(fd, payer=1001) == cache.sha256(fd)
    now[0] = 1.0
    cache.sha256(fd, payer=1000)
    os.close(fd)


def test_what_is_remembered_costs_nobody_anything(shell: int) -> None:
    cache = HashCache(clock=lambda: 0.0)
    size = Path(SHELL).stat().st_size
    for _ in range(2 + (1 << 30) // size):
        cache.sha256(shell, payer=1000)


def test_a_file_that_is_read_slowly_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: a thread of its user's is free again, though nobody waits for it any more."""
    now = [0.0]
    real = os.pread

    def pread(fd: int, length: int, offset: int) -> bytes:
        now[0] += 5
        return real(fd, length, offset)

    file = tmp_path / "web"
    file.write_bytes(bytes(3 << 20))
    fd = os.open(file, os.O_RDONLY)
    monkeypatch.setattr("handfast.authority.attest.hashing.os.pread", pread)
    with pytest.raises(AttestationRefused, match="2097152 of 3145728 bytes"):
        HashCache(clock=lambda: now[0]).sha256(fd)
    os.close(fd)


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
