# SPDX-License-Identifier: Apache-2.0
"""How an agent's parts ask the authority: whoever has the connection does it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from google.protobuf.message import Message

__all__ = ["Ask"]

_M = TypeVar("_M", bound=Message)


class Ask(Protocol):
    """Makes one call to the authority."""

    async def __call__(self, method: str, request: Message, response: type[_M]) -> _M:
        """Return the answer.

        Raises:
            RpcError: there is none.
        """
        ...
