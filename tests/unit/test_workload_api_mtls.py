# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS between two workloads whose identities come from agents and rotate."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.support.agent_messages import API, OWN, WEB, part, svids
from tests.support.fake_agent import Agents, FakeAgent, socket_path
from tests.support.net_world import PATIENCE, echo, trio_test

from handfast import (
    HandfastError,
    MtlsStream,
    Reason,
    TlsConfig,
    TrustBundle,
    WorkloadApiSource,
    authorize,
    open_mtls_stream,
)
from handfast.authority import Authority
from handfast.net import Lifetime, open_mtls_listeners, serve_mtls_listeners
from handfast.workload_api import StatusCode, proto

X509 = proto.FETCH_X509_SVID
ROTATIONS = 15


class World:
    """A server and a client, each with its agent."""

    def __init__(self, nursery: trio.Nursery, path: Path) -> None:
        self.nursery = nursery
        self.old, self.new = Authority(OWN), Authority(OWN)
        self.agents = {
            API: FakeAgent(path.with_name("api.sock")),
            WEB: FakeAgent(path.with_name("web.sock")),
        }
        self.sources: dict[str, WorkloadApiSource] = {}
        self.port = 0
        self.served = 0

    async def start(self) -> None:
        for agent in self.agents.values():
            await Agents(self.nursery, agent).start()

    def issue(self, name: str, authority: Authority, *trusted: Authority) -> None:
        """Give a workload a new SVID, and a bundle of some authorities."""
        ders = [der for it in trusted for der in it.bundle.x509_authorities]
        bundle = TrustBundle.from_der(OWN, ders)
        fresh = authority.issue(name)
        self.agents[name].say(X509, svids(part(fresh, bundle=bundle)))

    async def until(self, generation: int) -> None:
        """Let both sources take what they were given."""
        for it in self.sources.values():
            while it.snapshot().generation < generation:
                await it.wait_changed()

    async def handle(self, stream: MtlsStream) -> None:
        self.served += 1
        assert str(stream.peer.spiffe_id) == WEB
        await echo(stream)

    def client(self) -> TlsConfig:
        return TlsConfig.client(self.sources[WEB], authorize=authorize.exactly(API))

    def server(self) -> TlsConfig:
        return TlsConfig.server(self.sources[API], authorize=authorize.exactly(WEB))

    async def connect(self, config: TlsConfig) -> MtlsStream:
        return await open_mtls_stream("127.0.0.1", self.port, config)


async def ask(stream: MtlsStream, question: bytes) -> None:
    """Send something on a stream, and insist that all of it comes back."""
    await stream.send_all(question)
    answer = b""
    while len(answer) < len(question):
        data = await stream.receive_some()
        assert data, "the stream ended"
        answer += data
    assert answer == question


@asynccontextmanager
async def world(lifetime: Lifetime | None = None) -> AsyncGenerator[World, None]:
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            it = World(nursery, path)
            await it.start()
            it.issue(API, it.old, it.old)
            it.issue(WEB, it.old, it.old)
            async with (
                WorkloadApiSource(it.agents[API].endpoint) as api,
                WorkloadApiSource(it.agents[WEB].endpoint) as web,
            ):
                it.sources = {API: api, WEB: web}
                await api.wait_ready(PATIENCE)
                await web.wait_ready(PATIENCE)
                listeners = await open_mtls_listeners(
                    0, it.server(), host="127.0.0.1", lifetime=lifetime
                )
                it.port = listeners[0].port
                await nursery.start(partial(serve_mtls_listeners, it.handle, listeners))
                yield it
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("resume", [False, True])
@trio_test
async def test_svids_rotate_under_open_streams_and_nothing_is_lost(
    resume: bool,
) -> None:
    """P5, W4: one stream stays open, others come all the time, none fails."""
    async with world() as it:
        config = it.client()
        if not resume:
            sources = it.sources[WEB]
            config = TlsConfig.client(
                sources, authorize=authorize.exactly(API), sessions=None
            )
        stream = await it.connect(config)
        leaves: set[bytes] = set()
        connects = 0
        done, connected = trio.Event(), trio.Event()

        async def connect_all_the_time() -> None:
            nonlocal connects, connected
            while not done.is_set():
                async with await it.connect(config) as other:
                    await ask(other, b"are you there?")
                    leaves.add(other.peer.chain[0])
                    connects += 1
                connected.set()
                connected = trio.Event()

        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(connect_all_the_time)
            for number in range(ROTATIONS):
                before = connects
                it.issue(API, it.old, it.old)
                it.issue(WEB, it.old, it.old)
                await it.until(number + 2)
                await ask(stream, b"x" * 50_000)
                while connects < before + 2:
                    await connected.wait()
            done.set()
        assert len(leaves) > ROTATIONS // 2
        assert connects >= 2 * ROTATIONS
        assert it.served == connects + 1


@trio_test
async def test_an_authority_is_replaced_while_a_stream_stays_open() -> None:
    """P5, P4: the new one is published, then it signs, then the old one goes."""
    async with world() as it:
        config = it.client()
        async with await it.connect(config) as stream:
            steps = [
                (it.old, (it.old, it.new)),
                (it.new, (it.old, it.new)),
                (it.new, (it.new,)),
            ]
            for generation, (signs, trusted) in enumerate(steps, start=2):
                # One after the other: there is a moment with one of each.
                for name in (API, WEB):
                    it.issue(name, signs, *trusted)
                    await it.sources[name].wait_changed()
                    await ask(stream, b"still here")
                    async with await it.connect(config) as other:
                        await ask(other, b"and here")
                assert it.sources[WEB].snapshot().generation == generation
            # Who has only what the old one signed is nobody any more.
            it.issue(WEB, it.old, it.old, it.new)
            await it.sources[WEB].wait_changed()
            with pytest.raises((HandfastError, trio.BrokenResourceError)):
                async with await it.connect(config) as other:
                    await ask(other, b"?")
            await ask(stream, b"not by this")


@trio_test
async def test_a_withdrawn_identity_ends_streams_that_ask_for_it() -> None:
    """WAPI-51, P6: the server's agent says no; streams drain, and new ones fail."""
    async with world(Lifetime(on_revoked="close")) as it:
        config = it.client()
        async with await it.connect(config) as stream:
            await ask(stream, b"hello")
            it.agents[API].fail(X509, StatusCode.PERMISSION_DENIED)
            # The server closes it on purpose, within a look of the keeper.
            assert await stream.receive_some() == b""
        with pytest.raises((HandfastError, trio.BrokenResourceError)):
            async with await it.connect(config) as other:
                await ask(other, b"?")
        with pytest.raises(HandfastError) as caught:
            it.server().current()
        assert caught.value.reason is Reason.SOURCE_REFUSED
