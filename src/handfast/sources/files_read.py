# SPDX-License-Identifier: Apache-2.0
"""One attempt to read an identity from files: all of it, of one moment, or nothing.

Every file is still what it was when the first of them was read, and nobody else may
replace what we are to believe. Whether it makes sense is `files_parse`'s to say.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from handfast.errors import Reason, SourceError, detail_for
from handfast.sources.files_folder import Folders, RawFile, inconsistent, stamp_of
from handfast.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from handfast.ids import TrustDomain
    from handfast.sources.files_layout import FileNames

__all__ = ["FileSet", "Permissions", "read"]

#: What happens when others may read or replace a key: a failure, or a warning.
Permissions = Literal["refuse", "warn"]

_CHAIN_MAX: Final = 256 * 1024
_KEY_MAX: Final = 64 * 1024
_BUNDLE_MAX: Final = 2 * 1024 * 1024
_CRL_MAX: Final = 16 * 1024 * 1024
_TOTAL_MAX: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FileSet:
    """The bytes of a set, and what is to be said about it.

    Attributes:
        names: Which file is what.
        files: Their contents, in the order of `names.paths`.
        warnings: What should be mended, and was let pass.
    """

    names: FileNames
    files: tuple[RawFile, ...]
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """SHA-256 over names and contents: the same, when nothing has changed."""
        whole = hashlib.sha256()
        for file in self.files:
            for part in (str(file.path).encode(), file.data):
                whole.update(len(part).to_bytes(8, "big") + part)
        return whole.digest()

    @property
    def federated(self) -> list[tuple[TrustDomain, RawFile]]:
        """Bundles of other trust domains."""
        end = 3 + len(self.names.federated)
        domains = (domain for domain, _ in self.names.federated)
        return list(zip(domains, self.files[3:end], strict=True))

    @property
    def crls(self) -> list[tuple[TrustDomain, RawFile]]:
        """Revocation lists."""
        start = 3 + len(self.names.federated)
        domains = (domain for domain, _ in self.names.crls)
        return list(zip(domains, self.files[start:], strict=True))

    @property
    def complete(self) -> bool:
        """Whether all of it came by one swap: then nothing of it is still written."""
        return all(file.swapped for file in self.files)

    @property
    def modified_ns(self) -> int:
        """When the youngest of its files was written last."""
        return max(file.modified_ns for file in self.files)


def read(names: FileNames, permissions: Permissions) -> FileSet:
    """Read every file, and look whether all of them are still the same afterwards.

    Raises:
        SourceError: something changed meanwhile (``source_inconsistent``), others may
            replace the key (``source_permissions``), or a limit was reached.
        OSError: a file cannot be read.
    """
    with Folders() as folders:
        files: list[RawFile] = []
        total = 0
        for path, limit in zip(names.paths, _limits(names), strict=True):
            files.append(folders.read(path, limit))
            total += len(files[-1].data)
            if total > _TOTAL_MAX:
                expected = f"at most {_TOTAL_MAX} bytes in all"
                raise SourceError(
                    detail_for(Reason.LIMIT, expected=expected, seen="more")
                )
        problems = _permissions(files, folders)
    for file in files:
        if stamp_of(file.path) != file.stamp:
            where = escape(str(file.path))
            raise inconsistent(f"{where} to stay", "another one, when all were read")
    if problems and permissions == "refuse":
        expected, seen = "a key that is ours alone", "; ".join(problems)
        raise SourceError(
            detail_for(Reason.SOURCE_PERMISSIONS, expected=expected, seen=seen)
        )
    return FileSet(names=names, files=tuple(files), warnings=tuple(problems))


def _limits(names: FileNames) -> Sequence[int]:
    bundles = [_BUNDLE_MAX] * (1 + len(names.federated))
    return (_CHAIN_MAX, _KEY_MAX, *bundles, *[_CRL_MAX] * len(names.crls))


def _permissions(files: Sequence[RawFile], folders: Folders) -> list[str]:
    """What others may do with a key, and with all that we would believe."""
    problems: list[str] = []
    seen: set[Path] = set()
    for number, file in enumerate(files):
        folder, where = folders.folder(file.path.parent), escape(str(file.path))
        # In a volume of Kubernetes the pod says who sees it: files there are 0644 if
        # it says nothing, and belong to root: nothing else could be asked for.
        if number == 1 and file.mode & stat.S_IROTH and not folder.is_volume:
            problems.append(f"{where} can be read by everybody")
        if file.mode & stat.S_IWOTH:
            problems.append(f"{where} can be written by everybody")
        if file.path.parent in seen:
            continue
        seen.add(file.path.parent)
        # In a sticky directory, as /tmp is, a file is replaced by its owner alone.
        if folder.mode & stat.S_IWOTH and not folder.mode & stat.S_ISVTX:
            parent = escape(str(file.path.parent))
            problems.append(f"files in {parent} can be replaced by everybody")
    return problems
