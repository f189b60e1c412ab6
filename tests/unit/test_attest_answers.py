# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - a kernel whose answers are given does not look at the questions
"""Attestation with the kernel's answers given: each rule on any machine (W1).

What is given: who the socket says it is, whether and when the process ends, and a
folder in place of /proc. Everything that judges the answers is the real thing.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support.attesting import PYTHON, listening, move, sha256_of, values
from tests.support.net_world import trio_test

from handfast.authority.attest import AttestationRefused, Attestor, Caller, attestor
from handfast.authority.attest.credentials import (
    PeerCredentials,
    Socket,
    parse_xucred,
    peer_pidfd,
)
from handfast.authority.attest.hashing import HashCache
from handfast.authority.attest.limits import Shares
from handfast.authority.attest.proc import ProcessDirectory
from handfast.authority.attest.system import Linux

PID = 4711
USER = 1000
_STAT = "{pid} ({name}) {state} {parent} " + "0 " * 17 + "{start} " + "{layout} " * 30
_STATUS = "Name:\t{name}\nUid:\t{uids}\nGid:\t{gids}\nGroups:\t{groups}\n"


class Answers(Linux):
    """A kernel of our own, as far as attestation asks it."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.who = PeerCredentials(pid=PID, uid=USER, gid=100, groups=(10, 20))
        self.pid = PID
        self.ended_after = 1000
        self.knows_pidfds = True
        for pid in (PID, 1):
            (self.proc / str(pid)).mkdir(parents=True)
            self.stat(pid)
            self.status(pid)
            self.write("cgroup", "0::/system.slice/web.service\n", pid)
            self.write(
                "mountinfo", Path("/proc/self/mountinfo").read_text("ascii"), pid
            )
            (self.proc / str(pid) / "exe").symlink_to(PYTHON)
        (self.proc / "self").symlink_to("/proc/self")
        (self.proc / "sys").symlink_to("/proc/sys")

    def write(self, name: str, text: str, pid: int = PID) -> None:
        (self.proc / str(pid) / name).write_text(text, "ascii")

    def stat(self, pid: int = PID, **given: object) -> None:
        facts = {"pid": pid, "name": "a) Z 1 (", "state": "S", "parent": 1}
        facts |= {"start": 5000, "layout": 7}
        self.write("stat", _STAT.format(**(facts | given)), pid)

    def status(self, pid: int = PID, **given: str) -> None:
        facts = {"name": "a\\nUid:\t0", "uids": "1000\t1000\t1000\t1000"}
        facts |= {"gids": "100\t100\t100\t100", "groups": "10 20 "}
        self.write("status", _STATUS.format(**(facts | given)), pid)

    def credentials(self, sock: Socket) -> PeerCredentials:
        return self.who

    def peer_pidfd(self, sock: Socket) -> int | None:
        return os.dup(0) if self.knows_pidfds else None

    def pidfd_open(self, pid: int) -> int:
        assert pid == PID
        return os.dup(0)

    def has_ended(self, pidfd: int) -> bool:
        self.ended_after -= 1
        return self.ended_after < 0

    def pid_of(self, proc: int, pidfd: int) -> int:
        return self.pid

    def open_proc(self) -> int:
        return os.open(self.proc, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def boot_time(self) -> float:
        return 60.0


@pytest.fixture
def kernel(tmp_path: Path) -> Answers:
    return Answers(tmp_path)


@pytest.fixture
def clock() -> trio.testing.MockClock:
    return trio.testing.MockClock(autojump_threshold=0)


async def ask(kernel: Answers) -> Caller:
    """Attest one end of a pair of sockets."""
    ours, theirs = socket.socketpair()
    with theirs:
        async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
            return await Attestor(system=kernel).attest(stream)


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
        if not _path(fd).endswith(f"/{PID}/{name}"):
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
async def test_another_program_while_we_look_is_refused(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W1: execve between two reads; the layout of the program is another then."""
    real = HashCache.sha256

    def then_execute(cache: HashCache, fd: int) -> str:
        kernel.stat(layout=8)
        return real(cache, fd)

    monkeypatch.setattr(HashCache, "sha256", then_execute)
    with pytest.raises(AttestationRefused, match="changed while"):
        await ask(kernel)


def _path(fd: int) -> str:
    return str(Path(f"/proc/self/fd/{fd}").readlink())


def _uids(kernel: Answers) -> None:
    kernel.status(uids="1000\t0\t0\t0")


def _real_uid(kernel: Answers) -> None:
    kernel.status(uids="0\t1000\t1000\t1000")


def _gids(kernel: Answers) -> None:
    kernel.status(gids="100\t0\t0\t0")


def _program(kernel: Answers) -> None:
    kernel.stat(layout=8)


def _start(kernel: Answers) -> None:
    kernel.stat(start=5001)


def _zombie(kernel: Answers) -> None:
    kernel.stat(state="Z")


def _cgroup(kernel: Answers) -> None:
    kernel.write("cgroup", "0::/system.slice/other.service\n")


def _groups(kernel: Answers) -> None:
    kernel.status(groups="10 ")


def _gone(kernel: Answers) -> None:
    (kernel.proc / str(PID) / "stat").unlink()


@pytest.mark.parametrize("change", [_uids, _real_uid, _gids])
@trio_test
async def test_a_user_who_is_not_the_one_that_connected_is_refused(
    kernel: Answers, change: Callable[[Answers], None]
) -> None:
    """W1: a set-user-ID program executed after connecting, or rights that are lent."""
    change(kernel)
    with pytest.raises(AttestationRefused, match="real and effective"):
        await ask(kernel)


@pytest.mark.parametrize(
    "change",
    [_uids, _real_uid, _gids, _groups, _program, _start, _zombie, _cgroup, _gone],
)
@trio_test
async def test_what_was_attested_does_not_outlive_a_change(
    kernel: Answers, change: Callable[[Answers], None]
) -> None:
    """W1: between attestation and the answer."""
    caller = await ask(kernel)
    assert caller.still_there()
    change(kernel)
    assert not caller.still_there()


@trio_test
async def test_another_parent_or_state_is_no_change(kernel: Answers) -> None:
    caller = await ask(kernel)
    kernel.stat(state="R", parent=2)
    assert caller.still_there()


@trio_test
async def test_groups_that_changed_since_are_no_selectors(kernel: Answers) -> None:
    _groups(kernel)
    caller = await ask(kernel)
    assert values(caller, "unix:supplementary_gid") == []
    assert "changed" in caller.missing["unix:supplementary_gid"]
    kernel.who = PeerCredentials(pid=PID, uid=USER, gid=100, groups=None)
    caller = await ask(kernel)
    assert "does not say" in caller.missing["unix:supplementary_gid"]


@trio_test
async def test_a_parent_that_changes_is_no_selector(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ProcessDirectory.open_path

    def then_orphan(directory: ProcessDirectory, name: str) -> object:
        kernel.stat(parent=12)
        return real(directory, name)

    monkeypatch.setattr(ProcessDirectory, "open_path", then_orphan)
    kernel.stat(parent=1)
    (kernel.proc / "12").symlink_to("1")
    caller = await ask(kernel)
    assert values(caller, "unix:parent_path") == []
    assert caller.missing["unix:parent_path"]


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


@trio_test
async def test_on_an_old_kernel_the_process_must_be_older_than_the_socket(
    kernel: Answers, tmp_path: Path
) -> None:
    """W1: pid reuse without SO_PEERPIDFD fails closed."""
    kernel.knows_pidfds = False
    judge = Attestor(system=kernel)
    hertz = os.sysconf("SC_CLK_TCK")
    async with listening(tmp_path) as plain, trio.open_nursery() as nursery:
        listener = judge.watch(plain)
        path = str(tmp_path / "socket")
        # One waits already: it may have connected at any time before.
        early = await trio.open_unix_socket(path)
        async with early, await listener.accept() as stream:
            with pytest.raises(AttestationRefused, match="may have got the pid"):
                await judge.attest(stream)
        accepted: list[trio.SocketStream] = []

        async def accept() -> None:
            accepted.append(await listener.accept())

        nursery.start_soon(accept)
        await trio.testing.wait_all_tasks_blocked()
        async with await trio.open_unix_socket(path):
            while not accepted:
                await trio.testing.wait_all_tasks_blocked()
            async with accepted[0] as stream:
                kernel.stat(start=60 * hertz - 1)
                assert (await judge.attest(stream)).pid == PID
                kernel.stat(start=60 * hertz)
                with pytest.raises(AttestationRefused, match="may have got the pid"):
                    await judge.attest(stream)
        # A listener that is not watched says nothing of when.
        kernel.stat(start=0)
        with pytest.raises(AttestationRefused, match="may have got the pid"):
            await ask(kernel)


@trio_test
async def test_an_executable_that_cannot_be_read_in_time_is_refused(
    kernel: Answers,
    monkeypatch: pytest.MonkeyPatch,
    clock: trio.testing.MockClock,
) -> None:
    """W1: a file system that never answers keeps nobody else waiting."""
    go_on = threading.Event()

    def wait(_cache: HashCache, _fd: int) -> str:
        go_on.wait()
        raise OSError(errno.EIO, "at last")

    monkeypatch.setattr(HashCache, "sha256", wait)
    try:
        with pytest.raises(AttestationRefused, match="within 10 s"):
            await ask(kernel)
    finally:
        go_on.set()


@trio_test
async def test_a_user_has_a_share_of_the_threads_and_no_more() -> None:
    shares = Shares(in_all=3, of_user=2)
    mine, yours = shares.of(1), shares.of(2)
    assert len(shares) == 2
    for borrower in "ab":
        await mine.acquire_on_behalf_of(borrower)
    with trio.move_on_after(0) as scope:
        await shares.of(1).acquire_on_behalf_of("c")
    assert scope.cancelled_caught
    await yours.acquire_on_behalf_of("d")
    with trio.move_on_after(0) as scope:
        await yours.acquire_on_behalf_of("e")
    assert scope.cancelled_caught
    mine.release_on_behalf_of("a")
    await yours.acquire_on_behalf_of("e")
    del mine, yours
    assert len(shares) == 0


def test_other_systems_say_the_user_and_the_groups() -> None:
    """WAPI-15: struct xucred of macOS and FreeBSD."""
    words = [0, 501, 3, 20, 12, 61, *[0] * 13]
    answer = b"".join(it.to_bytes(4, "little") for it in words)
    who = parse_xucred(answer)
    assert (who.pid, who.uid, who.gid, who.groups) == (0, 501, 20, (12, 61))
    for wrong in (answer[:40], b"\1" + answer[1:], answer[:8] + b"\0" + answer[9:]):
        with pytest.raises(AttestationRefused):
            parse_xucred(wrong)


@trio_test
async def test_a_system_without_proc_gives_the_user_alone(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attestor, "_IS_LINUX", False)
    caller = await ask(kernel)
    assert {str(it) for it in caller.selectors} == {
        "unix:uid:1000",
        "unix:gid:100",
        "unix:supplementary_gid:10",
        "unix:supplementary_gid:20",
    }
    assert caller.missing["unix:path"].startswith("not known on")
    assert caller.still_there()


def test_a_kernel_that_has_no_pidfds_of_peers_says_so() -> None:
    class Old:
        family = socket.AF_UNIX

        def getsockopt(self, _level: int, _name: int, _length: int) -> bytes:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))

    assert peer_pidfd(Old()) is None


def test_a_process_that_is_reaped_has_no_pidfd() -> None:
    class Reaped:
        family = socket.AF_UNIX

        def getsockopt(self, _level: int, _name: int, _length: int) -> bytes:
            raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))

    with pytest.raises(AttestationRefused, match="has ended"):
        peer_pidfd(Reaped())
