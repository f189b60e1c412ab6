# SPDX-License-Identifier: Apache-2.0
"""The front of a port that speaks more than one thing.

Theory of operation. Before a handshake there is a beginning: a PROXY header, the byte
that tells TLS from plain text, the server name in the ClientHello. A :class:`Knock`
reads it, in this order and in the time of the handshake, and decides once what the
connection is: mutual TLS under one configuration, plain text, or a backend's. Servers
that speak only mutual TLS have no front, and read nothing before the engine does.

Invariants:
    1. What was read is handed on whole: to the engine, to the plain text stream, or to
       the backend. Nothing else was taken from the transport.
    2. A connection that began with 0x16 never becomes plain text (A8).
    3. A connection gets its configuration before OpenSSL sees a byte of it, and keeps
       it (threats, 2.1).
    4. Whoever is neither verified nor plain text in permissive mode gets no handler.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

import trio

from handfast.errors import HandfastError, PeerError
from handfast.net.beginning import Beginning
from handfast.net.failures import refuse_setting
from handfast.net.origin import Proxied, remote_end
from handfast.net.passthrough import Passthrough, Relay
from handfast.net.permissive import Permissive
from handfast.net.plain import PlainStream
from handfast.net.sni import compare_names, read_server_name
from handfast.reasons import ROWS
from handfast.tls import Connection

if TYPE_CHECKING:
    from handfast.errors import Reason
    from handfast.net.listen import MtlsListener
    from handfast.net.living import LivingStream
    from handfast.net.plain_text_report import Visit
    from handfast.net.proxy_protocol import ProxyProtocol
    from handfast.net.sni import ServerNames
    from handfast.net.stream import MtlsStream
    from handfast.tls import TlsConfig

__all__ = ["Front", "Guest", "Knock", "Mode", "open_front", "serve_guest"]

#: What the first bytes of a connection may be.
Mode = Literal["strict"] | Permissive

#: What is not mutual TLS, and still let in.
Guest = PlainStream | Relay

# How long a refused peer may take to let the alert be sent.
_ALERT_TIMEOUT: Final = 1.0


class Front:
    """What a server does before handshakes; see the module."""

    __slots__ = ("names", "permissive", "proxies")

    def __init__(
        self,
        permissive: Permissive | None,
        names: ServerNames | None,
        proxies: ProxyProtocol | None,
    ) -> None:
        self.permissive = permissive
        self.names = names
        self.proxies = proxies

    def knock(self, listener: MtlsListener, transport: trio.abc.Stream) -> Knock:
        """Begin with a connection that was accepted."""
        return Knock(self, listener, transport)


def open_front(
    mode: Mode,
    names: ServerNames | None,
    proxies: ProxyProtocol | None,
    *,
    workers: int,
) -> Front | None:
    """Make the front that the settings ask for; None when there is nothing to do.

    Raises:
        ConfigError: a setting is not valid, or cannot be had together with workers.
    """
    if isinstance(mode, Permissive):
        permissive = mode
    elif mode == "strict":
        permissive = None
    else:
        refuse_setting("mode= 'strict', or a Permissive(...)", repr(mode))
    if permissive is None and names is None and proxies is None:
        return None
    if workers:
        refuse_setting(
            "workers=0 where a port is permissive, has server names or PROXY headers: "
            "the engine's workers speak mutual TLS and nothing else",
            f"workers={workers}",
        )
    return Front(permissive, names, proxies)


class Knock:
    """One connection, from its first byte until it is clear what it is."""

    __slots__ = ("_beginning", "_front", "_listener", "_remote")

    def __init__(
        self, front: Front, listener: MtlsListener, transport: trio.abc.Stream
    ) -> None:
        self._front = front
        self._listener = listener
        self._beginning = Beginning(transport)
        self._remote = remote_end(transport)

    @property
    def remote(self) -> object:
        """Who it is, for the log."""
        source = self._beginning.source
        return self._remote if source is None else Proxied(source, self._remote)

    async def answer(self) -> MtlsStream | Guest:
        """Read the beginning, and shake hands with whom we shake hands.

        Cancellation: a stream that was made is closed; the transport is the caller's.

        Raises:
            HandfastError: why it is neither one thing nor the other.
        """
        front, beginning = self._front, self._beginning
        proxies, permissive = front.proxies, front.permissive
        if proxies is not None and proxies.is_named(beginning.transport):
            await proxies.take_header(beginning)
            proxies = None
        plain = permissive is not None and await permissive.is_plain(beginning)
        # Whoever is silent, and taken for plain text by that, has sent no header.
        if proxies is not None and (beginning.data or not plain):
            await proxies.need_no_header(beginning)
        if permissive is not None and plain:
            return self._plain(permissive)
        config, name = self._listener.config, None
        if front.names is not None:
            try:
                name = await read_server_name(beginning)
                target = front.names.find(name)
            except PeerError as error:
                await self._tell(error.reason)
                raise
            if isinstance(target, Passthrough):
                return await self._pass_on(target)
            config = target or config
        stream = await self._shake_hands(config, name)
        if permissive is not None:
            permissive.count_mutual()
        return stream

    async def _shake_hands(self, config: TlsConfig, name: str | None) -> MtlsStream:
        connection = Connection(config)
        if self._beginning.data:
            connection.receive(self._beginning.data)
        stream = self._listener.adopt(self._beginning.transport, connection)
        try:
            stream.come_from(self._beginning.source)
            await stream.do_handshake()
            if name is not None:
                compare_names(name, connection)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    def _plain(self, permissive: Permissive) -> PlainStream:
        visit = permissive.admit(self._beginning)
        listener, beginning = self._listener, self._beginning
        stream = PlainStream(
            beginning.transport, beginning.data, lifetime=listener.lifetime
        )
        stream.come_from(beginning.source)
        stream.belong_to(_Host(listener, visit))
        listener.look_after(stream)
        return stream

    async def _pass_on(self, to: Passthrough) -> Relay:
        try:
            relay = await to.open(self._beginning, self._listener)
        except HandfastError as error:
            await self._tell(error.reason)
            raise
        self._listener.look_after(relay)
        return relay

    async def _tell(self, reason: Reason) -> None:
        """Send the alert for a reason, as the first and last record of ours."""
        alert = ROWS[reason].alert
        # Whoever may not come in for a reason of ours hears internal_error.
        record = bytes([0x15, 3, 3, 0, 2, 2, 80 if alert is None else alert])
        with trio.move_on_after(_ALERT_TIMEOUT), suppress(trio.BrokenResourceError):
            await self._beginning.transport.send_all(record)


class _Host:
    """Whoever wants to know how a stream in plain text ended."""

    __slots__ = ("_listener", "_visit")

    def __init__(self, listener: MtlsListener, visit: Visit) -> None:
        self._listener = listener
        self._visit = visit

    def stream_closed(
        self, stream: LivingStream | Relay, reason: Reason | None
    ) -> None:
        self._visit.end()
        self._listener.stream_closed(stream, reason)


async def serve_guest(
    front: Front | None, listener: MtlsListener, guest: Guest
) -> None:
    """Run what a connection is given that is not mutual TLS.

    Cancellation: the guest is left to the caller to close.
    """
    if isinstance(guest, Relay):
        listener.counters.passed += 1
        await guest.run()
        return
    listener.counters.plain += 1
    if front is not None and front.permissive is not None:
        await front.permissive.plain_handler(guest)
