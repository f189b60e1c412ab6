# SPDX-License-Identifier: Apache-2.0
"""Files that are read again: each change is seen, and nothing is read for no change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handfast.federation.rereading import Rereading

HOUR_NS = 3600 * 10**9


class Reader:
    """Reads a file, and counts how often."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0

    def __call__(self) -> list[str]:
        self.count += 1
        return [self.path.read_text()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    return path


def move_back(path: Path, by_ns: int) -> None:
    then = path.stat().st_mtime_ns - by_ns
    os.utime(path, ns=(then, then))


def test_a_change_within_a_tick_of_the_file_systems_clock_is_seen(file: Path) -> None:
    """Same file, same time, same size: a clock of 250 Hz has 4 ms for two renewals."""
    written = file.stat().st_mtime_ns
    newest = Rereading((file,), Reader(file))
    file.write_text("two")
    os.utime(file, ns=(written, written))
    assert newest() == ["two"]


def test_what_is_the_same_stays_the_same_object(file: Path) -> None:
    newest = Rereading((file,), Reader(file))
    assert newest() is newest()
    file.touch()
    assert newest() is newest()


def test_what_has_rested_is_read_once(file: Path) -> None:
    """However often it is asked for, which is in each handshake."""
    move_back(file, HOUR_NS)
    reader = Reader(file)
    newest = Rereading((file,), reader)
    for _ in range(3):
        assert newest() == ["one"]
    assert reader.count == 1
    file.write_text("two")
    move_back(file, HOUR_NS // 2)
    for _ in range(3):
        assert newest() == ["two"]
    assert reader.count == 2


def test_a_time_to_come_is_as_good_as_another(file: Path) -> None:
    """Whatever the clock was that wrote it; only what is near now may come again."""
    move_back(file, -HOUR_NS)
    reader = Reader(file)
    newest = Rereading((file,), reader)
    assert newest() is newest()
    assert reader.count == 1
