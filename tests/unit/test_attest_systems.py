# SPDX-License-Identifier: Apache-2.0
"""Attestation by older kernels, other systems, and file systems that hang (W1)."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest
import trio
import trio.testing
from tests.support.attesting import listening
from tests.support.kernel_answers import PID, Answers, ask
from tests.support.net_world import PATIENCE, trio_test

from handfast.authority.attest import AttestationRefused, Attestor, Caller, attestor
from handfast.authority.attest.credentials import (
    parse_xucred,
    peer_pidfd,
)
from handfast.authority.attest.hashing import HashCache
from handfast.authority.attest.limits import Shares


@pytest.fixture
def kernel(tmp_path: Path) -> Answers:
    return Answers(tmp_path)


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

    def wait(_cache: HashCache, _fd: int, **_more: object) -> str:
        go_on.wait()
        raise OSError(errno.EIO, "at last")

    monkeypatch.setattr(HashCache, "sha256", wait)
    try:
        with pytest.raises(AttestationRefused, match="within 10 s"):
            await ask(kernel)
    finally:
        go_on.set()


@trio_test
async def test_a_user_has_a_share_of_the_places_to_wait_and_no_more(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: who waits to be looked at has a connection that another may need."""
    monkeypatch.setattr(attestor, "_WAITING_OF_USER", 3)
    go_on = threading.Event()

    def wait(_cache: HashCache, _fd: int, **_more: object) -> str:
        go_on.wait()
        raise OSError(errno.EIO, "at last")

    monkeypatch.setattr(HashCache, "sha256", wait)
    judge = Attestor(system=kernel, timeout=60)
    looked_at: list[Caller] = []

    async def connect() -> None:
        looked_at.append(await ask(kernel, judge))

    async with trio.open_nursery() as nursery:
        for _ in range(2 + 3):  # with a thread each, and without
            nursery.start_soon(connect)
        await trio.testing.wait_all_tasks_blocked(0.05)
        with trio.move_on_after(PATIENCE / 2) as patience:
            with pytest.raises(AttestationRefused, match="waiting already"):
                await ask(kernel, judge)
        go_on.set()
    assert not patience.cancelled_caught
    assert len(looked_at) == 2 + 3


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


@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        (errno.ESRCH, AttestationRefused),
        (errno.ENODATA, AttestationRefused),
        (errno.EMFILE, OSError),
        (errno.ENFILE, OSError),
    ],
)
def test_no_pidfd_is_no_caller(number: int, refusal: type[Exception]) -> None:
    """W1: the process is gone, or we have no descriptor left; never a guess."""

    class Without:
        family = socket.AF_UNIX

        def getsockopt(self, _level: int, _name: int, _length: int) -> bytes:
            raise OSError(number, os.strerror(number))

    with pytest.raises(refusal):
        peer_pidfd(Without())
