# SPDX-License-Identifier: Apache-2.0
"""Kinds of methods that a server answers with, and the call that a handler gets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

__all__ = ["Call", "Conversation", "Method", "ServerStream", "Unary"]

_C = TypeVar("_C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[_C]):
    """One call, as its handler sees it.

    Attributes:
        caller: Who is at the other end of the connection, as `identify` said.
        method: The path that was called.
        metadata: Headers of the request, HTTP/2's own among them. Not verified.
    """

    caller: _C
    method: str
    metadata: Mapping[str, Sequence[str]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unary(Generic[_C]):
    """A method with one request and one answer: ``await handler(call, request)``."""

    request: type[Message]
    handler: Callable[[Call[_C], Any], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class ServerStream(Generic[_C]):
    """A method with one request and many answers: an asynchronous generator.

    It goes on when the client has taken what was yielded last, and is cancelled when
    the client is gone.
    """

    request: type[Message]
    handler: Callable[[Call[_C], Any], AsyncGenerator[Message, None]]


@dataclass(frozen=True, slots=True)
class Conversation(Generic[_C]):
    """A method with an answer to each of many requests: ``handler(call, request)``."""

    request: type[Message]
    handler: Callable[[Call[_C], Any], Awaitable[Message]]


Method = Unary[_C] | ServerStream[_C] | Conversation[_C]
