# SPDX-License-Identifier: Apache-2.0
"""From a pidfd to selectors: everything that may block, for a worker thread."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import Final

from handfast.authority.attest.caller import Caller
from handfast.authority.attest.cgroup import cgroup_selectors
from handfast.authority.attest.credentials import PeerCredentials
from handfast.authority.attest.descriptors import Descriptor
from handfast.authority.attest.executable import Executable, look_at_executable
from handfast.authority.attest.hashing import HashCache
from handfast.authority.attest.namespaces import UnmappedIds
from handfast.authority.attest.proc import ProcessDirectory, read_stat
from handfast.authority.attest.process import Fingerprint, Process, open_process
from handfast.authority.attest.refusal import refuse
from handfast.authority.attest.system import System
from handfast.authority.selectors import Selector
from handfast.errors import Reason

__all__ = ["look_at_caller"]

_MOST: Final = 64 << 10
_FROM_PROC: Final = ("unix:path", "unix:sha256", "unix:parent_path", "cgroup")


def look_at_caller(
    system: System,
    who: PeerCredentials,
    pidfd: Descriptor,
    hashes: HashCache | None,
    began_before: float | None,
) -> Caller:
    """Find out all that is certain about a process.

    Args:
        system: The kernel.
        who: What the socket says.
        pidfd: The process; the caller that is returned owns it.
        hashes: How to hash executables; None leaves it.
        began_before: The pidfd is only of the process that has the pid now, so it must
            have begun before this many seconds since boot; None: it is the right one.

    Raises:
        AttestationRefused: it is not certain which process it is, or whose.
    """
    proc = Descriptor(system.open_proc())
    process = open_process(system, proc.number, pidfd, who.pid)
    before = process.look()
    if began_before is not None:
        _need_begun_before(before, began_before)
    selectors = {Selector("unix", f"uid:{who.uid}")}
    missing: dict[str, str] = {}
    try:
        unmapped = UnmappedIds(proc.number)
    except (OSError, ValueError, IndexError) as error:
        refuse(Reason.ATTESTATION_PROC, seen=str(error), cause=error)
    if unmapped.is_user(who.uid):
        refuse(
            Reason.ATTESTATION_UNSEEN,
            expected="a user with a number in the agent's user namespace",
            seen=f"the overflow user {who.uid}",
            hint="run the agent in the user namespace that the callers' users are in",
        )
    if unmapped.is_group(who.gid):
        missing["unix:gid"] = "the group has no number in our user namespace"
    else:
        selectors.add(Selector("unix", f"gid:{who.gid}"))
    if before is None or process.directory is None:
        missing |= dict.fromkeys(_FROM_PROC, "the system hides this process (hidepid)")
        # The socket's own word is enough for these.
        groups = who.groups
    else:
        groups = _unchanged(who, before, missing)
        found = look_at_executable(
            process.directory, proc.number, hashes, payer=who.uid
        )
        _executable(found, selectors, missing)
        _parent(process.directory, proc.number, before.stat.parent, selectors, missing)
        _cgroup(before.cgroup, selectors, missing)
    for group in groups or ():
        if not unmapped.is_group(group):
            selectors.add(Selector("unix", f"supplementary_gid:{group}"))
    _need_the_same(process, before)
    return Caller(
        selectors=frozenset(selectors),
        uid=who.uid,
        gid=who.gid,
        pid=process.pid,
        missing=MappingProxyType(missing),
        process=process,
    )


def _need_begun_before(seen: Fingerprint | None, bound: float) -> None:
    if seen is not None:
        began = (seen.stat.start + 1) / os.sysconf("SC_CLK_TCK")
        if began <= bound:
            return
    refuse(
        Reason.ATTESTATION_ENDED,
        expected="a process that began before it could connect",
        seen="one that may have got the pid of the one that connected",
        hint="connect again; Linux 6.5 and newer can tell at once (SO_PEERPIDFD)",
    )


def _unchanged(
    who: PeerCredentials, seen: Fingerprint, missing: dict[str, str]
) -> tuple[int, ...] | None:
    """Compare who connected with who it is now; return the groups that are certain."""
    now = seen.status
    if now.uids != (who.uid, who.uid) or now.gids != (who.gid, who.gid):
        refuse(
            Reason.ATTESTATION_CHANGED,
            expected=f"user {who.uid} and group {who.gid}, real and effective",
            seen=f"users {now.uids} and groups {now.gids}",
            hint="connect after changing the user; set-user-ID programs get nothing",
        )
    if who.groups is None:
        missing["unix:supplementary_gid"] = "the socket does not say"
    elif tuple(sorted(who.groups)) != now.groups:
        missing["unix:supplementary_gid"] = "they changed since the process connected"
    else:
        return who.groups
    return None


def _executable(
    found: Executable, selectors: set[Selector], missing: dict[str, str]
) -> None:
    if found.path is not None:
        selectors.add(Selector("unix", f"path:{found.path}"))
    if found.sha256 is not None:
        selectors.add(Selector("unix", f"sha256:{found.sha256}"))
    missing |= {f"unix:{name}": why for name, why in found.missing.items()}


def _parent(
    directory: ProcessDirectory,
    proc: int,
    parent: int,
    selectors: set[Selector],
    missing: dict[str, str],
) -> None:
    """Find the parent's program.

    While a process has this parent, nobody else can have the parent's pid: a process
    whose parent ends gets another.
    """
    try:
        of_parent = ProcessDirectory(proc, str(parent))
        before = read_stat(of_parent.read("stat", _MOST))
        found = look_at_executable(of_parent, proc, None)
        after = read_stat(of_parent.read("stat", _MOST))
        still = read_stat(directory.read("stat", _MOST)).parent
    except (OSError, ValueError) as error:
        missing["unix:parent_path"] = str(error)
        return
    if found.path is None:
        missing["unix:parent_path"] = found.missing["path"]
    elif (still, after, after.pid) != (parent, before, parent):
        missing["unix:parent_path"] = "the parent changed"
    else:
        selectors.add(Selector("unix", f"parent_path:{found.path}"))


def _cgroup(
    text: bytes | None, selectors: set[Selector], missing: dict[str, str]
) -> None:
    if text is None:
        missing["cgroup"] = "the system hides it"
        return
    found, unknown = cgroup_selectors(text.decode("utf-8", "backslashreplace"))
    selectors |= found
    missing |= unknown


def _need_the_same(process: Process, before: Fingerprint | None) -> None:
    """Refuse what changed while we looked, and remember what may not change now."""
    after = process.look()
    if after != before:
        refuse(
            Reason.ATTESTATION_CHANGED,
            seen=f"process {process.pid} changed while it was looked at",
        )
    if process.has_ended():
        refuse(Reason.ATTESTATION_ENDED, seen=f"process {process.pid}")
    process.fingerprint = after
