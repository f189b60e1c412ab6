# SPDX-License-Identifier: Apache-2.0
"""Attestation of real processes on this machine (W1, WAPI-15, WAPI-16)."""

from __future__ import annotations

import gc
import os
import signal
import socket
from pathlib import Path

import pytest
import trio
from tests.support.attesting import (
    CALLER,
    PYTHON,
    a_caller,
    copy_of_python,
    listening,
    move,
    open_descriptors,
    sha256_of,
    values,
)
from tests.support.net_world import trio_test

from handfast.authority.attest import AttestationRefused, attest
from handfast.authority.attest.descriptors import Descriptor
from handfast.authority.attest.known import need_attestable

OURS = os.path.realpath("/proc/self/exe")


@trio_test
async def test_the_kernel_says_who_calls_and_the_caller_does_nothing(
    tmp_path: Path,
) -> None:
    """WAPI-15, WAPI-16: a byte of the caller's is neither needed nor read."""
    async with listening(tmp_path) as listener, a_caller() as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            found = await attest(stream)
    assert found.pid == caller.said
    assert (found.uid, found.gid) == (os.getuid(), os.getgid())
    assert values(found, "unix:uid") == [str(os.getuid())]
    assert values(found, "unix:gid") == [str(os.getgid())]
    assert values(found, "unix:path") == [PYTHON]
    digest = sha256_of(PYTHON)
    assert values(found, "unix:sha256") == [digest]
    assert values(found, "unix:parent_path") == [OURS]
    groups = sorted({str(it) for it in os.getgroups()})
    assert values(found, "unix:supplementary_gid") == groups
    assert not found.missing
    assert {need_attestable(it) for it in found.selectors} == found.selectors
    assert found.describe().startswith(f"pid {caller.said}, uid {os.getuid()}")


@trio_test
async def test_who_has_ended_gets_nothing(tmp_path: Path) -> None:
    """W1: what connected is gone, whoever has its socket now."""
    async with listening(tmp_path) as listener, a_caller() as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            await caller.end()
            with pytest.raises(AttestationRefused, match="has ended"):
                await attest(stream)


@trio_test
async def test_a_child_that_keeps_the_socket_is_not_the_one_that_connected(
    tmp_path: Path,
) -> None:
    """W1: SO_PEERCRED is frozen at connect(), and so is the pidfd."""
    async with listening(tmp_path) as listener, a_caller() as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            found = await attest(stream)
            assert found.still_there()
            child = await caller.do("leave to a child")
            try:
                assert child != caller.said
                await caller.process.wait()
                assert not found.still_there()
                with pytest.raises(AttestationRefused, match="has ended"):
                    await attest(stream)
            finally:
                os.kill(child, signal.SIGKILL)


@trio_test
async def test_a_socket_that_was_passed_on_is_still_its_connectors(
    tmp_path: Path,
) -> None:
    """W1: who gets a descriptor gets no identity of his own by it."""
    async with listening(tmp_path) as listener, a_caller() as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            await caller.do("pass to", str(tmp_path / "socket"))
            async with await listener.accept() as passing:
                with socket.socket(fileno=os.dup(passing.socket.fileno())) as way:
                    _, fds, _, _ = socket.recv_fds(way, 1, 1)
            with socket.socket(fileno=fds[0]) as passed:
                passed.send(b"from us")
                assert await stream.receive_some() == b"from us"
                found = await attest(stream)
                assert found.pid == caller.said != os.getpid()
                await caller.end()
                assert not found.still_there()


@trio_test
async def test_another_program_after_connecting_is_another_caller(
    tmp_path: Path,
) -> None:
    """W1: what was attested does not hold for what the process executes next."""
    other = copy_of_python(tmp_path / "other", b"other")
    async with listening(tmp_path) as listener, a_caller() as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            before = await attest(stream)
            await caller.do("exec", other, "-S", CALLER)
            assert not before.still_there()
            after = await attest(stream)
            assert after.pid == before.pid
            assert values(after, "unix:path") == [other]
            assert values(after, "unix:sha256") != values(before, "unix:sha256")


@trio_test
async def test_the_same_program_executed_again_is_another_caller(
    tmp_path: Path,
) -> None:
    """W1: the same file, but what it does may be said by other arguments."""
    async with listening(tmp_path) as listener, a_caller() as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            before = await attest(stream)
            assert before.still_there()
            await caller.do("exec", PYTHON, "-S", CALLER)
            assert not before.still_there()


@trio_test
async def test_a_replaced_executable_is_told_by_what_runs(tmp_path: Path) -> None:
    """W1: a good file put where the bad one was started from helps nobody."""
    bad = copy_of_python(tmp_path / "web", b"bad")
    digest = sha256_of(bad)
    async with listening(tmp_path) as listener, a_caller(program=bad) as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            found = await attest(stream)
            assert values(found, "unix:path") == [bad]
            move(copy_of_python(tmp_path / "good"), bad)
            assert not found.still_there()
            found = await attest(stream)
            assert values(found, "unix:path") == []
            assert found.missing["unix:path"]
            assert values(found, "unix:sha256") == [digest]


@trio_test
async def test_an_executable_that_looks_replaced_by_its_name_is_told_by_its_inode(
    tmp_path: Path,
) -> None:
    """W1: the kernel's ' (deleted)' may be part of a name, too."""
    program = copy_of_python(tmp_path / "web (deleted)", b"x")
    async with listening(tmp_path) as listener, a_caller(program=program) as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            assert values(await attest(stream), "unix:path") == [program]
            move(program, tmp_path / "elsewhere")
            (tmp_path / "web (deleted)").write_bytes(b"another file")
            moved = await attest(stream)
    assert values(moved, "unix:path") == [str(tmp_path / "elsewhere")]


@trio_test
async def test_a_socket_without_a_process_is_refused() -> None:
    """WAPI-15: over TCP nobody says which process calls."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with (
        listeners[0],
        await trio.open_tcp_stream("127.0.0.1", port),
        await listeners[0].accept() as stream,
    ):
        with pytest.raises(AttestationRefused, match="Unix socket"):
            await attest(stream)


@trio_test
async def test_a_caller_holds_two_descriptors_until_it_is_closed(
    tmp_path: Path,
) -> None:
    async with listening(tmp_path) as listener, a_caller() as caller:
        await caller.do("connect", str(tmp_path / "socket"))
        async with await listener.accept() as stream:
            (await attest(stream)).close()
            gc.collect()  # what refused callers of other tests have left
            before = open_descriptors()
            found = await attest(stream)
            assert len(open_descriptors()) == len(before) + 2
            found.close()
            found.close()
            assert not found.still_there()
            assert open_descriptors() == before


def test_a_descriptor_that_is_forgotten_is_closed() -> None:
    number = os.dup(0)
    held = Descriptor(number)
    assert repr(held) == f"<Descriptor {number}>"
    del held
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(number)
