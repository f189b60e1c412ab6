# SPDX-License-Identifier: Apache-2.0
"""Listening sockets of every origin: Unix, inherited, and ports that are shared."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.net_world import (
    PATIENCE,
    Served,
    ask,
    client_config,
    echo,
    server_config,
    trio_test,
)

from handfast import ConfigError
from handfast.net import (
    MtlsListener,
    MtlsStream,
    inherited_mtls_listeners,
    listening_sockets,
    open_mtls_listeners,
    serve_mtls_listeners,
)

EITHER = pytest.mark.parametrize("workers", [0, 2])


async def _use(
    listener: MtlsListener, workers: int, connect: Callable[[], Awaitable[MtlsStream]]
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, echo, [listener], workers=workers)
        )
        for _ in range(3):
            assert await ask(await connect()) == b"ping"
        await listener.drain(PATIENCE)
    assert listener.statistics().handshakes_ok == 3


@EITHER
@trio_test
async def test_unix_sockets_are_served(workers: int, tmp_path: Path) -> None:
    path = str(tmp_path / "handfast.sock")
    plain = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    await plain.bind(path)
    plain.listen(10)
    listener = MtlsListener(trio.SocketListener(plain), server_config())

    async def connect() -> MtlsStream:
        stream = MtlsStream(await trio.open_unix_socket(path), client_config())
        await stream.do_handshake()
        return stream

    await _use(listener, workers, connect)


@EITHER
@trio_test
async def test_a_port_is_shared_with_another_listener(workers: int) -> None:
    """Each has its connections; the one that is left gets all of them."""
    config = server_config()
    [one] = await open_mtls_listeners(0, config, host="127.0.0.1", reuse_port=True)
    [two] = await open_mtls_listeners(
        one.port, config, host="127.0.0.1", reuse_port=True, backlog=5
    )
    assert one.port == two.port
    await two.aclose()
    await _use(one, workers, Served(one).connect)


@trio_test
async def test_a_port_of_somebody_else_is_not_shared() -> None:
    [one] = await open_mtls_listeners(0, server_config(), host="127.0.0.1")
    async with one:
        with pytest.raises(OSError, match="in use"):
            await open_mtls_listeners(
                one.port, server_config(), host="127.0.0.1", reuse_port=True
            )


_ACTIVATED = """
import os, socket, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
import trio
from functools import partial
from tests.support.net_world import PATIENCE, Served, ask, client_config, echo
from tests.support.net_world import server_config
from handfast import ConfigError
from handfast.net import inherited_mtls_listeners, serve_mtls_listeners

async def main():
    [listener] = inherited_mtls_listeners(server_config(), name="mtls")
    try:
        inherited_mtls_listeners(server_config())
    except ConfigError as error:
        assert "LISTEN_FDS" in str(error)
    else:
        raise AssertionError("a socket was taken twice")
    serve = partial(serve_mtls_listeners, workers=int(sys.argv[2]))
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, echo, [listener])
        assert await ask(await Served(listener).connect()) == b"ping"
        await listener.drain(PATIENCE)

trio.run(main)
"""


@EITHER
def test_sockets_of_a_supervisor_are_served_and_stay_its_own(workers: int) -> None:
    """Drained, they go on listening: the next process takes what came meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd = listening.fileno()
        for _ in range(2):
            subprocess.run(
                [
                    sys.executable,
                    "-c",
                    _ACTIVATED,
                    f"{fd}",
                    f"{workers}",
                ],
                pass_fds=[fd],
                env=os.environ | {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "mtls"},
                check=True,
                timeout=300,
            )
            # The program made it one that does not block, and that for all who have
            # it; a connection may be in its queue only after the client heard so.
            listening.setblocking(True)
            with socket.create_connection(listening.getsockname()):
                accepted, _ = listening.accept()
                accepted.close()


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Say that descriptors were passed: the first, and how many."""

    def say(first: int, count: int) -> None:
        monkeypatch.setattr(listening_sockets, "_FIRST", first)
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", str(count))
        monkeypatch.setenv("LISTEN_FDNAMES", "one")

    return say


def test_what_is_no_listening_stream_socket_is_refused_and_not_taken(
    passed: Callable[[int, int], None],
) -> None:
    with socket.socket() as plain, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        for fd in (plain.fileno(), datagrams.fileno(), 0, 1 << 20):
            passed(fd, 1)
            with pytest.raises(ConfigError, match="listening stream socket"):
                inherited_mtls_listeners(server_config(), name="one")
            if fd == plain.fileno():
                plain.listen()
                with pytest.raises(ConfigError, match="another"):
                    inherited_mtls_listeners(server_config(), name="another")
                plain.close()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LISTEN_PID", "1"),
        ("LISTEN_FDS", "-1"),
        ("LISTEN_FDS", "two"),
        ("LISTEN_FDS", "9" * 30),
        ("LISTEN_FDS", "9" * 5000),
    ],
)
def test_sockets_that_are_meant_for_another_process_are_left_alone(
    passed: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        passed(listening.fileno(), 1)
        monkeypatch.setenv(variable, value)
        with pytest.raises(ConfigError, match="LISTEN_FDS"):
            inherited_mtls_listeners(server_config())
