# SPDX-License-Identifier: Apache-2.0
"""A peer that asks for new keys in the middle gets them, and the data goes on."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.net_world import (
    WEB,
    authority,
    serving,
    source,
    trio_test,
)

LINES = [b"before", b"between", b"after"]


@pytest.mark.interop
@trio_test
async def test_key_updates_of_openssl_are_answered_before_our_next_data(
    tmp_path: Path,
) -> None:
    """RFC 8446, 4.6.3: s_client's K asks for an update of both directions."""
    svid = source(WEB).snapshot().svid
    identity, roots = tmp_path / "identity.pem", tmp_path / "roots.pem"
    identity.write_bytes(svid.to_pem_chain() + svid.to_pem_key())
    roots.write_bytes(authority("a.example").bundle.to_pem())
    async with serving() as server:
        command = [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"),
            *("-cert", identity, "-key", identity, "-CAfile", roots, "-tls1_3"),
        ]
        async with trio.open_nursery() as nursery:
            process = await nursery.start(
                partial(
                    trio.run_process,
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            )
            assert process.stdin is not None
            assert process.stdout is not None
            said = lines_of(process.stdout)
            for line in LINES:
                await process.stdin.send_all(line + b"\n")
                await until(said, line)
                # A single K on a line is a command, and is not sent.
                await process.stdin.send_all(b"K\n")
                await until(said, b"KEYUPDATE")
            await process.stdin.send_all(b"Q\n")
            async for _ in said:
                pass
    assert server.statistics.handshakes_ok == 1


async def lines_of(stream: trio.abc.ReceiveStream) -> AsyncIterator[bytes]:
    """Give a process's output by lines."""
    rest = b""
    async for data in stream:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.strip()


async def until(lines: AsyncIterator[bytes], expected: bytes) -> None:
    """Read until a line comes."""
    async for line in lines:
        if line == expected:
            return
    raise AssertionError(f"{expected!r} never came")
