# SPDX-License-Identifier: Apache-2.0
"""A server in a process of its own, so that what it costs can be told from its clients.

The first line of its input says what it is, each later line asks for its figures.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import trio

from handfast import (
    StaticSource,
    TlsConfig,
    TrustBundle,
    TrustBundleSet,
    X509Svid,
    authorize,
)
from handfast.authority import Authority
from handfast.net import MtlsListener, MtlsStream, open_mtls_listeners
from handfast.net.serve import serve_mtls_listeners

DOMAIN = "a.example"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the server is at."""

    rss: int
    cpu: float
    descriptors: int
    accepted: int
    ok: int
    failed: dict[str, int]
    timeouts: int
    gave_way: int
    handshaking: int


class Server:
    """The server's process, from the outside."""

    def __init__(self, process: trio.Process, port: int, client: TlsConfig) -> None:
        self._process = process
        self.port = port
        #: For clients that it lets in.
        self.client = client

    async def figures(self) -> Figures:
        """Ask."""
        return Figures(**await _ask(self._process, {}))


@asynccontextmanager
async def server_process(
    *, workers: int, **limits: float
) -> AsyncGenerator[Server, None]:
    """Run a server that echoes, with these limits of `serve_mtls`."""
    authority = Authority(DOMAIN)
    bundle = authority.bundle
    svid = authority.issue(f"spiffe://{DOMAIN}/server")
    client = TlsConfig.client(
        StaticSource(
            authority.issue(f"spiffe://{DOMAIN}/client"), TrustBundleSet([bundle])
        ),
        authorize=authorize.any_in(DOMAIN),
    )
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        told = await _ask(
            process,
            {
                "chain": svid.to_pem_chain().decode(),
                "key": svid.to_pem_key().decode(),
                "authorities": [it.hex() for it in bundle.x509_authorities],
                "limits": limits | {"workers": workers},
            },
        )
        yield Server(process, told["port"], client)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()


async def _ask(process: trio.Process, question: dict[str, Any]) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the process has no pipes")
    await process.stdin.send_all(json.dumps(question).encode() + b"\n")
    return await _read_line(process.stdout, bytearray()) or {}


async def _read_line(
    stream: trio.abc.ReceiveStream, rest: bytearray
) -> dict[str, Any] | None:
    while b"\n" not in rest:
        data = await stream.receive_some()
        if not data:
            return None
        rest += data
    line, _, after = bytes(rest).partition(b"\n")
    rest[:] = after
    found: dict[str, Any] = json.loads(line)
    return found


# ---- inside ----


async def _echo(stream: MtlsStream) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in stream:
            await stream.send_all(data)


def _figures(listener: MtlsListener) -> Figures:
    seen = listener.statistics()
    status = Path("/proc/self/statm").read_text(encoding="ascii").split()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Figures(
        rss=int(status[1]) * resource.getpagesize(),
        cpu=used.ru_utime + used.ru_stime,
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        accepted=seen.accepted,
        ok=seen.handshakes_ok,
        failed={str(why): count for why, count in seen.handshakes_failed.items()},
        timeouts=seen.timeouts,
        gave_way=seen.gave_way,
        handshaking=seen.handshaking,
    )


async def _serve() -> None:
    asking = trio.lowlevel.FdStream(os.dup(0))
    rest = bytearray()
    setup = await _read_line(asking, rest) or {}
    authorities = [bytes.fromhex(it) for it in setup["authorities"]]
    config = TlsConfig.server(
        StaticSource(
            X509Svid.from_pem(setup["chain"], setup["key"]),
            TrustBundleSet([TrustBundle.from_der(DOMAIN, authorities)]),
        ),
        authorize=authorize.any_in(DOMAIN),
    )
    [listener] = await open_mtls_listeners(0, config, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, _echo, [listener], **setup["limits"])
        )
        answer: dict[str, Any] | None = {"port": listener.port}
        while answer is not None:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
            asked = await _read_line(asking, rest)
            answer = None if asked is None else asdict(_figures(listener))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    # As many connections as the system allows: floods are what this is for.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    trio.run(_serve)
