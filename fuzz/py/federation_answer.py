# SPDX-License-Identifier: Apache-2.0
"""Answers of bundle endpoints: a document or a refusal, bounded, however it is cut.

What an attacker must hold already: a bundle endpoint that we were told to ask, or its
host's certificate. Whatever a redirect says, what comes of it is https without a user.
"""

from __future__ import annotations

import sys
from typing import Any

import atheris
from fuzzing import instrumented

with instrumented():
    from handfast import ConfigError, FederationError
    from handfast.federation import EndpointUrl
    from handfast.federation.exchange import Answer, get

LIMIT = 2000
OK = 200
URL = EndpointUrl.parse("https://a.example/path?query")


class Wire:
    """A stream that never waits: bytes in pieces, then the end."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    async def send_all(self, data: bytes) -> None:
        """Take the request, which is always the same."""
        if not data.startswith(b"GET /path?query HTTP/1.1\r\n"):
            raise AssertionError(f"asked {data!r}")

    async def receive_some(self, max_bytes: int) -> bytes:
        """Give the next piece."""
        size = min(self.size, max_bytes)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


def outcome(data: bytes, size: int) -> Answer | None:
    """Run an exchange, which nothing makes wait, without an event loop."""
    wire: Any = Wire(data, size)
    try:
        get(wire, URL, limit=LIMIT).send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    except FederationError as error:
        if not str(error).isprintable():
            raise AssertionError(f"{data!r}: a message with anything in it") from error
        return None
    raise AssertionError("it waits for something")


def one_input(data: bytes) -> None:
    """Read it whole and in pieces, and follow where it leads."""
    pieces, answer = data[:1], data[1:]
    whole = outcome(answer, len(answer) or 1)
    if outcome(answer, 1 + (pieces[0] if pieces else 0)) != whole:
        raise AssertionError(f"{answer!r} is another answer in pieces")
    if whole is None:
        return
    if len(whole.body) > LIMIT or (whole.body and whole.status != OK):
        raise AssertionError(f"{answer!r} is taken for more than it may be")
    if whole.location is not None:
        try:
            url = URL.join(whole.location)
        except ConfigError:
            return
        if EndpointUrl.parse(str(url)) != url or "@" in url.authority:
            raise AssertionError(f"{whole.location!r} leads to {url}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
