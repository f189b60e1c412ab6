# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 peer that sends whatever bytes a test wants, good ones made by h2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import h2.config
import h2.connection
import h2.events
import trio

from handfast.workload_api import Endpoint
from handfast.workload_api.messages import frame_message

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = (
    range(10)
)
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8

REQUEST = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/no/such"),
    (":authority", "localhost"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("workload.spiffe.io", "true"),
]


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    """A frame, whatever is in it."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream.to_bytes(4, "big") + payload


def request(path: str, **changed: str) -> list[tuple[str, str]]:
    """Headers of a good request for a method, or of one that differs somewhere."""
    names = {name.replace("-", "_").strip(":"): name for name, _ in REQUEST}
    wanted = dict(REQUEST) | {":path": path}
    wanted |= {names.get(name, name): value for name, value in changed.items()}
    return list(wanted.items())


class RawClient:
    """A client of bytes."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)

    @classmethod
    async def open(cls, endpoint: Endpoint) -> Self:
        """Connect, and say nothing."""
        return cls(await endpoint.open())

    async def begin(self) -> None:
        """Begin HTTP/2 as everybody does."""
        self.h2.initiate_connection()
        await self.flush()

    async def flush(self) -> None:
        """Send what h2 made."""
        await self.send(self.h2.data_to_send())

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        await self.stream.send_all(data)

    async def call(
        self, path: str, message: bytes = b"", changed: Mapping[str, str] | None = None
    ) -> int:
        """Make a call as everybody does but for some headers; return its stream."""
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, request(path, **(changed or {})))
        self.h2.send_data(number, frame_message(message), end_stream=True)
        await self.flush()
        return number

    async def events(self) -> list[h2.events.Event]:
        """Read once; empty at the end of the connection."""
        data = await self.stream.receive_some(65536)
        return self.h2.receive_data(bytes(data)) if data else []

    async def status(self, number: int) -> str | None:
        """Read until a call has ended; its grpc-status, or None when it was reset."""
        while True:
            found = await self.events()
            if not found:
                raise EOFError
            for event in found:
                if getattr(event, "stream_id", None) != number:
                    continue
                if isinstance(event, h2.events.StreamReset):
                    return None
                headers = dict(getattr(event, "headers", ()))
                if "grpc-status" in headers:
                    return str(headers["grpc-status"])

    async def read_to_the_end(self) -> bytes:
        """Read until the server hangs up; a reset is a way to."""
        found = b""
        try:
            while data := await self.stream.receive_some(65536):
                found += data
        except trio.BrokenResourceError:
            pass
        return found
