# SPDX-License-Identifier: Apache-2.0
"""Agents that turn bad: what they gave before serves on, and nothing worse happens.

Each hostile agent takes the place of an honest one that a source follows already. For
ten minutes the source must keep its identity, not ask in a hot loop, and say that it is
stale; then the honest one comes back with a renewed SVID, which must be taken at once.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
import trio
import trio.testing
from tests.support import agent_messages as messages
from tests.support.agent_messages import API, OTHER, WEB, part, svid, svids
from tests.support.fake_agent import Agents, FakeAgent, socket_path
from tests.support.local_sockets import listen
from tests.support.net_world import trio_test

from handfast import SourceError, SourceSnapshot, WorkloadApiSource
from handfast.authority import Authority
from handfast.sources import Backoff
from handfast.workload_api import Endpoint, proto
from handfast.workload_api.messages import frame_message

X509 = proto.FETCH_X509_SVID
STEADY = Backoff(first=1.0, most=30.0, random=lambda: 1.0)
PREFACE = b"\0\0\0\4\0\0\0\0\0"  # an empty SETTINGS frame

Agent = Callable[[trio.SocketStream], Awaitable[None]]


# ---- agents ----


def noise_of(size: int) -> bytes:
    """Make bytes that mean nothing, the same each time."""
    return random.Random(size).randbytes(size)  # noqa: S311 - no secret


def says(data: bytes, *, then_close: bool = False) -> Agent:
    """Send bytes whatever comes."""

    async def agent(stream: trio.SocketStream) -> None:
        await stream.send_all(data)
        while not then_close and await stream.receive_some(65536):
            pass

    return agent


async def silent(stream: trio.SocketStream) -> None:
    """Take everything, say nothing."""
    while await stream.receive_some(65536):
        pass


async def deaf(stream: trio.SocketStream) -> None:
    """Take nothing, say nothing."""
    await trio.sleep_forever()


async def drips(stream: trio.SocketStream) -> None:
    """Begin to speak HTTP/2 properly, a byte a second."""
    for byte in PREFACE * 100:
        await stream.send_all(bytes([byte]))
        await trio.sleep(1)


async def resets(stream: trio.SocketStream) -> None:
    """Close with data unread."""
    await trio.lowlevel.checkpoint()


async def floods(stream: trio.SocketStream) -> None:
    """Send nonsense for ever."""
    while True:
        await stream.send_all(noise_of(65536))


def answers(*, headers: list[tuple[str, str]], body: bytes, end: bool = True) -> Agent:
    """Speak HTTP/2 properly, and answer each request like this."""

    async def agent(stream: trio.SocketStream) -> None:
        server = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        server.initiate_connection()
        await stream.send_all(server.data_to_send())
        while data := await stream.receive_some(65536):
            for event in server.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    number = event.stream_id
                    assert number is not None
                    server.send_headers(number, headers, end_stream=not body and end)
                    if body:
                        server.send_data(number, body, end_stream=end)
            await stream.send_all(server.data_to_send())

    return agent


GOOD_HEADERS = [(":status", "200"), ("content-type", "application/grpc")]


def message(data: bytes) -> Agent:
    """Answer with one message, and leave the stream open."""
    return answers(headers=GOOD_HEADERS, body=data, end=False)


def endless_headers() -> bytes:
    """Begin headers that never end: each frame says that more will come."""
    begin = b"\0\0\1\1\0\0\0\0\1\x88"
    more = (16000).to_bytes(3, "big") + b"\x09\0\0\0\0\1" + b"\x40\1a\1b" * 3200
    return PREFACE + begin + more * 40


WIRE: dict[str, Agent] = {
    "silent": silent,
    "deaf": deaf,
    "drips": drips,
    "resets": resets,
    "floods": floods,
    "closes": says(b"", then_close=True),
    "http1": says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "garbage": says(noise_of(4096)),
    "endless headers": says(endless_headers()),
    "settings for ever": says(PREFACE * 5000),
    "pings for ever": says(PREFACE + b"\0\0\x08\6\0\0\0\0\0abcdefgh" * 5000),
    "not found": answers(headers=[(":status", "503")], body=b"no"),
    "html": answers(
        headers=[(":status", "200"), ("content-type", "text/html")], body=b"<html>"
    ),
    "redirect": answers(
        headers=[(":status", "302"), ("location", "unix:///run/other.sock")], body=b""
    ),
    "no status": answers(headers=GOOD_HEADERS, body=b""),
    "a status that is none": answers(
        headers=[*GOOD_HEADERS, ("grpc-status", "seven")], body=b""
    ),
    "4 GiB announced": message(b"\0\xff\xff\xff\xff"),
    "compressed": message(b"\1\0\0\0\1x"),
    "no protobuf": message(frame_message(b"\xff" * 100)),
    "half a message": message(frame_message(bytes(1000))[:500]),
}


def _wrong_id() -> proto.X509SVIDResponse:
    it = svids()
    it.svids[0].spiffe_id = API
    return it


def _wrong_key() -> proto.X509SVIDResponse:
    it = svids()
    it.svids[0].x509_svid_key = svid(API).key.der
    return it


def _wrong_chain() -> proto.X509SVIDResponse:
    return svids(part(bundle=Authority("a.example").bundle))


def _wrong_bundle() -> proto.X509SVIDResponse:
    return svids(part(bundle=messages.authority(OTHER).bundle))


def _garbage_bundle() -> proto.X509SVIDResponse:
    it = svids()
    it.svids[0].bundle = noise_of(500)
    return it


def _megabyte_hint() -> proto.X509SVIDResponse:
    return svids(part(hint="h" * 1_000_000))


def _many() -> proto.X509SVIDResponse:
    return svids(*[part()] * 101)


def _nothing() -> proto.X509SVIDResponse:
    return proto.X509SVIDResponse()


def _one_of_two() -> proto.X509SVIDResponse:
    it = svids(part(svid(WEB, 1)), part(svid(API)))
    it.svids[1].x509_svid_key = b""
    return it


CONTENT = (
    _wrong_id,
    _wrong_key,
    _wrong_chain,
    _wrong_bundle,
    _garbage_bundle,
    _megabyte_hint,
    _many,
    _nothing,
    _one_of_two,
)


# ---- the test ----


class Impostor:
    """A hostile agent where the honest one was."""

    def __init__(self, path: Path, agent: Agent) -> None:
        self.path = path
        self._agent = agent
        self.visits = 0
        self._scope = trio.CancelScope()

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        listener = listen(self.path)
        with self._scope:
            task_status.started()
            await trio.serve_listeners(self._visit, [listener])

    async def _visit(self, stream: trio.SocketStream) -> None:
        self.visits += 1
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._agent(stream)

    def stop(self) -> None:
        self._scope.cancel()
        self.path.unlink()


async def until(source: WorkloadApiSource, generation: int) -> None:
    while source.snapshot().generation < generation:
        await source.wait_changed()


def check_kept(source: WorkloadApiSource, before: SourceSnapshot) -> None:
    """Insist that nothing changed, and that it is told."""
    assert source.snapshot() is before
    assert source.health.state == "stale"
    assert source.trouble is not None
    assert str(source.trouble).isascii()
    assert len(str(source.trouble)) < 2000


@pytest.mark.parametrize("name", WIRE)
@trio_test
async def test_an_agent_that_breaks_the_protocol_changes_nothing(
    clock: trio.testing.MockClock, name: str
) -> None:
    """W4, W5, P8: kept, told, asked again with growing waits, left when it can be."""
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            honest = FakeAgent(path)
            honest.say(X509, svids())
            agents = Agents(nursery, honest)
            await agents.start()
            async with WorkloadApiSource(honest.endpoint, backoff=STEADY) as source:
                before = await source.wait_ready(10)
                honest.stop()
                impostor = Impostor(path, WIRE[name])
                await nursery.start(impostor.serve)
                await trio.sleep(600)
                check_kept(source, before)
                # 1 + 2 + 4 + 8 + 16 seconds, then every 30, and what each takes.
                assert 10 < sum(source.statistics().failures.values()) < 30
                impostor.stop()
                honest.say(X509, svids(part(svid(WEB, 1))))
                await agents.start()
                with trio.fail_after(120):
                    await until(source, 2)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("make", CONTENT, ids=lambda it: it.__name__.strip("_"))
@trio_test
async def test_an_agent_whose_messages_are_wrong_changes_nothing(
    clock: trio.testing.MockClock, make: Callable[[], proto.X509SVIDResponse]
) -> None:
    """W4, WAPI-39: rejected as a whole; the stream stays open for a better one."""
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            agent = FakeAgent(path)
            agent.say(X509, svids())
            await Agents(nursery, agent).start()
            async with WorkloadApiSource(agent.endpoint, backoff=STEADY) as source:
                before = await source.wait_ready(10)
                agent.say(X509, make())
                await source.wait_changed()
                check_kept(source, before)
                agent.end_streams()  # and once more, on a new stream
                await trio.sleep(600)
                check_kept(source, before)
                assert source.statistics().streams["FetchX509SVID"].rejected == 2
                assert agent.calls[X509] == 2
                agent.say(X509, svids(part(svid(WEB, 1))))
                await until(source, 2)
            nursery.cancel_scope.cancel()


@trio_test
async def test_a_source_that_never_had_an_identity_waits_no_longer_than_it_may(
    clock: trio.testing.MockClock,
) -> None:
    """P8: whatever the agent does, `wait_ready` ends."""
    for name, agent in WIRE.items():
        with socket_path() as path:
            async with trio.open_nursery() as nursery:
                impostor = Impostor(path, agent)
                await nursery.start(impostor.serve)
                async with WorkloadApiSource(f"unix://{path}") as source:
                    began = trio.current_time()
                    with pytest.raises(Exception, match=str(path)) as caught:
                        await source.wait_ready(25)
                    took = trio.current_time() - began
                    assert took < 26, name
                    assert not isinstance(caught.value, trio.TooSlowError)
                nursery.cancel_scope.cancel()


@trio_test
async def test_a_connection_on_which_nobody_answers_is_left(
    clock: trio.testing.MockClock,
) -> None:
    """P8: the next attempt is on a new one: an agent may hang and another take over."""
    with socket_path() as path:
        async with trio.open_nursery() as nursery:
            impostor = Impostor(path, silent)
            await nursery.start(impostor.serve)
            async with WorkloadApiSource(f"unix://{path}", backoff=STEADY) as source:
                with pytest.raises(SourceError):
                    await source.wait_ready(60)
                assert source.statistics().connects == impostor.visits >= 3
            nursery.cancel_scope.cancel()


@trio_test
async def test_a_connection_that_does_not_come_about_is_given_up(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8: as over TCP to a machine that says nothing."""

    async def never(self: Endpoint) -> trio.SocketStream:
        await trio.sleep_forever()

    monkeypatch.setattr(Endpoint, "open", never)
    async with WorkloadApiSource("tcp://127.0.0.1:9", first_answer=2.0) as source:
        with pytest.raises(SourceError) as caught:
            await source.wait_ready(20)
        assert "no connection in 2 seconds" in str(caught.value)


@trio_test
async def test_a_socket_that_nobody_accepts_from_is_given_up(
    clock: trio.testing.MockClock,
) -> None:
    """P8: connecting has an end, too."""
    with socket_path() as path, socket.socket(socket.AF_UNIX) as full:
        full.bind(str(path))
        full.listen(0)
        fillers: list[socket.socket] = []
        with suppress(BlockingIOError):
            while True:
                filler = socket.socket(socket.AF_UNIX)
                fillers.append(filler)
                filler.setblocking(False)
                filler.connect(str(path))
        try:
            make = partial(WorkloadApiSource, f"unix://{path}", first_answer=2.0)
            async with make() as source:
                with pytest.raises(Exception, match="agent") as caught:
                    await source.wait_ready(20)
                assert str(path) in str(caught.value)
        finally:
            for filler in fillers:
                filler.close()
