# SPDX-License-Identifier: Apache-2.0
"""One fault in one direction of bytes: without I/O, and as a trio stream.

`FaultyBytes` says what becomes of bytes that arrive; `FaultyStream` is a transport
whose incoming bytes go through it; `converse` drives two connections without I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import trio

from handfast import Connection, HandfastError

Kind = Literal[
    "none", "split", "bytes", "end", "reset", "stall", "flip", "lose", "repeat", "swap"
]
BY_RECORD = {"lose", "repeat", "swap"}
_HEADER = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and where.

    Attributes:
        kind: What becomes of the bytes.
        at: The byte (or, of lose, repeat and swap, the record) that it happens at.
        bit: Of flip: which bit.
    """

    kind: Kind = "none"
    at: int = 0
    bit: int = 0


class FaultyBytes:
    """One direction under a fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        #: Whether it came to the fault.
        self.hit = False
        #: What the direction came to, when it did.
        self.ended: Literal["end", "reset", "stall"] | None = None
        #: Bytes and records so far.
        self.bytes = self.records = 0
        self._part, self._held = bytearray(), b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was sent; return what arrives, in pieces."""
        if self.ended:
            return []
        if self.fault.kind in BY_RECORD:
            arrived = [
                it for record in self._whole(data) for it in self._record(record)
            ]
        else:
            arrived = self._bytes(data)
        self.bytes += len(data)
        return [piece for piece in arrived if piece]

    def _bytes(self, data: bytes) -> list[bytes]:
        fault, cut = self.fault, self.fault.at - self.bytes
        if fault.kind == "bytes":
            self.hit = True
            return [data[i : i + 1] for i in range(len(data))]
        if fault.kind == "none" or not 0 <= cut < len(data):
            return [data]
        self.hit = True
        if fault.kind == "split":
            return [data[:cut], data[cut:]]
        if fault.kind == "flip":
            changed = bytearray(data)
            changed[cut] ^= 1 << fault.bit
            return [bytes(changed)]
        if fault.kind in {"end", "reset", "stall"}:
            self.ended = fault.kind
        return [data[:cut]]

    def _whole(self, data: bytes) -> Iterator[bytes]:
        self._part += data
        while len(self._part) >= _HEADER:
            size = _HEADER + int.from_bytes(self._part[3:5], "big")
            if len(self._part) < size:
                return
            yield bytes(self._part[:size])
            del self._part[:size]

    def _record(self, record: bytes) -> list[bytes]:
        here, self.records = self.records == self.fault.at, self.records + 1
        held, self._held = self._held, b""
        if held:
            self.hit = True
            return [record, held]
        if not here:
            return [record]
        if self.fault.kind == "swap":
            self._held = record
            return []
        self.hit = True
        return [record, record] if self.fault.kind == "repeat" else []


class FaultyStream(trio.abc.Stream):
    """A transport whose incoming bytes have a fault."""

    def __init__(self, transport: trio.abc.Stream, fault: Fault) -> None:
        self.transport, self.line = transport, FaultyBytes(fault)
        self._arrived: deque[bytes] = deque()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Give what arrived; nothing after an end, an error after a reset."""
        while not self._arrived:
            if self.line.ended == "end":
                await trio.lowlevel.checkpoint()
                return b""
            if self.line.ended == "reset":
                await trio.lowlevel.checkpoint()
                raise trio.BrokenResourceError("reset by a fault")
            if self.line.ended == "stall":
                await trio.sleep_forever()
            data = await self.transport.receive_some()
            if not data:
                return b""
            self._arrived.extend(self.line.feed(bytes(data)))
        piece = self._arrived.popleft()
        if max_bytes is not None and len(piece) > max_bytes:
            self._arrived.appendleft(piece[max_bytes:])
            piece = piece[:max_bytes]
        if self.line.ended is None:
            await trio.lowlevel.checkpoint()
        return piece

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send what is to be sent."""
        await self.transport.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Ask the transport."""
        await self.transport.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the transport."""
        await self.transport.aclose()


WORD = b"as good as my word"


class Speaker:
    """One end of a conversation: it shakes hands, says a word, ends, and listens."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.error: HandfastError | None = None
        self.heard, self.said, self.done = b"", False, False

    @property
    def whole(self) -> bool:
        """Whether it heard the word and the peer's end."""
        return self.heard == WORD and self.connection.closed_by_peer

    def step(self, data: bytes | None = None) -> None:
        """Take bytes (empty: no more will come), and go as far as possible."""
        if self.error is not None:
            return
        try:
            if data is not None:
                self.connection.receive(data)
            self.done = self.done or self.connection.handshake()
            if self.done and not self.said:
                self.said = True
                self.connection.send(WORD)
                self.connection.close()
            while self.done and (got := self.connection.read()):
                self.heard += got
        except HandfastError as error:
            self.error = error


def converse(
    client: Speaker, server: Speaker, *, to_client: FaultyBytes, to_server: FaultyBytes
) -> None:
    """Let them talk until nothing moves; who still waits then stays so."""
    client.step()
    moved = True
    while moved:
        moved = False
        ways = ((client, server, to_server), (server, client, to_client))
        for sender, receiver, line in ways:
            data = sender.connection.to_send()
            for piece in line.feed(data) if data else ():
                receiver.step(piece)
            if line.ended == "end" and line.hit:
                receiver.step(b"")
            moved |= bool(data)
