# SPDX-License-Identifier: Apache-2.0
"""Programs that write identities to disk, a step at a time, tidy or not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from handfast import FileSource, SourceError, TrustBundle, TrustBundleSet, X509Svid
from handfast.authority import Authority

DOMAIN = "a.example"
WEB = f"spiffe://{DOMAIN}/web"
NAMES = ("tls.crt", "tls.key", "ca.crt")
# They are made once a run, and none may end during the longest.
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One set, as it belongs together."""

    svid: X509Svid
    bundle: TrustBundle

    @property
    def bundles(self) -> TrustBundleSet:
        return TrustBundleSet([self.bundle])

    def contents(self, order: Sequence[int] = (0, 1, 2)) -> list[tuple[str, bytes]]:
        """Names and bytes, in an order of writing."""
        data = (
            self.svid.to_pem_chain(),
            self.svid.to_pem_key(),
            self.bundle.to_pem(),
        )
        return [(NAMES[number], data[number]) for number in order]


@cache
def versions(count: int = 4) -> tuple[Version, ...]:
    """Sets whose authorities follow each other, each trusted with the one before."""
    authorities = [Authority(DOMAIN, intermediate=True) for _ in range(count + 1)]
    return tuple(
        Version(
            svid=new.issue(WEB, ttl=DAY),
            bundle=TrustBundle.from_der(
                DOMAIN, [der for it in (old, new) for der in it.bundle.x509_authorities]
            ),
        )
        for old, new in pairwise(authorities)
    )


def write(folder: Path, version: Version, names: Sequence[str] = NAMES) -> None:
    """Write a whole set at once, under other names perhaps."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, data) in zip(names, version.contents(), strict=True):
        private(folder / name, data)


def private(path: Path, data: bytes) -> None:
    """Write a file that is ours alone."""
    path.touch(mode=0o600)
    path.write_bytes(data)


# ---- writers: each step is one change that others can see ----


def in_place(
    folder: Path, version: Version, order: Sequence[int], piece: int
) -> Iterator[None]:
    """Truncate and write, in pieces: nobody should, and many do."""
    for name, data in version.contents(order):
        private(folder / name, b"")
        yield
        for at in range(0, len(data), piece):
            with (folder / name).open("ab") as file:
                file.write(data[at : at + piece])
            yield


def by_rename(
    folder: Path, version: Version, order: Sequence[int], piece: int
) -> Iterator[None]:
    """Replace each file at once, one after the other, as spiffe-helper does."""
    del piece
    for name, data in version.contents(order):
        private(folder / f".{name}.new", data)
        yield
        (folder / f".{name}.new").rename(folder / name)
        yield


def kubernetes(
    folder: Path, version: Version, order: Sequence[int], piece: int
) -> Iterator[None]:
    """Replace all of it by the link ``..data``, and remove what was before."""
    del piece
    data_link, old = folder / "..data", None
    if data_link.is_symlink():
        old = folder / data_link.readlink()
    new = folder / f"..set_{os.urandom(4).hex()}"
    new.mkdir()
    yield
    for name, data in version.contents(order):
        private(new / name, data)
        yield
    (folder / "..data_tmp").symlink_to(new.name)
    yield
    (folder / "..data_tmp").rename(data_link)
    yield
    for name in NAMES:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
            yield
    if old is not None:
        for name in NAMES:
            (old / name).unlink()
            yield
        old.rmdir()
    yield


class Pauses:
    """Counts pauses instead of resting; does something in the first of them."""

    def __init__(self, doing: Callable[[], None] | None = None) -> None:
        self.count = 0
        self._doing = doing

    def __call__(self, _seconds: float) -> None:
        self.count += 1
        if self._doing is not None and self.count == 1:
            self._doing()


def source(folder: Path, **options: Any) -> FileSource:
    """A source that never rests."""
    return FileSource(folder, **{"sleep": Pauses(), **options})


def refusal(folder: Path, **options: Any) -> SourceError:
    """Why a directory is not taken."""
    try:
        source(folder, **options).refresh()
    except SourceError as error:
        return error
    raise AssertionError("it was taken")
