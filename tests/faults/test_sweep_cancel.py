# SPDX-License-Identifier: Apache-2.0
"""Every operation of a stream cancelled at its k-th step, for all k (D6).

Afterwards the stream works, or says that it does not; nothing is left behind.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

import pytest
import trio
from tests.support.cancelling import cancelled_at
from tests.support.net_world import (
    DB,
    Pair,
    client_config,
    over_memory,
    over_tcp,
    server_config,
    serving,
    tcp_pair,
    trio_test,
)
from tests.support.sweep import Sweep, descriptors, settled_connections

from handfast import Connection, HandfastError
from handfast.net import MtlsStream, open_mtls_stream

MANY = 3000
MESSAGE = bytes(range(256)) * 4096
#: Long enough for any of these, on a busy machine.
PATIENCE = 15.0

Maker = Callable[[], Awaitable[Pair]]
TRANSPORTS = pytest.mark.parametrize("transport", ["tcp", "memory"])
MAKERS: dict[str, Maker] = {"tcp": over_tcp, "memory": over_memory}


async def drop(*streams: MtlsStream) -> None:
    """Close without a word."""
    for stream in streams:
        await trio.aclose_forcefully(stream)


async def every_k(sweep: Sweep, one: Callable[[int], Awaitable[bool]]) -> None:
    """Run `one` for k = 0, 1, 2, ... until it is not cancelled any more."""
    await one(MANY)  # what is made once is made
    alive, files = await settled_connections(), descriptors()
    for k in range(MANY):
        was_cancelled = False
        with trio.move_on_after(PATIENCE) as deadline:
            was_cancelled = await one(k)
        sweep.hung += deadline.cancelled_caught
        sweep.leaked += descriptors() != files
        if not was_cancelled and not deadline.cancelled_caught:
            break
        sweep.injected += 1
    assert 0 < k < MANY
    sweep.leaked += await settled_connections() > alive
    sweep.report()


@pytest.mark.parametrize("role", ["client", "server"])
@trio_test
async def test_a_handshake(role: str) -> None:
    """D6: it can be gone on with."""
    sweep = Sweep(f"cancelled at every step: handshake of a {role}")

    async def one(k: int) -> bool:
        raw_client, raw_server = await tcp_pair()
        client = MtlsStream(raw_client, client_config())
        server = MtlsStream(raw_server, server_config())
        ours, theirs = (client, server) if role == "client" else (server, client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(theirs.do_handshake)
            was_cancelled = await cancelled_at(k, ours.do_handshake)
            sweep.accepted += was_cancelled and k == 0 and "with" in repr(ours)
            await ours.do_handshake()
        await ours.send_all(b"works")
        assert await theirs.receive_some() == b"works"
        await drop(client, server)
        return was_cancelled

    await every_k(sweep, one)


@trio_test
async def test_opening_a_stream() -> None:
    """D6: nobody has it, so nothing of it is left."""
    sweep = Sweep("cancelled at every step: open_mtls_stream")
    async with serving() as server:

        async def one(k: int) -> bool:
            async def open_and_close() -> None:
                stream = await open_mtls_stream(
                    "127.0.0.1", server.port, client_config()
                )
                with trio.CancelScope(shield=True):
                    sweep.accepted += str(stream.peer.spiffe_id) != DB
                    await drop(stream)

            was_cancelled = await cancelled_at(k, open_and_close)
            await server.until(
                lambda it: not it.statistics.handshaking + it.statistics.active
            )
            return was_cancelled

        await every_k(sweep, one)


async def still_good(one: MtlsStream, other: MtlsStream, sweep: Sweep) -> None:
    """Look whether a direction works, or says that it does not."""
    with trio.move_on_after(PATIENCE) as deadline:
        try:
            await one.send_all(b"and more")
            assert await other.receive_some() == b"and more"
        except trio.BrokenResourceError as error:
            sweep.note(error)
    sweep.hung += deadline.cancelled_caught


@TRANSPORTS
@trio_test
async def test_sending(transport: str) -> None:
    """D4, D6: the peer never takes a part for the whole."""
    sweep = Sweep(f"cancelled at every step: send_all over {transport}")

    async def one(k: int) -> bool:
        client, server = await MAKERS[transport]()
        got, clean = bytearray(), False

        async def read() -> None:
            nonlocal got, clean
            try:
                async for data in server:
                    got += data
                clean = True
            except trio.BrokenResourceError as error:
                sweep.note(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            was_cancelled = await cancelled_at(
                k, functools.partial(client.send_all, MESSAGE)
            )
            await client.aclose()
        sweep.accepted += MESSAGE[: len(got)] != got
        sweep.accepted += clean and len(got) not in {0, len(MESSAGE)}
        await drop(client, server)
        return was_cancelled

    await every_k(sweep, one)


@TRANSPORTS
@trio_test
async def test_receiving(transport: str) -> None:
    """D6: no data is lost."""
    sweep = Sweep(f"cancelled at every step: receive_some over {transport}")

    async def one(k: int) -> bool:
        client, server = await MAKERS[transport]()
        got = b""

        async def receive() -> None:
            nonlocal got
            got += await server.receive_some()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send_all, b"a message")
            was_cancelled = await cancelled_at(k, receive)
        while len(got) < len(b"a message"):
            await receive()
        sweep.accepted += got != b"a message"
        await still_good(server, client, sweep)
        await drop(client, server)
        return was_cancelled

    await every_k(sweep, one)


@TRANSPORTS
@pytest.mark.parametrize("operation", ["send_eof", "aclose"])
@trio_test
async def test_ending(operation: str, transport: str) -> None:
    """D4, D6: the peer sees a clean end, or a truncated stream, and waits for none."""
    sweep = Sweep(f"cancelled at every step: {operation} over {transport}")

    async def one(k: int) -> bool:
        client, server = await MAKERS[transport]()
        await client.send_all(b"all of it")
        was_cancelled = await cancelled_at(k, getattr(client, operation))
        if operation == "aclose":
            assert client.closed
        await drop(client)
        got = b""
        try:
            async for data in server:
                got += data
        except trio.BrokenResourceError as error:
            sweep.note(error)
        sweep.accepted += got not in {b"", b"all of it"}
        await drop(server)
        return was_cancelled

    await every_k(sweep, one)


@trio_test
async def test_a_cancelled_handler_and_server() -> None:
    """D6: a server that is cancelled at any step closes what it has."""
    sweep = Sweep("cancelled at every step: a server under a client")

    async def one(k: int) -> bool:
        async def serve_one() -> None:
            async with (
                serving() as server,
                MtlsStream(await server.raw(), client_config()) as stream,
            ):
                await stream.send_all(b"ping")
                await stream.receive_some()

        return await cancelled_at(k, serve_one)

    await every_k(sweep, one)


@trio_test
async def test_what_is_left_open_is_seen() -> None:
    """The negative control: a descriptor that stays open is a leak."""
    sweep = Sweep("a control")
    held: list[trio.SocketStream] = []

    async def one(k: int) -> bool:
        held.extend(await tcp_pair())
        return k < 1

    with pytest.raises(AssertionError, match="leaked"):
        await every_k(sweep, one)
    assert sweep.leaked > 0
    for stream in held:
        await stream.aclose()


@trio_test
async def test_who_waits_for_ever_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: an operation that does not end is hung."""
    monkeypatch.setattr("tests.faults.test_sweep_cancel.PATIENCE", 0.01)
    sweep = Sweep("a control")

    async def one(k: int) -> bool:
        if k == 0:
            await trio.sleep_forever()
        return k <= 1

    with pytest.raises(AssertionError, match="hung"):
        await every_k(sweep, one)
    assert sweep.hung == 1


def test_a_reason_of_our_own_explains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control of the reasons."""
    monkeypatch.delenv("HANDFAST_FAULT_TOTALS", raising=False)
    sweep = Sweep("a control")
    sweep.injected = 1
    sweep.report()
    with pytest.raises(HandfastError) as misuse:
        Connection(server_config()).read()
    sweep.note(misuse.value)
    with pytest.raises(AssertionError):
        sweep.report()
