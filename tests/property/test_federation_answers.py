# SPDX-License-Identifier: Apache-2.0
"""Whatever a bundle endpoint answers, it is a document or a refusal, and small."""

from __future__ import annotations

from contextlib import suppress

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from handfast import HandfastError
from handfast.federation import EndpointUrl
from handfast.federation.exchange import Answer, get

LIMIT = 1000
URL = EndpointUrl.parse("https://a.example/")

_lines = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 302 Found\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n",
        b"HTTP/1.1 204 No\r\n",
        b"HTTP/2.0 200 OK\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Type: a/b; charset=utf-8\r\n",
        b"Content-Type: a/b; charset=ebcdic\r\n",
        b"Location: /x\r\n",
        b"Location:\r\n",
        b" folded\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"hello",
        b"x" * 600,
    ]
)
_answers = st.lists(_lines | st.binary(max_size=20), max_size=12).map(b"".join)


async def _ask(data: bytes, pieces: int) -> Answer | None:
    ours, theirs = trio.testing.memory_stream_pair()

    async def answer() -> None:
        step = max(1, len(data) // pieces)
        for start in range(0, len(data), step):
            await theirs.send_all(data[start : start + step])
        await theirs.send_eof()

    outcome: Answer | None = None
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            with suppress(HandfastError):
                outcome = await get(ours, URL, limit=LIMIT)
    return outcome


@given(data=_answers, pieces=st.integers(1, 50))
def test_an_answer_is_taken_whole_or_refused(data: bytes, pieces: int) -> None:
    """F2: bounded, without any other error, and the same however it is cut (D5)."""
    whole, cut = trio.run(_ask, data, 1), trio.run(_ask, data, pieces)
    assert whole == cut
    if whole is not None:
        assert len(whole.body) <= LIMIT
        assert whole.status == 200 or not whole.body
