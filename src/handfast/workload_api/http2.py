# SPDX-License-Identifier: Apache-2.0
"""One HTTP/2 connection without any I/O: h2, with limits and a queue in front of it.

Bytes that came go in by `receive`; `to_send` shows what is to go out, and `sent` says
how much of it went, so that a cancelled or partial write loses and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import h2.config
import h2.connection
import h2.events
import h2.settings
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from handfast.text import escape
from handfast.workload_api.frames import FrameGate, GoAway, WireError
from handfast.workload_api.limits import WireLimits

__all__ = ["Headers", "Http2", "read_headers"]

#: Headers as they are here: names and values in order.
Headers = list[tuple[str, str]]

_DATA_MAX: Final = 16384
_SEND_MAX: Final = 65536
_TABLE_MAX: Final = 4096
_PING: Final = b"handfast"
_Codes = h2.settings.SettingCodes


class _H2(h2.connection.H2Connection):
    # What it remembers of streams that are gone, to be lenient with late frames.
    MAX_CLOSED_STREAMS = 1024


@dataclass(slots=True)
class _Outgoing:
    """What one stream has still to send."""

    data: bytearray = field(default_factory=bytearray)
    end: bool = False
    trailers: Headers | None = None
    reset_after: bool = False


class Http2:
    """A connection, for either side.

    Args:
        client: Which side we are.
        limits: What is taken from the other side.
        streams: Calls at once.
        window: Bytes that may be on their way to us, a stream.
    """

    __slots__ = ("_gate", "_h2", "_outgoing", "_to_send")

    def __init__(
        self, *, client: bool, limits: WireLimits, streams: int, window: int
    ) -> None:
        config = h2.config.H2Configuration(client_side=client, header_encoding=None)
        self._h2 = _H2(config)
        settings: dict[h2.settings.SettingCodes, int] = {
            _Codes.HEADER_TABLE_SIZE: _TABLE_MAX,
            _Codes.ENABLE_PUSH: 0,
            _Codes.MAX_CONCURRENT_STREAMS: streams,
            _Codes.INITIAL_WINDOW_SIZE: window,
            _Codes.MAX_FRAME_SIZE: _DATA_MAX,
            _Codes.MAX_HEADER_LIST_SIZE: limits.header_list,
        }
        self._h2.local_settings = h2.settings.Settings(
            client=client,
            initial_values=settings,
        )
        # Else it would hold from the acknowledgement on, which a peer need not send.
        self._h2.decoder.max_header_list_size = limits.header_list
        self._h2.initiate_connection()
        # The connection's own window never is what a stream waits for: each stream's
        # bounds it, and one that nobody reads must not stop the others.
        self._h2.increment_flow_control_window(window * streams)
        self._gate = FrameGate(server=not client, limits=limits)
        self._outgoing: dict[int, _Outgoing] = {}
        self._to_send = bytearray()

    # -- what comes

    def receive(
        self, data: bytes, now: float
    ) -> Iterator[list[h2.events.Event] | GoAway]:
        """Take bytes; yield what came, in parts to be looked at one after the other.

        Raises:
            WireError: the connection is over; `to_send` has our GOAWAY.
        """
        try:
            parts = self._gate.feed(data, now)
        except WireError as error:
            self.give_up(error.http2_code)
            raise
        for part in parts:
            yield part if isinstance(part, GoAway) else self._receive(part)

    def _receive(self, passed: bytes) -> list[h2.events.Event]:
        try:
            events = self._h2.receive_data(passed)
        except H2Error as error:
            text = escape(str(error))
            code = getattr(error, "error_code", ErrorCodes.PROTOCOL_ERROR)
            raise WireError(f"not HTTP/2 as it should be: {text}", code) from error
        except Exception as error:
            # Whatever a stranger's bytes do to the layers below, it ends here, and
            # only this connection ends by it.
            self.give_up(ErrorCodes.PROTOCOL_ERROR)
            raise WireError(f"unreadable HTTP/2: {escape(repr(error))}") from error
        for event in events:
            if isinstance(event, h2.events.RemoteSettingsChanged):
                # A peer may offer memory; ours for its headers stays small.
                table = min(self._h2.remote_settings.header_table_size, _TABLE_MAX)
                self._h2.encoder.header_table_size = min(
                    self._h2.encoder.header_table_size, table
                )
        self.pump()
        return events

    def acknowledge(self, stream: int, size: int) -> None:
        """Let the other side send so many bytes more."""
        if size:
            self._h2.acknowledge_received_data(size, stream)

    # -- what goes

    def open_stream(self) -> int:
        """Choose the number of a new stream.

        Raises:
            h2.exceptions.NoAvailableStreamIDError: all were used.
        """
        return self._h2.get_next_available_stream_id()

    @property
    def streams_left(self) -> int:
        """How many streams the other side would let us open now."""
        most = self._h2.remote_settings.max_concurrent_streams
        return most - self._h2.open_outbound_streams

    def send_headers(self, stream: int, headers: Headers, *, end: bool = False) -> None:
        """Send headers at once: they need no window."""
        self._h2.send_headers(stream, headers, end_stream=end)

    def queue(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send bytes as the other side's windows allow."""
        outgoing = self._outgoing.setdefault(stream, _Outgoing())
        outgoing.data += data
        outgoing.end = end
        self._pump_one(stream, outgoing)

    def queue_trailers(self, stream: int, headers: Headers) -> None:
        """Send trailers after what is queued; they end our side."""
        outgoing = self._outgoing.setdefault(stream, _Outgoing())
        outgoing.trailers = headers
        self._pump_one(stream, outgoing)

    def unsent(self, stream: int) -> int:
        """How many bytes of a stream wait for a window."""
        outgoing = self._outgoing.get(stream)
        return 0 if outgoing is None else len(outgoing.data)

    def is_sending(self, stream: int) -> bool:
        """Whether our side of a stream has not ended by itself yet."""
        return stream in self._outgoing

    def reset(self, stream: int, code: ErrorCodes) -> None:
        """End a stream now; nothing happens when it is gone already."""
        self.forget(stream)
        try:
            self._h2.reset_stream(stream, code)
        except H2Error:
            return

    def stop_reading(self, stream: int) -> None:
        """Tell the other side to send no more on a stream that we have answered.

        RFC 9113, section 8.1: a reset with NO_ERROR after the whole answer. When the
        answer is still queued, the reset follows it.
        """
        outgoing = self._outgoing.get(stream)
        if outgoing is not None:
            outgoing.reset_after = True
        else:
            self.reset(stream, ErrorCodes.NO_ERROR)

    def ping(self) -> None:
        """Ask for a sign of life; nothing happens when the connection is over."""
        with suppress(H2Error):
            self._h2.ping(_PING)

    def forget(self, stream: int) -> None:
        """Drop what is queued for a stream."""
        self._outgoing.pop(stream, None)

    def give_up(self, code: ErrorCodes) -> None:
        """Say that the connection is over."""
        try:
            self._h2.close_connection(code)
        except H2Error:
            return

    def pump(self) -> None:
        """Move what the windows allow now."""
        for stream, outgoing in list(self._outgoing.items()):
            self._pump_one(stream, outgoing)

    def _pump_one(self, stream: int, outgoing: _Outgoing) -> None:
        try:
            while outgoing.data:
                window = self._h2.local_flow_control_window(stream)
                size = min(window, _DATA_MAX, len(outgoing.data))
                if size <= 0:
                    return
                ends = outgoing.end and size == len(outgoing.data)
                part = bytes(outgoing.data[:size])
                self._h2.send_data(stream, part, end_stream=ends)
                del outgoing.data[:size]
                if ends:
                    self.forget(stream)
                    return
            if outgoing.trailers is not None:
                self._h2.send_headers(stream, outgoing.trailers, end_stream=True)
                self.forget(stream)
                if outgoing.reset_after:
                    self.reset(stream, ErrorCodes.NO_ERROR)
            elif outgoing.end:
                self._h2.end_stream(stream)
                self.forget(stream)
        except H2Error:
            # The stream or the connection is gone; its own event says so.
            self.forget(stream)

    # -- bytes

    def to_send(self) -> bytes:
        """Show the next bytes to send; empty when there are none."""
        self._to_send += self._h2.data_to_send()
        return bytes(self._to_send[:_SEND_MAX])

    def sent(self, size: int) -> None:
        """Say how many of them went."""
        del self._to_send[:size]


def read_headers(headers: list[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Group headers by name; text that is not UTF-8 keeps its bytes."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.decode("ascii", "replace"), []).append(
            value.decode("utf-8", "surrogateescape")
        )
    return found
