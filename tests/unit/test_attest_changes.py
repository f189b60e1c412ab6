# SPDX-License-Identifier: Apache-2.0
"""Attestation with the kernel's answers given, while they change (W1).

What is given: who the socket says it is, whether and when the process ends, and a
folder in place of /proc. Everything that judges the answers is the real thing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.attesting import PYTHON, sha256_of, values
from tests.support.kernel_answers import PID, USER, Answers, ask
from tests.support.net_world import trio_test

from handfast.authority.attest import AttestationRefused
from handfast.authority.attest.credentials import (
    PeerCredentials,
)
from handfast.authority.attest.hashing import HashCache
from handfast.authority.attest.proc import ProcessDirectory

SHELL = os.path.realpath("/bin/sh")


@pytest.fixture
def kernel(tmp_path: Path) -> Answers:
    return Answers(tmp_path)


@trio_test
async def test_another_program_while_we_look_is_refused(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W1: execve between two reads; the layout of the program is another then."""
    real = HashCache.sha256

    def then_execute(cache: HashCache, fd: int, **more: int | None) -> str:
        kernel.stat(layout=8)
        return real(cache, fd, **more)

    monkeypatch.setattr(HashCache, "sha256", then_execute)
    with pytest.raises(AttestationRefused, match="changed while"):
        await ask(kernel)


@trio_test
async def test_no_moment_of_executing_another_program_gives_a_mixture(
    kernel: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W1: swept over every look at the process, before, between and after."""
    good, bad = PYTHON, SHELL
    whole = {(it, sha256_of(it)) for it in (good, bad)}
    left = 10_000

    def then_execute(name: str) -> None:
        real = getattr(ProcessDirectory, name)

        def look(directory: ProcessDirectory, *arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                kernel.execute(bad, layout=8)
            return real(directory, *arguments)

        monkeypatch.setattr(ProcessDirectory, name, look)

    for name in ("read", "link", "open_path", "open_file"):
        then_execute(name)
    await ask(kernel)
    looks = 10_000 - left
    assert looks >= 12
    refused = 0
    for moment in range(1, looks + 2):
        kernel.execute(good, layout=7)
        left = moment
        try:
            caller = await ask(kernel)
        except AttestationRefused:
            refused += 1
            continue
        left = 10_000
        (path,), (digest,) = (values(caller, f"unix:{it}") for it in ("path", "sha256"))
        assert (path, digest) in whole
        now = await ask(kernel)
        assert caller.still_there() is (values(now, "unix:path") == [path])
    assert refused >= 6


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
