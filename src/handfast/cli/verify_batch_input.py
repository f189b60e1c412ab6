# SPDX-License-Identifier: Apache-2.0
"""Chains out of files, directories and standard input, one after the other.

One file is one chain, as for ``handfast verify`` without ``--batch``; with
``--split-leaves``, and always from standard input, it is as many as it has leaves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handfast import HandfastError, Reason
from handfast.cli.verify_batch_read import (
    BLOCK_MAX,
    Readable,
    is_der,
    read_certificates,
)
from handfast.cli.verify_batch_split import split_chains
from handfast.pem import CERTIFICATE, is_pem, read_pem

STDIN: Final = Path("-")
_SUFFIXES: Final = frozenset({".cer", ".cert", ".crt", ".der", ".pem"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One chain and where it came from.

    Attributes:
        file: Its file, what cannot be printed escaped; or ``-``.
        place: Which chain of the file, from 1; None when a file is one chain.
        chain: DER back to back or one by one; or why there is no chain.
    """

    file: str
    place: int | None
    chain: bytes | Sequence[bytes] | Reason


class Inputs:
    """What is read, and how far that is.

    Attributes:
        bytes_read: Of the files so far.
        skipped: Files of directories that have no certificate in them, such as keys.
        unreadable: Files that the system did not let us read, and what it said.
    """

    def __init__(self, paths: Sequence[Path], *, split: bool) -> None:
        self._paths = paths
        self._split = split
        self.bytes_read = 0
        self.skipped = 0
        self.unreadable: list[tuple[str, OSError]] = []

    def total_bytes(self) -> int | None:
        """How much there is to read; None when standard input is a part of it."""
        if STDIN in self._paths:
            return None
        total = 0
        for path, _ in self._files():
            try:
                total += path.stat().st_size
            except OSError:  # it is told when its turn comes
                continue
        return total

    def __iter__(self) -> Iterator[Entry]:
        for path, found in self._files():
            if path == STDIN:
                yield from self._many("-", sys.stdin.buffer, b"")
                continue
            try:
                with path.open("rb") as stream:
                    yield from self._read(path, stream, found=found)
            except OSError as error:
                self.unreadable.append((_name(path), error))

    def _files(self) -> Iterator[tuple[Path, bool]]:
        """Each file, and whether we found it ourselves in a directory."""
        for path in self._paths:
            if path == STDIN or not path.is_dir():
                yield path, False
                continue
            for folder, folders, names in os.walk(path, onerror=self._unreadable):
                # Hidden: editors' copies, and what Kubernetes keeps behind its links.
                folders[:] = sorted(n for n in folders if not n.startswith("."))
                for name in sorted(names):
                    file = Path(folder, name)
                    if file.suffix.lower() in _SUFFIXES and name[0] != ".":
                        yield file, True

    def _unreadable(self, error: OSError) -> None:
        self.unreadable.append((_name(error.filename), error))

    def _read(self, path: Path, stream: Readable, *, found: bool) -> Iterator[Entry]:
        data = stream.read(BLOCK_MAX + 1)
        if found and _has_no_certificate(data):
            self.bytes_read += len(data)
            self.skipped += 1
        elif self._split and data:
            yield from self._many(_name(path), stream, data)
        else:
            self.bytes_read += len(data)
            yield Entry(_name(path), None, _one(data))

    def _many(self, name: str, stream: Readable, first: bytes) -> Iterator[Entry]:
        counted = _Counted(stream, self)
        self.bytes_read += len(first)
        certificates = read_certificates(counted, first)
        for number, chain in enumerate(split_chains(certificates), 1):
            yield Entry(name, number, chain)


class _Counted:
    """A stream that tells how much was read of it."""

    def __init__(self, stream: Readable, inputs: Inputs) -> None:
        self._stream = stream
        self._inputs = inputs

    def read(self, size: int, /) -> bytes:
        """Read on, and count."""
        data = self._stream.read(size)
        self._inputs.bytes_read += len(data)
        return data


def _name(path: object) -> str:
    """Write a path so that every table takes it, and no terminal obeys it."""
    text = str(path)
    if text.isprintable():
        return text
    # Line ends, escapes, and what stands for bytes that are not UTF-8.
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _has_no_certificate(data: bytes) -> bool:
    return is_pem(data) and b"-----BEGIN CERTIFICATE-----" not in data


def _one(data: bytes) -> bytes | Sequence[bytes] | Reason:
    if len(data) > BLOCK_MAX:
        return Reason.CHAIN_TOO_LARGE
    if not data.strip():  # nothing to look at is nothing to approve of
        return Reason.CHAIN_EMPTY
    if is_der(data) or not is_pem(data):
        return data
    try:
        return [der for _, der in read_pem(data, CERTIFICATE)]
    except HandfastError as error:
        return error.reason
