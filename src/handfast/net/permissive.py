# SPDX-License-Identifier: Apache-2.0
"""Permissive mode: mutual TLS or plain text on one port, while callers migrate.

How the two are told apart. The first byte decides, and it decides once: 0x16 begins a
TLS handshake, and such a connection never becomes plain text, whatever comes of the
handshake (threat A8). Anything else is plain text. A protocol whose own messages may
begin with 0x16 cannot share a port with TLS; it is refused, never misread.

A peer that says nothing could be either. It is waited for until the handshake's
deadline and dropped then. So protocols in which the server speaks first (SMTP, MySQL)
need ``silent_after``: whoever has said nothing for so long is taken to wait for us, in
plain text. A TLS client that is slower than that then meets plain text and fails.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, final

import trio

from handfast.errors import Reason, UsageError, detail_for
from handfast.net.failures import need_positive, refuse_setting
from handfast.net.log import RareLines, address_text
from handfast.net.origin import Proxied, remote_end, socket_address
from handfast.net.plain import PlainStream
from handfast.net.plain_text_report import PlainTextReport, PlainTextTable

if TYPE_CHECKING:
    from handfast.net.beginning import Beginning
    from handfast.net.plain_text_report import Visit

__all__ = ["Permissive", "PlainHandler"]

#: Takes each connection in plain text.
PlainHandler = Callable[[PlainStream], Awaitable[object]]

_LOGGER: Final = logging.getLogger("handfast.net")
_HANDSHAKE: Final = 0x16


@final
class Permissive:
    """Let plain text in beside mutual TLS, and keep a record of who still speaks it.

    Give it to `serve_mtls(mode=...)`; several servers may share one. Verified peers
    go to the server's own handler, as in strict mode. Those who speak plain text go to
    `plain_handler` and never to the other one.

    Args:
        plain_handler: Called with each `PlainStream`, in a task of its own.
        max_connections: How many of these may be open; more are refused. They do not
            take the places of verified peers (`max_connections=` of the server).
        max_peers: How many addresses the record has room for. Later ones are counted
            without their names (`overflow`).
        silent_after: Seconds after which a peer that has said nothing is taken for one
            that speaks plain text and waits for us; None never does.

    Raises:
        ConfigError: a limit is not valid.
    """

    def __init__(
        self,
        plain_handler: PlainHandler,
        *,
        max_connections: int = 1000,
        max_peers: int = 1000,
        silent_after: float | None = None,
    ) -> None:
        if not callable(plain_handler):
            refuse_setting("a handler of plain text streams", repr(plain_handler))
        need_positive("max_connections=", max_connections)
        if silent_after is not None and not 0 < silent_after < math.inf:
            refuse_setting("silent_after= of seconds above 0, or None", silent_after)
        self.plain_handler = plain_handler
        self._max_connections = max_connections
        self._silent_after = silent_after
        self._table = PlainTextTable(max_peers)
        self._refused = 0
        self._lines = RareLines()

    def report(self) -> PlainTextReport:
        """Say who spoke plain text so far."""
        return self._table.report(self._refused)

    def clear(self) -> None:
        """Begin the record anew, as after callers were changed."""
        self._table.clear()
        self._refused = 0

    def count_mutual(self) -> None:
        """Count a verified peer: no plain text may also mean no callers at all."""
        self._table.mutual += 1

    async def is_plain(self, beginning: Beginning) -> bool:
        """Wait for the first byte and decide by it.

        Cancellation: nothing is lost.

        Raises:
            Truncated: the peer ended without a word: a health check, not a caller.
        """
        patience = math.inf if self._silent_after is None else self._silent_after
        with trio.move_on_after(patience):
            await beginning.need(1, expected="a first byte")
        return beginning.data[:1] != bytes([_HANDSHAKE])

    def admit(self, beginning: Beginning) -> Visit:
        """Record a connection in plain text; the caller says when it has ended.

        Raises:
            UsageError: there are too many of them.
        """
        proxy = socket_address(beginning.transport)
        told = beginning.source
        visit = self._table.visit(told or proxy, proxy if told else None)
        if self._table.active > self._max_connections:
            visit.end()
            self._refused += 1
            seen = f"{self._max_connections} connections in plain text already"
            raise UsageError(detail_for(Reason.LIMIT, seen=seen))
        if visit.is_first:
            self._log(beginning)
        return visit

    def _log(self, beginning: Beginning) -> None:
        """Name each address once, and not too many at a time: strangers make them."""
        remote = remote_end(beginning.transport)
        if beginning.source is not None:
            remote = Proxied(beginning.source, remote)
        address = address_text(remote)
        unsaid = self._lines.may_say()
        if unsaid is not None:
            _LOGGER.warning(
                "%s speaks plain text; in strict mode it would be refused%s",
                address,
                f" ({unsaid} more were not logged)" if unsaid else "",
                extra={"peer_address": address, "unsaid": unsaid},
            )
