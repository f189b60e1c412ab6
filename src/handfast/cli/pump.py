# SPDX-License-Identifier: Apache-2.0
"""Between a terminal and a stream: lines, bytes, or events as JSON."""

from __future__ import annotations

import base64
import os
import sys
from typing import cast

import trio

from handfast.cli.output import emit
from handfast.net import MtlsStream

_CHUNK = 65536


class Printer:
    """What a peer sends, on standard output.

    Line mode puts the peer's identity before each line and shows control characters as
    escapes: a peer must not be able to drive the terminal. Binary mode adds and changes
    nothing.
    """

    def __init__(self, name: str, *, as_json: bool, binary: bool) -> None:
        self._name = name
        self._as_json = as_json
        self._binary = binary
        self._line = bytearray()

    def data(self, chunk: bytes | bytearray) -> None:
        """Print what arrived; an unfinished line waits for its end."""
        if self._as_json:
            self._json(bytes(chunk))
        elif self._binary:
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        else:
            self._line += chunk
            *lines, rest = self._line.split(b"\n")
            self._line = bytearray(rest)
            for line in lines:
                self._print_line(bytes(line))

    def end(self) -> None:
        """Print an unfinished last line."""
        if self._line:
            self._print_line(bytes(self._line))
            self._line.clear()

    def _json(self, chunk: bytes) -> None:
        event: dict[str, object] = {"event": "data", "spiffe_id": self._name}
        try:
            event["text"] = chunk.decode()
        except UnicodeDecodeError:
            event["base64"] = base64.b64encode(chunk).decode()
        emit(event)

    def _print_line(self, line: bytes) -> None:
        text = line.rstrip(b"\r").decode("utf-8", "backslashreplace")
        safe = "".join(
            c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in text
        )
        print(f"[{self._name}] {safe}", flush=True)


async def _send_standard_input(stream: MtlsStream) -> None:
    # Python's word for a standard input that is closed, as typeshed does not know. Its
    # number may be another file's by now: it must not be read.
    if cast("object", sys.stdin) is None:
        await stream.send_eof()
        return
    while True:
        # abandon_on_cancel: a terminal that says nothing must not keep us from ending.
        chunk = await trio.to_thread.run_sync(
            os.read, sys.stdin.fileno(), _CHUNK, abandon_on_cancel=True
        )
        if not chunk:
            await stream.send_eof()
            return
        await stream.send_all(chunk)


async def pump(stream: MtlsStream, printer: Printer) -> None:
    """Standard input to the peer, the peer to standard output, until the peer ends.

    The end of standard input ends our direction only, so an answer still arrives.
    Cancelling it closes the stream at once.
    """
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(_send_standard_input, stream)
        try:
            async for chunk in stream:
                printer.data(chunk)
        finally:
            printer.end()
        nursery.cancel_scope.cancel()
