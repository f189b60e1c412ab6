# SPDX-License-Identifier: Apache-2.0
"""The system runs out of something: the server waits, and recovers (D10)."""

from __future__ import annotations

import errno
import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
import trio.testing
from tests.support.net_world import InMemory, ask, client_config, serving, trio_test

from handfast.net import MtlsStream


@pytest.mark.parametrize(
    "number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]
)
@trio_test
async def test_a_shortage_is_waited_for_and_told_once(
    number: int, clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """D10: accept backs off while it lasts, and serves when it is over."""
    world = InMemory()
    world.transport.errors = [OSError(number, os.strerror(number)) for _ in range(30)]
    start = trio.current_time()
    async with world.serving():
        assert await world.ask() == b"ping"
    assert 2.9 < trio.current_time() - start < 3.1
    told = [it for it in caplog.records if it.levelno == logging.ERROR]
    assert len(told) == 1
    assert os.strerror(number) in told[0].getMessage()


@trio_test
async def test_another_error_of_accept_ends_the_server() -> None:
    world = InMemory()
    world.transport.errors = [OSError(errno.EINVAL, "not listening")]

    async def serve() -> None:
        async with world.serving():
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as ended:
        await serve()
    assert ended.group_contains(OSError, match="not listening")


@contextmanager
def only_this_many_more_files(count: int) -> Iterator[None]:
    """Let this process open no more than `count` files, until the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probes = [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
    limit = max(probes) + 1
    for probe in probes:
        os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@trio_test
async def test_silent_clients_give_their_descriptors_to_a_good_one() -> None:
    """D10: whoever holds connections open cannot use the last descriptor up."""
    async with serving() as server:
        sockets = [trio.socket.socket() for _ in range(21)]
        address = ("127.0.0.1", server.port)
        with only_this_many_more_files(5):
            for silent in sockets[:20]:
                await silent.connect(address)
            await server.until(lambda it: it.statistics.accepted >= 20)
            assert server.statistics.gave_way >= 10
            await sockets[20].connect(address)
            stream = MtlsStream(trio.SocketStream(sockets[20]), client_config())
            assert await ask(stream) == b"ping"
        for silent in sockets:
            silent.close()
    assert server.statistics.handshakes_ok == 1
