# SPDX-License-Identifier: Apache-2.0
"""Local sockets: the same streams over a file of the system's."""

from __future__ import annotations

import stat
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.net_world import (
    DB,
    ask,
    client_config,
    echo,
    server_config,
    trio_test,
)

from handfast import ConfigError, HandshakeTimeout
from handfast.net import (
    open_mtls_unix_listener,
    open_mtls_unix_stream,
    serve_mtls_listeners,
)


@pytest.mark.parametrize("workers", [0, 1])
@trio_test
async def test_both_ends_are_verified(tmp_path: Path, workers: int) -> None:
    file = tmp_path / "socket"
    listener = await open_mtls_unix_listener(file, server_config())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, echo, [listener], workers=workers)
        )
        for _ in range(2):
            stream = await open_mtls_unix_stream(file, client_config())
            assert str(stream.peer.spiffe_id) == DB
            assert stream.source_address is None
            assert await ask(stream) == b"ping"
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "socket"
    async with await open_mtls_unix_listener(file, server_config(), permissions=0o660):
        assert stat.S_IMODE(file.stat().st_mode) == 0o660
        with pytest.raises(OSError, match="in use"):
            await open_mtls_unix_listener(file, server_config())
    assert file.is_socket()
    async with await open_mtls_unix_listener(file, server_config()):
        pass


@trio_test
async def test_one_whose_queue_is_full_is_not_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "socket"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            await open_mtls_unix_listener(file, server_config(), backlog=1)
        )
        for _ in range(2):
            await stack.enter_async_context(await trio.open_unix_socket(file))
        with pytest.raises(OSError, match="in use"):
            await open_mtls_unix_listener(file, server_config())
    assert file.is_socket()


@trio_test
async def test_other_files_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("not to be lost")
    with pytest.raises(OSError, match="in use"):
        await open_mtls_unix_listener(file, server_config())
    assert file.read_text() == "not to be lost"


@trio_test
async def test_settings_of_the_other_side_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        await open_mtls_unix_listener(tmp_path / "socket", client_config())
    with pytest.raises(ConfigError):
        await open_mtls_unix_stream(tmp_path / "socket", server_config())
    with pytest.raises(ConfigError):
        await open_mtls_unix_listener(
            tmp_path / "socket", server_config(), permissions=0o1777
        )
    with pytest.raises(FileNotFoundError):
        await open_mtls_unix_stream(tmp_path / "socket", client_config())


@trio_test
async def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    """D1: there is a deadline here, too."""
    file = tmp_path / "socket"
    async with await open_mtls_unix_listener(file, server_config()):
        with pytest.raises(HandshakeTimeout):
            await open_mtls_unix_stream(file, client_config(), handshake_timeout=0.05)
