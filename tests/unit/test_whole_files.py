# SPDX-License-Identifier: Apache-2.0
"""Files that are there as a whole or not at all: crashes, full disks, two writers."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from handfast._whole_files import (
    make_folder,
    remove_unfinished,
    replace_file,
    write_new_file,
)

_DIES = """
import os, sys
from pathlib import Path
from handfast import _whole_files

os.fsync = lambda _: os._exit(9)
_whole_files.replace_file(Path(sys.argv[1]), b"half of a new one", 0o600)
"""


def crash(path: Path) -> None:
    """Let a process replace a file and die before all of it is on the disk."""
    died = subprocess.run([sys.executable, "-c", _DIES, path], check=False)
    assert died.returncode == 9


def names(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is there, in a folder without others."""
    found = tmp_path / "it"
    found.write_bytes(b"old")
    return found


def test_a_file_is_replaced_with_the_mode_asked_for(path: Path) -> None:
    path.chmod(0o644)
    replace_file(path, b"new", 0o600)
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    replace_file(path.with_name("fresh"), b"first", 0o600)
    assert names(path.parent) == ["fresh", "it"]


def test_the_umask_takes_from_a_replaced_file_but_not_from_a_new_one(
    path: Path,
) -> None:
    before = os.umask(0o077)
    try:
        replace_file(path, b"new", 0o644)
        write_new_file(path.with_name("public"), b"for all", 0o644)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert mode(path.with_name("public")) == 0o644


def test_a_link_is_replaced_and_what_it_leads_to_is_not(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    replace_file(link, b"new", 0o600)
    assert (path.read_bytes(), link.read_bytes()) == (b"old", b"new")
    assert not link.is_symlink()


def test_a_new_file_takes_no_ones_place(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to("nowhere")
    for taken in (path, link):
        with pytest.raises(FileExistsError):
            write_new_file(taken, b"new", 0o600)
    assert path.read_bytes() == b"old"


def test_file_and_folder_are_on_the_disk_in_that_order(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename on the disk before its content would be a file of nothing."""
    done: list[str] = []

    def sync(handle: int) -> None:
        done.append("folder" if Path(f"/dev/fd/{handle}").is_dir() else "file")

    rename = Path.replace

    def replace(old: Path, new: Path) -> Path:
        done.append("rename")
        return rename(old, new)

    monkeypatch.setattr("os.fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    replace_file(path, b"new", 0o600)
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize("call", ["os.fsync", "os.fdopen", "pathlib.Path.replace"])
def test_a_write_that_fails_leaves_the_old_one_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(call, full)
        with pytest.raises(OSError, match="No space"):
            replace_file(path, b"new", 0o600)
    assert path.read_bytes() == b"old"
    assert names(path.parent) == ["it"]


def test_what_a_crash_has_left_goes_with_the_next_write(path: Path) -> None:
    crash(path)
    crash(path.with_name("another"))
    assert path.read_bytes() == b"old"
    left, of_each, kept = names(path.parent)[0], 2, path.with_name("fresh")
    assert left.startswith(".handfast-")
    assert left.endswith(".unfinished")
    assert len(names(path.parent)) == of_each  # the second took the first's away
    replace_file(kept, b"new", 0o600)
    assert names(path.parent) == ["fresh", "it"]


def test_another_writers_work_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace
    other = path.with_name("other")

    def meanwhile(old: Path, new: Path) -> Path:
        monkeypatch.setattr(Path, "replace", rename)
        replace_file(other, b"theirs", 0o600)
        return rename(old, new)

    monkeypatch.setattr(Path, "replace", meanwhile)
    replace_file(path, b"ours", 0o600)
    assert (path.read_bytes(), other.read_bytes()) == (b"ours", b"theirs")
    assert names(path.parent) == ["it", "other"]


def test_a_writer_that_is_taken_for_dead_begins_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its file and its lock another may come and tidy up."""
    lock = fcntl.flock

    def late(handle: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        remove_unfinished(path.parent)
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    replace_file(path, b"new", 0o600)
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["it"]


def test_without_locks_nothing_is_taken_away(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have none."""

    def none(*_: object) -> None:
        raise OSError(37, "No locks available")

    crash(path)
    left = names(path.parent)
    monkeypatch.setattr(fcntl, "flock", none)
    replace_file(path, b"new", 0o600)
    assert path.read_bytes() == b"new"
    assert names(path.parent) == left


def test_what_is_not_ours_to_remove_stays(path: Path) -> None:
    folder = path.parent
    (folder / ".handfast-link.unfinished").symlink_to(path)
    (folder / ".handfast-other").write_bytes(b"")
    before = names(folder)
    replace_file(path, b"new", 0o600)
    assert names(folder) == before


def test_each_folder_that_is_made_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in a folder that a power cut takes away is gone with it."""
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", lambda it: synced.append(os.fstat(it).st_ino))
    deep = tmp_path / "a" / "b" / "c"
    before = os.umask(0o022)
    try:
        make_folder(deep, 0o700)
    finally:
        os.umask(before)
    above = [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert synced == [it.stat().st_ino for it in above]
    assert mode(deep) == 0o700
    assert mode(deep.parent) == 0o755
    make_folder(deep, 0o755)
    assert mode(deep) == 0o700
    assert len(synced) == len(above)


def test_a_folder_is_not_made_in_the_place_of_a_file(path: Path) -> None:
    with pytest.raises(FileExistsError):
        make_folder(path, 0o700)
    with pytest.raises(OSError, match="it"):
        make_folder(path / "below", 0o700)


def test_a_folder_is_made_where_we_may_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may look everywhere: what the system tells others is told here."""
    really = os.open

    def closed(place: Path, flags: int, *more: int) -> int:
        if place == tmp_path:
            raise PermissionError(13, "Permission denied", str(place))
        return really(place, flags, *more)

    monkeypatch.setattr(os, "open", closed)
    make_folder(tmp_path / "state", 0o700)
    assert (tmp_path / "state").is_dir()
