# SPDX-License-Identifier: Apache-2.0
"""Which program a process runs: the file itself, and not what something calls it.

`/proc/PID/exe` leads to the open file, also when it was replaced or deleted since. Its
*name* is another matter: in a mount namespace of its own any user can put any file
under any name. So a path counts only when the same file is under it here, where the
agent runs; and bytes count only from file systems that the kernel keeps itself: a
FUSE server, or one far away, may run one thing and show another, or never answer.

An overlay shows what is below it, and any user may put one over a FUSE server, in
namespaces of his own. So an overlay counts only when it is mounted where the agent
runs, too: there root alone can mount.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from handfast.authority.attest.descriptors import Descriptor
from handfast.authority.attest.hashing import HashCache
from handfast.authority.attest.proc import ProcessDirectory

__all__ = ["Executable", "look_at_executable"]

_MOUNT: Final = re.compile(rb"^mnt_id:\t(\d+)$", re.MULTILINE)
_MOST_MOUNTS: Final = 4 << 20
_OUR_MOUNTS: Final = "self/mountinfo"
_OVERLAY: Final = "overlay"
# After the mount's number and its parent's.
_DEVICE: Final = 2
_KEPT_BY_THE_KERNEL: Final = frozenset(
    "bcachefs btrfs erofs ext2 ext3 ext4 f2fs iso9660 jfs overlay ramfs rootfs squashfs"
    " tmpfs xfs zfs".split()
)


@dataclass(slots=True, kw_only=True)
class Executable:
    """What is known of it; None is unknown, and `missing` says why."""

    path: str | None = None
    sha256: str | None = None
    missing: dict[str, str] = field(default_factory=dict[str, str])


def look_at_executable(
    directory: ProcessDirectory,
    proc: int,
    hashes: HashCache | None,
    *,
    payer: int | None = None,
) -> Executable:
    """Find out path and hash; never raises for what the system hides.

    Blocks while the file is read: not for an event loop.

    Args:
        directory: Of the process.
        proc: /proc, for our own descriptors.
        hashes: How to hash; None for the path alone.
        payer: The user whose bytes are counted.

    Raises:
        AttestationRefused: The user has had too much hashed of late, or it takes too
            long: ask again later.
    """
    found = Executable()
    try:
        name = directory.link("exe")
        file = directory.open_path("exe")
        kind = _file_system(directory, proc, file)
    except OSError as error:
        found.missing = dict.fromkeys(("path", "sha256"), str(error))
        return found
    if kind not in _KEPT_BY_THE_KERNEL:
        why = f"the file system of the executable is {kind or 'not to be told'}"
        found.missing = dict.fromkeys(("path", "sha256"), why)
        return found
    _find_path(found, name, file)
    if hashes is not None:
        _find_hash(found, directory, file, hashes, payer)
    return found


def _find_hash(
    found: Executable,
    directory: ProcessDirectory,
    file: Descriptor,
    hashes: HashCache,
    payer: int | None,
) -> None:
    try:
        reading = directory.open_file("exe")
        if _is_same(os.fstat(reading.number), os.fstat(file.number)):
            found.sha256 = hashes.sha256(reading.number, payer=payer)
        else:
            found.missing["sha256"] = "the process runs another program by now"
    except OSError as error:
        found.missing["sha256"] = str(error)


def _find_path(found: Executable, name: str, file: Descriptor) -> None:
    if not name.startswith("/") or not name.isprintable():
        found.missing["path"] = f"the executable has the name {name[:80]!a}"
        return
    try:
        here = Path(name).lstat()
    except OSError as error:
        found.missing["path"] = f"the executable is not where we are: {error}"
        return
    if _is_same(here, os.fstat(file.number)):
        found.path = name
    else:
        found.missing["path"] = f"another file is at {name} where we are"


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _file_system(
    directory: ProcessDirectory, proc: int, file: Descriptor
) -> str | None:
    """Say what kind of file system it is on, without asking that file system."""
    flags = os.O_RDONLY | os.O_CLOEXEC
    info = Descriptor(os.open(f"self/fdinfo/{file.number}", flags, dir_fd=proc))
    mount = _MOUNT.search(os.read(info.number, 4096))
    if mount is None:
        return None
    for line in directory.read("mountinfo", _MOST_MOUNTS).split(b"\n"):
        if line.startswith(mount[1] + b" "):
            device, kind = _device_and_kind(line)
            if kind == _OVERLAY and not _is_overlay_here(proc, device):
                return "an overlay that is not mounted where we are"
            return kind
    return None  # not in the mount namespace that the process is in


def _device_and_kind(line: bytes) -> tuple[bytes, str]:
    """Take device and type of file system out of a line of mountinfo."""
    before, _, after = line.partition(b" - ")
    fields = before.split(b" ")
    device = fields[_DEVICE] if len(fields) > _DEVICE else b""  # not a whole line
    return device, after.partition(b" ")[0].decode("ascii", "replace")


def _is_overlay_here(proc: int, device: bytes) -> bool:
    flags = os.O_RDONLY | os.O_CLOEXEC
    with os.fdopen(os.open(_OUR_MOUNTS, flags, dir_fd=proc), "rb") as file:
        lines = [line for line in file.read(_MOST_MOUNTS).split(b"\n") if line]
    return (device, _OVERLAY) in map(_device_and_kind, lines)
