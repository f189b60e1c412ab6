# SPDX-License-Identifier: Apache-2.0
"""A connection whose other end can vanish without a word, as without power."""

from __future__ import annotations

import trio

_PING = b"\0\0\x08\x06\0\0\0\0\0"


class HalfOpen(trio.abc.Stream):
    """A stream that can be cut: from then on sending works, and nothing ever comes.

    Attributes:
        pings: When PINGs went out, in trio's time.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._is_cut = False
        self._waiting = trio.CancelScope()
        self.pings: list[float] = []

    def cut(self) -> None:
        """Let the other end vanish."""
        self._is_cut = True
        self._waiting.cancel()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        # They are alone in what is sent, but for the first thing that is said.
        self.pings += [trio.current_time()] * bytes(data).startswith(_PING)
        if self._is_cut:
            await trio.lowlevel.checkpoint()
        else:
            await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        with trio.CancelScope() as self._waiting:
            if not self._is_cut:
                return await self._stream.receive_some(max_bytes)
        await trio.sleep_forever()
        raise AssertionError

    async def aclose(self) -> None:
        await self._stream.aclose()
