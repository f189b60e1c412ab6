# SPDX-License-Identifier: Apache-2.0
"""Attestation across namespaces, on this machine's kernel, where it allows them.

Each rule here is proved by test_attest_answers.py, too, where the kernel's answers are
given.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio
from tests.support.attesting import (
    a_caller,
    an_agent,
    copy_of_python,
    listening,
    sha256_of,
    unshare,
    values,
)
from tests.support.net_world import trio_test

from handfast.authority.attest import attest

_AS_ROOT = ("--user", "--map-root-user")


@trio_test
async def test_a_pid_that_was_used_again_gets_nothing(tmp_path: Path) -> None:
    """W1: the first child connects and ends; the second gets the same pid."""
    own = unshare(*_AS_ROOT, "--pid", "--fork", "--kill-child", "--mount-proc")
    path = str(tmp_path / "socket")
    async with an_agent(*own, path) as agent:
        first, second = await agent.do("a pid used twice")
        assert first == second
        said = await agent.do("attest")
    assert "has ended" in said["refused"]


@trio_test
async def test_a_pid_that_was_used_again_gets_nothing_from_an_older_kernel(
    tmp_path: Path,
) -> None:
    """W1: without SO_PEERPIDFD, who has the pid now must be older than the socket."""
    own = unshare(*_AS_ROOT, "--pid", "--fork", "--kill-child", "--mount-proc")
    path = str(tmp_path / "socket")
    async with an_agent(*own, path, "--no-peer-pidfd") as agent:
        first, second = await agent.do("a pid used twice")
        assert first == second
        said = await agent.do("attest")
    assert "began before it could connect" in said["refused"]


@trio_test
async def test_a_proc_that_is_a_folder_of_files_is_refused(tmp_path: Path) -> None:
    """W1: a forged /proc."""
    own = unshare(*_AS_ROOT, "--mount")
    path = str(tmp_path / "socket")
    async with an_agent(*own, path) as agent, a_caller() as caller:
        await caller.do("connect", path)
        assert await agent.do("run", "mount", "-t", "tmpfs", "none", "/proc") == 0
        said = await agent.do("attest")
    assert "expected procfs" in said["refused"]


@pytest.mark.parametrize("name", ["status", "stat"])
@trio_test
async def test_a_file_mounted_over_one_of_proc_is_refused(
    tmp_path: Path, name: str
) -> None:
    """W1: a forged /proc, by a single file of it."""
    own = unshare(*_AS_ROOT, "--mount")
    path = str(tmp_path / "socket")
    async with an_agent(*own, path) as agent, a_caller() as caller:
        await caller.do("connect", path)
        real = trio.Path(f"/proc/{caller.said}/{name}")
        forged = trio.Path(tmp_path / "forged")
        said = await real.read_bytes()
        await forged.write_bytes(said.replace(b"Uid:\t", b"Uid:\t4"))
        assert await agent.do("run", "mount", "--bind", str(forged), str(real)) == 0
        said = await agent.do("attest")
    assert "mounted over a part of /proc" in said["refused"]


@trio_test
async def test_another_process_mounted_in_ones_place_is_refused(
    tmp_path: Path,
) -> None:
    """W1: a forged /proc, out of genuine parts."""
    own = unshare(*_AS_ROOT, "--mount")
    path = str(tmp_path / "socket")
    async with (
        an_agent(*own, path) as agent,
        a_caller() as caller,
        a_caller() as envied,
    ):
        await caller.do("connect", path)
        places = (f"/proc/{it.said}" for it in (envied, caller))
        assert await agent.do("run", "mount", "--bind", *places) == 0
        said = await agent.do("attest")
    assert f"seen process {envied.said}" in said["refused"]


@trio_test
async def test_a_path_in_another_mount_namespace_is_no_path_here(
    tmp_path: Path,
) -> None:
    """W1: there anybody can put any file under any name."""
    own = unshare(*_AS_ROOT, "--mount")
    good = copy_of_python(tmp_path / "good", b"good")
    bad = copy_of_python(tmp_path / "bad", b"bad")
    script = f'mount --bind {bad} {good} && exec {good} -S "$@"'
    async with (
        listening(tmp_path) as listener,
        a_caller(*own, "sh", "-c", script, program="sh") as caller,
    ):
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            link = await trio.Path(f"/proc/{caller.said}/exe").readlink()
            found = await attest(stream)
    assert str(link) == good  # the kernel says so, as it is there
    assert values(found, "unix:path") == []
    assert "another file" in found.missing["unix:path"]
    assert values(found, "unix:sha256") == [sha256_of(bad)]


@trio_test
async def test_root_of_its_own_user_namespace_is_who_made_it(tmp_path: Path) -> None:
    """W1: user 0 there has our user's number here."""
    own = unshare(*_AS_ROOT, "--mount", "--pid", "--fork", "--kill-child")
    async with listening(tmp_path) as listener, a_caller(*own) as caller:
        assert caller.said == 1
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            found = await attest(stream)
    assert values(found, "unix:uid") == [str(os.getuid())]
    assert found.pid > 1


@trio_test
async def test_a_process_that_the_agent_cannot_see_is_refused(tmp_path: Path) -> None:
    """W1: out of the agent's pid namespace it has no pid there."""
    own = unshare(*_AS_ROOT, "--pid", "--fork", "--kill-child", "--mount-proc")
    path = str(tmp_path / "socket")
    async with an_agent(*own, path) as agent, a_caller() as caller:
        await caller.do("connect", path)
        said = await agent.do("attest")
    assert "pid namespace" in said["refused"]


@trio_test
async def test_a_proc_of_another_pid_namespace_is_refused(tmp_path: Path) -> None:
    """W1: its pids are other processes'."""
    own = unshare(*_AS_ROOT, "--pid", "--fork", "--kill-child")
    path = str(tmp_path / "socket")
    async with an_agent(*own, path) as agent:
        await agent.do("connect in a child")
        said = await agent.do("attest")
    assert "of another pid namespace" in said["refused"]
