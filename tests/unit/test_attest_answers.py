# SPDX-License-Identifier: Apache-2.0
"""Attestation with the kernel's answers given: each rule on any machine (W1).

What is given: who the socket says it is, whether and when the process ends, and a
folder in place of /proc. Everything that judges the answers is the real thing.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import trio
from tests.support.attesting import PYTHON, move, sha256_of, values
from tests.support.kernel_answers import PID, USER, Answers, ask, path_of
from tests.support.net_world import trio_test

from handfast.authority.attest import AttestationRefused, Attestor, executable
from handfast.authority.attest.credentials import (
    PeerCredentials,
)
from handfast.authority.attest.hashing import HashCache
from handfast.authority.attest.proc import ProcessDirectory
from handfast.authority.attest.system import Linux

SHELL = os.path.realpath("/bin/sh")


@pytest.fixture
def kernel(tmp_path: Path) -> Answers:
    return Answers(tmp_path)


@trio_test
async def test_everything_that_is_certain_is_a_selector(kernel: Answers) -> None:
    caller = await ask(kernel)
    assert sorted(map(str, caller.selectors)) == sorted(
        [
            "systemd:id:web.service",
            "unix:gid:100",
            f"unix:parent_path:{PYTHON}",
            f"unix:path:{PYTHON}",
            f"unix:sha256:{sha256_of(PYTHON)}",
            "unix:supplementary_gid:10",
            "unix:supplementary_gid:20",
            "unix:uid:1000",
        ]
    )
    assert caller.still_there()
    assert not caller.missing
    assert caller.describe() == (
        f"pid 4711, uid 1000, gid 100, unix:path {PYTHON}, systemd:id web.service"
    )


@trio_test
async def test_a_process_that_ends_at_any_moment_gets_nothing(kernel: Answers) -> None:
    """W1: pid reuse. Whenever it ends, the pid may be the next process's after that."""
    caller = await ask(kernel)
    asked = 1000 - kernel.ended_after
    assert asked >= 4
    assert caller.still_there()
    for moment in range(asked):
        kernel.ended_after = moment
        with pytest.raises(AttestationRefused, match="has ended"):
            await ask(kernel)
    kernel.ended_after = 0
    assert not caller.still_there()


@pytest.mark.parametrize("pid", [0, -1])
@trio_test
async def test_a_pidfd_without_a_pid_is_a_process_that_has_ended(
    kernel: Answers, pid: int
) -> None:
    """W1: pid reuse, seen by the descriptor."""
    kernel.pid = pid
    with pytest.raises(AttestationRefused, match="has ended"):
        await ask(kernel)


@trio_test
async def test_the_pid_in_proc_must_be_the_sockets(kernel: Answers) -> None:
    """W1: a /proc of another pid namespace."""
    kernel.pid = 12
    with pytest.raises(AttestationRefused, match="another pid namespace"):
        await ask(kernel)


@trio_test
async def test_a_process_without_a_pid_here_is_refused(kernel: Answers) -> None:
    """W1: the caller is in a pid namespace that the agent does not see."""
    kernel.who = PeerCredentials(pid=0, uid=USER, gid=100, groups=())
    with pytest.raises(AttestationRefused, match="host's pid namespace"):
        await ask(kernel)


def test_a_proc_that_is_no_procfs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """W1: a forged /proc; 0x1021994 is tmpfs."""
    name = "handfast.authority.attest.system._file_system"
    monkeypatch.setattr(name, lambda _fd: 0x1021994)
    with pytest.raises(AttestationRefused, match="0x1021994"):
        Linux().open_proc()


@pytest.mark.parametrize("name", ["stat", "status"])
@trio_test
async def test_a_file_of_another_file_system_in_proc_is_refused(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """W1: a forged /proc, by a single file that something is mounted over."""
    real = os.fstat

    def fstat(fd: int) -> os.stat_result:
        found = real(fd)
        if not path_of(fd).endswith(f"/{PID}/{name}"):
            return found
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))

    monkeypatch.setattr("handfast.authority.attest.proc.os.fstat", fstat)
    with pytest.raises(AttestationRefused, match="mounted over"):
        await ask(kernel)


