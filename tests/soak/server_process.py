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
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import trio
from tests.soak.programs import end_process

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

    def __init__(self, process: trio.Process, port: int, client: Workload) -> None:
        self._process = process
        self.port = port
        #: Whom it lets in.
        self.workload = client
        self.client = client.client()

    async def figures(self) -> Figures:
        """Ask."""
        return Figures(**await ask(self._process, {}))

    async def until(self, is_enough: Callable[[Figures], bool]) -> Figures:
        """Ask until the answer is enough."""
        while not is_enough(figures := await self.figures()):  # noqa: ASYNC110 - a process
            await trio.sleep(0.05)
        return figures


@asynccontextmanager
async def server_process(
    *, workers: int, **limits: float
) -> AsyncGenerator[Server, None]:
    """Run a server that echoes, with these limits of `serve_mtls`."""
    authority = Authority(DOMAIN)
    bundle = authority.bundle
    svid = authority.issue(f"spiffe://{DOMAIN}/server")
    client = authority.issue(f"spiffe://{DOMAIN}/client")
    async with child_process(__name__) as process:
        setup = Workload(svid, bundle).to_json() | {
            "limits": limits | {"workers": workers}
        }
        told = await ask(process, setup)
        yield Server(process, told["port"], Workload(client, bundle))


class Workload:
    """An identity and whom it trusts, to be passed to another process."""

    def __init__(self, svid: X509Svid, bundle: TrustBundle) -> None:
        self._svid = svid
        self._bundle = bundle

    def to_json(self) -> dict[str, Any]:
        """Write it; the key is for a child of ours alone."""
        return {
            "chain": self._svid.to_pem_chain().decode(),
            "key": self._svid.to_pem_key().decode(),
            "authorities": [it.hex() for it in self._bundle.x509_authorities],
        }

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Self:
        """Read it."""
        authorities = [bytes.fromhex(it) for it in written["authorities"]]
        return cls(
            X509Svid.from_pem(written["chain"], written["key"]),
            TrustBundle.from_der(DOMAIN, authorities),
        )

    def _source(self) -> StaticSource:
        return StaticSource(self._svid, TrustBundleSet([self._bundle]))

    def client(self) -> TlsConfig:
        """Configure a client that resumes nothing: full handshakes are measured."""
        return TlsConfig.client(
            self._source(), authorize=authorize.any_in(DOMAIN), sessions=None
        )

    def server(self) -> TlsConfig:
        """Configure a server."""
        return TlsConfig.server(self._source(), authorize=authorize.any_in(DOMAIN))


@asynccontextmanager
async def child_process(module: str) -> AsyncGenerator[trio.Process, None]:
    """Run a module of ours, which reads lines and answers with lines."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        await end_process(process)


async def ask(process: trio.Process, question: dict[str, Any]) -> dict[str, Any]:
    """Send a line and wait for one."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the process has no pipes")
    await process.stdin.send_all(json.dumps(question).encode() + b"\n")
    return await read_line(process.stdout, bytearray()) or {}


def answer(told: dict[str, Any]) -> None:
    """Be asked: answer with a line."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def read_line(
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
    setup = await read_line(asking, rest) or {}
    config = Workload.from_json(setup).server()
    [listener] = await open_mtls_listeners(0, config, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_mtls_listeners, _echo, [listener], **setup["limits"])
        )
        answer({"port": listener.port})
        while await read_line(asking, rest) is not None:
            answer(asdict(_figures(listener)))
        nursery.cancel_scope.cancel()


def take_all_descriptors() -> None:
    """Raise our limit to what the system allows: floods are what this is for."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    take_all_descriptors()
    trio.run(_serve)
