# SPDX-License-Identifier: Apache-2.0
"""A FileSource never shows a set that is half written, whoever writes it (P5).

Hypothesis chooses how a program writes, in which order and in which pieces, and how
many of its steps happen around each file that the source reads, and in its pauses.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import identity_files
from tests.support.identity_files import Version, versions

from handfast import FileSource, SourceError, SourceSnapshot, Verifier
from handfast.sources import files_folder

Writer = Callable[[Path, Version, Sequence[int], int], Iterator[None]]

ORDERS = st.permutations(range(3))
PIECES = st.sampled_from([97, 400, 5000])
STEPS = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 6])
TURNS = 400


class _Turns:
    """Lets a program write on, by as many steps as Hypothesis says."""

    def __init__(self, left: list[Iterator[None]], steps: Sequence[int]) -> None:
        self._left = left
        self._steps = iter(steps)
        #: Whether it does something in each of the reader's pauses until it is done.
        self.restless = True

    @property
    def done(self) -> bool:
        return not self._left

    def take(self, at_least: int = 0) -> None:
        for _ in range(max(at_least, next(self._steps, 1))):
            while self._left and next(self._left[0], self) is self:
                self._left.pop(0)

    def in_a_pause(self, _seconds: float) -> None:
        # Two: a file under another name, and its renaming, which is what can be seen.
        self.take(2 * self.restless)


def _interleaved(
    folder: Path, turns: _Turns, check: Callable[[SourceSnapshot], None]
) -> SourceSnapshot:
    """Let writer and reader take turns; check what is visible after each look."""
    read = files_folder.Folders.read

    def reading(self: Any, path: Path, limit: int) -> Any:
        turns.take()
        try:
            return read(self, path, limit)
        finally:
            turns.take()

    # Nothing here takes real time, so only what the source sees can settle anything.
    source = FileSource(folder, sleep=turns.in_a_pause, settle=3600)
    with mock.patch.object(files_folder.Folders, "read", reading):
        while not turns.done:
            with suppress(SourceError):
                source.refresh()
            if source.health.ok:
                check(source.snapshot())
            turns.take(1)
    return source.refresh()


def _version(snapshot: SourceSnapshot) -> Version:
    """Whose the chain is; its key must be the same version's."""
    [version] = [it for it in versions() if it.svid.chain == snapshot.svid.chain]
    assert snapshot.svid.key == version.svid.key
    return version


def _is_one_version(snapshot: SourceSnapshot) -> None:
    assert snapshot.bundles == _version(snapshot).bundles


def _fits_together(snapshot: SourceSnapshot) -> None:
    _version(snapshot)
    Verifier(snapshot.bundles).verify(snapshot.svid.chain)


@settings(max_examples=120, deadline=None)
@given(
    writer=st.sampled_from(
        [identity_files.kubernetes, identity_files.by_rename, identity_files.in_place]
    ),
    orders=st.lists(ORDERS, min_size=2, max_size=4),
    piece=PIECES,
    steps=st.lists(STEPS, min_size=TURNS, max_size=TURNS),
)
def test_what_is_visible_is_always_one_whole_set(
    writer: Writer, orders: Sequence[Sequence[int]], piece: int, steps: Sequence[int]
) -> None:
    """P5: of a program that goes on writing until it is done, nothing half is seen."""
    _run(writer, orders, piece, steps, restless=True, check=_is_one_version)


@settings(max_examples=60, deadline=None)
@given(
    writer=st.sampled_from([identity_files.by_rename, identity_files.in_place]),
    orders=st.lists(ORDERS, min_size=2, max_size=4),
    piece=PIECES,
    steps=st.lists(STEPS, min_size=TURNS, max_size=TURNS),
)
def test_what_is_visible_fits_together_even_when_a_writer_rests(
    writer: Writer, orders: Sequence[Sequence[int]], piece: int, steps: Sequence[int]
) -> None:
    """A program that rests between two files cannot be told from one that is done.

    What is there then is taken only when it fits: key and chain of one version, and a
    bundle that carries them.
    """
    _run(writer, orders, piece, steps, restless=False, check=_fits_together)


def _run(
    writer: Writer,
    orders: Sequence[Sequence[int]],
    piece: int,
    steps: Sequence[int],
    *,
    restless: bool,
    check: Callable[[SourceSnapshot], None],
) -> None:
    newest = versions()[len(orders) - 1]
    with tempfile.TemporaryDirectory() as name:
        left = [
            writer(Path(name), version, order, piece)
            for version, order in zip(versions(), orders, strict=False)
        ]
        turns = _Turns(left, steps)
        turns.restless = restless
        last = _interleaved(Path(name), turns, check)
    assert (last.svid, last.bundles) == (newest.svid, newest.bundles)