@trio_test
async def test_another_processs_folder_in_its_place_is_refused(kernel: Answers) -> None:
    """W1: a forged /proc, out of genuine parts."""
    kernel.write("stat", (kernel.proc / "1" / "stat").read_text("ascii"))
    with pytest.raises(AttestationRefused, match=r"seen process 1\."):
        await ask(kernel)


@pytest.mark.parametrize("link", ["/bin/sh", "/nowhere/web", f"{PYTHON} (deleted)"])
@trio_test
async def test_a_path_counts_only_when_the_file_is_there_here(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    """W1: another mount namespace, and a replaced executable."""
    monkeypatch.setattr(ProcessDirectory, "link", lambda _self, _name: link)
    caller = await ask(kernel)
    assert values(caller, "unix:path") == values(caller, "unix:parent_path") == []
    assert "where we are" in caller.missing["unix:path"]
    assert values(caller, "unix:sha256") == [sha256_of(PYTHON)]


@pytest.mark.parametrize("link", ["/memfd:\nweb", "web", "/a\udcff"])
@trio_test
async def test_a_name_that_cannot_be_written_is_no_selector(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    monkeypatch.setattr(ProcessDirectory, "link", lambda _self, _name: link)
    caller = await ask(kernel)
    assert values(caller, "unix:path") == []
    assert caller.missing["unix:path"].startswith("the executable has the name '")


@trio_test
async def test_a_hidden_process_is_known_by_its_socket_alone(kernel: Answers) -> None:
    """W1: hidepid. What the socket says stays true, and nothing else is said."""
    move(kernel.proc / str(PID), kernel.proc / "hidden")
    caller = await ask(kernel)
    assert {str(it) for it in caller.selectors} == {
        "unix:uid:1000",
        "unix:gid:100",
        "unix:supplementary_gid:10",
        "unix:supplementary_gid:20",
    }
    assert "hidepid" in caller.missing["unix:path"]
    assert caller.still_there()
    kernel.ended_after = 0
    assert not caller.still_there()


@trio_test
async def test_an_executable_that_we_may_not_see_is_no_selector(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W1: the agent is not root, and the process another user's."""

    def link(_directory: ProcessDirectory, name: str) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)

    monkeypatch.setattr(ProcessDirectory, "link", link)
    caller = await ask(kernel)
    assert values(caller, "unix:path") == values(caller, "unix:sha256") == []
    assert "Permission denied" in caller.missing["unix:sha256"]


@pytest.mark.parametrize(
    ("mounts", "why"),
    [
        ("- fuse.evil", "fuse.evil"),
        ("- nfs4", "nfs4"),
        ("", "not to be told"),
    ],
)
@trio_test
async def test_bytes_that_a_server_makes_up_are_not_believed(
    kernel: Answers, mounts: str, why: str
) -> None:
    """W1: a replaced executable, by a file system that shows what it likes."""
    lines = Path("/proc/self/mountinfo").read_text("ascii").splitlines()  # noqa: ASYNC240
    changed = [line.partition(" - ")[0] + f" {mounts} x rw" for line in lines]
    kernel.write("mountinfo", "\n".join(changed) if mounts else "")
    caller = await ask(kernel)
    assert values(caller, "unix:path") == values(caller, "unix:sha256") == []
    assert why in caller.missing["unix:sha256"]


@trio_test
async def test_an_overlay_of_the_callers_own_is_not_believed(kernel: Answers) -> None:
    """W1: any user may put one over a FUSE server of his, in namespaces of his own."""
    lines = Path("/proc/self/mountinfo").read_text("ascii").splitlines()  # noqa: ASYNC240
    changed = ["{0} {1} 4095:77 {3} - overlay x rw".format(*it.split()) for it in lines]
    kernel.write("mountinfo", "\n".join(changed))
    caller = await ask(kernel)
    assert values(caller, "unix:path") == values(caller, "unix:sha256") == []
    assert "overlay" in caller.missing["unix:sha256"]


@trio_test
async def test_an_overlay_that_is_mounted_where_we_are_is_believed(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may mount there is root: so the engines of containers do."""
    lines = Path("/proc/self/mountinfo").read_text("ascii").splitlines()  # noqa: ASYNC240
    changed = ["{0} {1} 4095:77 {3} - overlay x rw".format(*it.split()) for it in lines]
    kernel.write("mountinfo", "\n".join(changed))
    ours = kernel.proc / "ours"
    ours.write_text("9 1 4095:77 / /elsewhere rw - overlay x rw\n", "ascii")
    monkeypatch.setattr(executable, "_OUR_MOUNTS", "ours")
    caller = await ask(kernel)
    assert values(caller, "unix:sha256") == [sha256_of(PYTHON)]


@trio_test
async def test_a_user_without_a_number_here_is_refused(kernel: Answers) -> None:
    """W1: the overflow ID stands for every user of another user namespace."""
    (kernel.proc / "self").unlink()
    (kernel.proc / "sys").unlink()
    for name, text in {
        "self/uid_map": "0 1000 1\n",
        "self/gid_map": "0 1000 1\n",
        "sys/kernel/overflowuid": "65534\n",
        "sys/kernel/overflowgid": "65534\n",
    }.items():
        (kernel.proc / name).parent.mkdir(parents=True, exist_ok=True)
        (kernel.proc / name).write_text(text, "ascii")
    kernel.status(uids="0 0 0 0", gids="65534 65534 65534 65534", groups="0 65534")
    kernel.who = PeerCredentials(pid=PID, uid=0, gid=65534, groups=(0, 65534))
    caller = await ask(kernel)
    assert values(caller, "unix:uid") == values(caller, "unix:supplementary_gid")
    assert values(caller, "unix:gid") == []
    assert "no number" in caller.missing["unix:gid"]
    kernel.who = PeerCredentials(pid=PID, uid=65534, gid=0, groups=())
    with pytest.raises(AttestationRefused, match="overflow user"):
        await ask(kernel)
    (kernel.proc / "self/uid_map").write_text("0 0 4294967295\n", "ascii")
    kernel.status(uids="65534 65534 65534 65534", gids="0 0 0 0", groups="")
    caller = await ask(kernel)  # nobody, and nobody else
    assert values(caller, "unix:uid") == ["65534"]


@pytest.mark.parametrize("name", ["stat", "status"])
@pytest.mark.parametrize("text", ["", "x" * 70_000, "1 (a) S 1", "Uid:\t0\nGid:\t0"])
@trio_test
async def test_a_proc_that_says_something_else_is_refused(
    kernel: Answers, name: str, text: str
) -> None:
    kernel.write(name, text)
    with pytest.raises(AttestationRefused):
        await ask(kernel)


# ---- what is found when somebody asks for it ----


@trio_test
async def test_a_hash_is_found_when_it_is_asked_for_and_once(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: a connection alone makes nobody read an executable."""
    real, read = HashCache.sha256, 0

    def count(cache: HashCache, fd: int, **more: int | None) -> str:
        nonlocal read
        read += 1
        assert more == {"payer": USER}
        return real(cache, fd, **more)

    monkeypatch.setattr(HashCache, "sha256", count)
    caller = await ask(kernel, Attestor(system=kernel, hash_executables="when asked"))
    assert (values(caller, "unix:sha256"), read) == ([], 0)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(caller.learn)
    assert (values(caller, "unix:sha256"), read) == ([sha256_of(PYTHON)], 1)
    assert caller.still_there()


@pytest.mark.parametrize("before", [True, False], ids=["before", "while"])
@trio_test
async def test_what_executes_another_program_before_it_is_asked_has_no_hash(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """W1: neither the hash of the next program, nor a mixture."""
    real = HashCache.sha256

    def then_execute(cache: HashCache, fd: int, **more: int | None) -> str:
        kernel.stat(layout=8)
        return real(cache, fd, **more)

    caller = await ask(kernel, Attestor(system=kernel, hash_executables="when asked"))
    if before:
        kernel.stat(layout=8)
    monkeypatch.setattr(HashCache, "sha256", then_execute)
    with pytest.raises(AttestationRefused, match="not what it was"):
        await caller.learn()
    assert values(caller, "unix:sha256") == []


@trio_test
async def test_why_there_is_no_hash_is_said(kernel: Answers) -> None:
    judge = Attestor(
        system=kernel, hash_executables="when asked", largest_executable=10
    )
    caller = await ask(kernel, judge)
    await caller.learn()
    assert "more than 10 bytes" in caller.missing["unix:sha256"]
    await (await ask(kernel)).learn()  # which has found all there is already
