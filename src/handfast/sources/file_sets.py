# SPDX-License-Identifier: Apache-2.0
"""Write an identity to files so that no reader sees half of it.

As Kubernetes does: the files of a set are in a directory of their own, ``..data`` is a
link to it, and ``svid.pem`` and the others are links through ``..data``. One rename of
``..data`` replaces all of them at once. The set before is kept for readers that are in
the middle of it; older ones go.

Invariants:
    1. A directory that ``..data`` has ever pointed to is complete, on disk, and never
       written again.
    2. A private key or a token is never readable by anybody but its owner, not for a
       moment.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from handfast._whole_files import make_folder, sync_folder, write_new_file
from handfast.errors import ConfigError, Reason, SourceError, detail_for
from handfast.pem import CRL, write_pem
from handfast.text import escape

if TYPE_CHECKING:
    from handfast.bundle import TrustBundleSet
    from handfast.crls import RevocationLists
    from handfast.jwt_bundle import JwtBundleSet
    from handfast.jwt_svid import JwtSvid
    from handfast.sources.base import SourceSnapshot

__all__ = ["FileSetWriter", "PlannedFile", "plan_bundles", "plan_identity", "plan_jwt"]

_DATA: Final = "..data"
_SET: Final = "..set-"
_PUBLIC: Final = 0o644
_SECRET: Final = 0o600
_FOLDER: Final = 0o755


@dataclass(frozen=True, slots=True, repr=False)
class PlannedFile:
    """What a file is to hold.

    Attributes:
        data: All of it.
        secret: Whether nobody but its owner may read it.
    """

    data: bytes
    secret: bool = False


Plan = Mapping[str, PlannedFile]


def plan_identity(snapshot: SourceSnapshot) -> dict[str, PlannedFile]:
    """Lay an identity out: the names of spiffe-helper, and of `FileSource`."""
    svid = snapshot.svid
    own = snapshot.bundles[svid.spiffe_id.trust_domain]
    return {
        "svid.pem": PlannedFile(svid.to_pem_chain()),
        "svid_key.pem": PlannedFile(svid.to_pem_key(), secret=True),
        "svid_bundle.pem": PlannedFile(own.to_pem()),
        **plan_bundles(snapshot.bundles.without(own.trust_domain), crls=snapshot.crls),
    }


def plan_bundles(
    bundles: TrustBundleSet, *, crls: RevocationLists | None = None
) -> dict[str, PlannedFile]:
    """Lay bundles out, one file a trust domain, and revocation lists beside them."""
    found = {
        f"bundles/{it.trust_domain}.pem": PlannedFile(it.to_pem())
        for it in bundles
        # A PEM text without a certificate reads as a damaged one.
        if not it.is_empty
    }
    if crls is not None:
        for name in sorted(crls.trust_domains):
            text = write_pem(CRL, crls.get(name))
            found[f"crls/{name}.pem"] = PlannedFile(text)
    return found


def plan_jwt(
    svid: JwtSvid | None, bundles: JwtBundleSet | None
) -> dict[str, PlannedFile]:
    """Lay a token and JWT bundles out."""
    found: dict[str, PlannedFile] = {}
    if svid is not None:
        found["jwt_svid.token"] = PlannedFile(svid.token.encode(), secret=True)
    for it in bundles or ():
        found[f"jwt_bundles/{it.trust_domain}.json"] = PlannedFile(it.to_json())
    return found


class FileSetWriter:
    """Writes sets of files into one directory, each as a whole.

    Args:
        directory: Where; made when it is not there, for its owner alone.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)

    def write(self, plan: Plan) -> None:
        """Replace what is there by another set, at once.

        Raises:
            OSError: it cannot be written; what was there before still is.
            ConfigError: something else has the place of one of our links.
            SourceError: everybody may write to the directory.
        """
        make_folder(self.directory, 0o700)
        with _alone(self.directory):
            self._write(plan)

    def _write(self, plan: Plan) -> None:
        names = {name.partition("/")[0] for name in plan}
        self._check_places(names)
        fresh = self.directory / f"{_SET}{secrets.token_hex(8)}"
        try:
            _write_folder(fresh, plan)
            before = self._target()
            _replace_link(self.directory / _DATA, fresh.name)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        for name in sorted(names):
            _ensure_link(self.directory / name, f"{_DATA}/{name}")
        self._tidy(names, keep={fresh.name, before})
        sync_folder(self.directory)

    def withdraw(self) -> bool:
        """Take the set away, all of it at once; say whether there was one."""
        if not self.directory.is_dir():
            return False
        data = self.directory / _DATA
        with _alone(self.directory):
            was_there = data.is_symlink()
            if was_there:
                data.unlink()
            # Without a set, too: who died on the way has left a key behind.
            self._tidy(set(), keep=set())
            sync_folder(self.directory)
        return was_there

    def _target(self) -> str:
        try:
            return (self.directory / _DATA).readlink().name
        except FileNotFoundError:
            return ""

    def _check_places(self, names: set[str]) -> None:
        """Insist, before anything is written, that it will be ours and stay so."""
        mode = self.directory.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            detail = detail_for(
                Reason.SOURCE_PERMISSIONS,
                expected="a directory that not everybody may write to",
                seen=f"mode {stat.S_IMODE(mode):o} of {escape(str(self.directory))}",
            )
            raise SourceError(detail)
        for name in (_DATA, *names):
            place = self.directory / name
            if place.is_dir() and not place.is_symlink():
                detail = detail_for(
                    Reason.CONFIG_INVALID,
                    expected="a directory of our own",
                    seen=f"a directory at {escape(str(place))}",
                )
                raise ConfigError(detail)

    def _tidy(self, names: set[str], keep: set[str]) -> None:
        """Remove what older sets have left: links without a file, and their folders."""
        for found in self.directory.iterdir():
            if found.is_symlink():
                ours = os.fspath(found.readlink()).startswith(f"{_DATA}/")
                left = found.name.startswith(_SET)
                if left or (ours and found.name not in names):
                    found.unlink(missing_ok=True)
            elif found.name.startswith(_SET) and found.name not in keep:
                shutil.rmtree(found, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keep other writers out: one would tidy away what another is about to show."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write_folder(folder: Path, plan: Plan) -> None:
    _make_folder(folder)
    for name, planned in plan.items():
        target = folder / name
        if target.parent != folder and not target.parent.exists():
            _make_folder(target.parent)
        mode = _SECRET if planned.secret else _PUBLIC
        write_new_file(target, planned.data, mode)
    for made in {folder, *((folder / name).parent for name in plan)}:
        sync_folder(made)


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    folder.chmod(_FOLDER)


def _replace_link(link: Path, target: str) -> None:
    """Point a link, or a file's name, somewhere else by one rename."""
    fresh = link.with_name(f"{_SET}{secrets.token_hex(8)}.link")
    fresh.symlink_to(target)
    try:
        fresh.replace(link)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _ensure_link(link: Path, target: str) -> None:
    try:
        there = stat.S_ISLNK(link.lstat().st_mode)
        if there and os.fspath(link.readlink()) == target:
            return
    except FileNotFoundError:
        pass
    _replace_link(link, target)
