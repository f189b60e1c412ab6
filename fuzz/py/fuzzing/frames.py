# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames out of an input: mostly well-formed, with anything in them."""

from __future__ import annotations

from typing import Any, Final

import hpack

__all__ = ["frames"]

_HEADERS: Final = (
    (":status", "200"),
    (":status", "103"),
    (":status", "404"),
    ("content-type", "application/grpc"),
    ("content-type", "text/html"),
    ("grpc-status", "0"),
    ("grpc-status", "7"),
    ("grpc-status", "x"),
    ("grpc-message", "%zz %41"),
    ("grpc-encoding", "gzip"),
    ("grpc-timeout", "1S"),
    ("grpc-timeout", "1x"),
    (":method", "POST"),
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/S/M"),
    (":path", ""),
    (":authority", "localhost"),
    ("te", "trailers"),
    ("workload.spiffe.io", "true"),
    ("connection", "close"),
    ("X-Capitals", "x"),
)
# What a good answer and a good request consist of, so that many inputs get further.
_ANSWER: Final = (0, 3)
_TRAILERS: Final = (5,)
_REQUEST: Final = (12, 14, 15, 17, 18, 3, 19)
_DATA, _SETTINGS = 0, 4
_KINDS: Final = 12
_STREAMS: Final = (0, 1, 1, 1, 3, 3, 5, 2, 99, 2**31 - 1)
_FLAGS: Final = (0, 1, 4, 4, 5, 5, 8, 0xD, 0xFF)


def _headers(data: Any) -> bytes:
    """A header block: one that is good, one of any fields, or anything at all."""
    chosen: tuple[int, ...]
    match data.ConsumeIntInRange(0, 5):
        case 0:
            return bytes(data.ConsumeBytes(data.ConsumeIntInRange(0, 64)))
        case 1:
            chosen = _ANSWER
        case 2:
            chosen = _TRAILERS
        case 3:
            chosen = _REQUEST
        case _:
            count = data.ConsumeIntInRange(0, 8)
            chosen = tuple(
                data.ConsumeIntInRange(0, len(_HEADERS) - 1) for _ in range(count)
            )
    # Tables of two encoders would differ: literals only.
    encoded: bytes = hpack.Encoder().encode([_HEADERS[it] for it in chosen])
    return encoded


def _message(data: Any) -> bytes:
    body = bytes(data.ConsumeBytes(data.ConsumeIntInRange(0, 40)))
    if data.ConsumeBool():
        return b"\0" + len(body).to_bytes(4, "big") + body
    return body


def frames(data: Any) -> bytes:
    """Read the rest of an input as a list of frames."""
    found = bytearray()
    while data.remaining_bytes():
        kind = data.ConsumeIntInRange(0, _KINDS)
        flags = _FLAGS[data.ConsumeIntInRange(0, len(_FLAGS) - 1)]
        stream = _STREAMS[data.ConsumeIntInRange(0, len(_STREAMS) - 1)]
        if kind in {1, 9}:
            payload = _headers(data)
        elif kind == _DATA:
            payload = _message(data)
        else:
            size = {2: 5, 3: 4, 6: 8, 7: 8, 8: 4}.get(kind, 6)
            if data.ConsumeIntInRange(0, 7) == 0:
                size = data.ConsumeIntInRange(0, 20)
            payload = bytes(data.ConsumeBytes(size))
        repeat = data.ConsumeIntInRange(1, 40) if flags == _FLAGS[-1] else 1
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
        found += (head + stream.to_bytes(4, "big") + payload) * repeat
    return bytes(found)
