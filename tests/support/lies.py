# SPDX-License-Identifier: Apache-2.0
"""Deviations of a TLS peer: what no honest stack sends; see `misbehaving`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.support.misbehaving import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    HANDSHAKE,
    Deviation,
    Record,
    message,
)

WARNING, FATAL = 1, 2
CLOSE_NOTIFY, UNEXPECTED_MESSAGE, USER_CANCELED = 0, 10, 90


def instead(kind: int, *records: Record) -> Deviation:
    """Send records in place of one message."""

    def deviate(seen: int, data: bytes) -> Iterable[Record]:
        return records if seen == kind else [(HANDSHAKE, data)]

    return deviate


def skip(kind: int) -> Deviation:
    """Leave a message out."""
    return instead(kind)


def before(kind: int, *records: Record) -> Deviation:
    """Send records, and then the message."""

    def deviate(seen: int, data: bytes) -> Iterable[Record]:
        return [*records, (HANDSHAKE, data)] if seen == kind else [(HANDSHAKE, data)]

    return deviate


def twice(kind: int) -> Deviation:
    """Send a message two times."""

    def deviate(seen: int, data: bytes) -> Iterable[Record]:
        return [(HANDSHAKE, data)] * (2 if seen == kind else 1)

    return deviate


def swap(kind: int) -> Deviation:
    """Send a message after the one behind it."""
    held: list[bytes] = []

    def deviate(seen: int, data: bytes) -> Iterable[Record]:
        if seen == kind:
            held.append(data)
            return []
        behind = [(HANDSHAKE, it) for it in held]
        held.clear()
        return [(HANDSHAKE, data), *behind]

    return deviate


def change(kind: int, how: Callable[[bytes], bytes]) -> Deviation:
    """Send a message that was changed."""

    def deviate(seen: int, data: bytes) -> Iterable[Record]:
        return [(HANDSHAKE, how(data) if seen == kind else data)]

    return deviate


def flip(at: int) -> Callable[[bytes], bytes]:
    """Flip a bit of a byte, counted from either end."""

    def how(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[at] ^= 1
        return bytes(changed)

    return how


def of_length(length: int) -> Callable[[bytes], bytes]:
    """Say another length than there is, and send nothing of the rest."""
    return lambda data: data[:1] + length.to_bytes(3, "big") + data[4:]


def split(size: int) -> Deviation:
    """Cut every message but the first into records of a few bytes."""

    def deviate(seen: int, data: bytes) -> Iterable[Record]:
        return [
            (HANDSHAKE, data[start : start + size])
            for start in range(0, len(data), size)
        ]

    return deviate


def interrupt(kind: int, record: Record) -> Deviation:
    """Put a record of another kind into the middle of a message."""

    def deviate(seen: int, data: bytes) -> Iterable[Record]:
        if seen != kind:
            return [(HANDSHAKE, data)]
        half = len(data) // 2
        return [(HANDSHAKE, data[:half]), record, (HANDSHAKE, data[half:])]

    return deviate


def hello_with(extension: int, body: bytes = b"") -> Deviation:
    """Add an extension, the first of all, to the client's hello."""

    def how(data: bytes) -> bytes:
        at = 4 + 2 + 32
        at += 1 + data[at]
        at += 2 + int.from_bytes(data[at : at + 2], "big")
        at += 1 + data[at]
        return _with_extension(data, at, extension, body)

    return change(CLIENT_HELLO, how)


def extensions_with(kind: int, extension: int, body: bytes = b"") -> Deviation:
    """Add an extension to a message that is nothing but extensions."""
    return change(kind, lambda data: _with_extension(data, 4, extension, body))


def server_hello_with(kind: int, extension: int, body: bytes = b"") -> Deviation:
    """Add an extension to the server's hello."""

    def how(data: bytes) -> bytes:
        at = 4 + 2 + 32
        at += 1 + data[at]
        return _with_extension(data, at + 3, extension, body)

    return change(kind, how)


def _with_extension(data: bytes, at: int, extension: int, body: bytes) -> bytes:
    old = data[at + 2 :]
    added = extension.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
    extensions = (len(old) + len(added)).to_bytes(2, "big") + added + old
    return message(data[0], data[4:at] + extensions)


def certificates(count: int, body: bytes) -> bytes:
    """Make a Certificate message of TLS 1.3: the same entry, many times."""
    entry = len(body).to_bytes(3, "big") + body + b"\0\0"
    entries = entry * count
    return b"\0" + len(entries).to_bytes(3, "big") + entries


DATA = (APPLICATION_DATA, b"not yet")
CCS = (CHANGE_CIPHER_SPEC, b"\x01")


def alert(level: int, description: int) -> Record:
    """Make an alert."""
    return ALERT, bytes([level, description])
