# SPDX-License-Identifier: Apache-2.0
"""One GET over a stream that is there already: bounded, and in one reading.

The other end is authenticated and may be hostile all the same: it decides what another
trust domain's bundle is, and nothing else. So headers and body have limits, a body is
taken only as it is (no content encoding, so no bomb of one, F2), and what is not HTTP
ends the exchange. The total time is the caller's to bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

import h11
import trio

from handfast.errors import FederationError, HandfastError, Reason, detail_for
from handfast.text import escape

if TYPE_CHECKING:
    from handfast.federation.url import EndpointUrl

__all__ = ["Answer", "get"]

_HEADERS_MAX: Final = 16384
_INTERIM_MAX: Final = 10
_READ: Final = 65536
_SHOWN_MAX: Final = 100
_OK: Final = 200
_VERSIONS: Final = {b"1.0", b"1.1"}
_CHARSET: Final = re.compile(rb";\s*charset\s*=\s*\"?([^\s\";]*)", re.IGNORECASE)
_UTF8: Final = {b"utf-8", b"utf8", b"us-ascii"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: the body only of a 200, and then all of it.

    Attributes:
        status: HTTP's number.
        location: Of a redirect; None when there is none, or more than one.
        body: The document.
    """

    status: int
    location: str | None = None
    body: bytes = field(default=b"", repr=False)


def _refuse(reason: Reason, expected: str, seen: str) -> NoReturn:
    shown = escape(seen[:_SHOWN_MAX])
    raise FederationError(detail_for(reason, expected=expected, seen=shown))


class _Exchange:
    """The client's side of one connection; it is used once."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADERS_MAX)

    async def ask(self, url: EndpointUrl) -> None:
        request = h11.Request(
            method="GET",
            target=url.target,
            headers=[
                ("Host", url.authority),
                ("Accept", "application/json"),
                ("Accept-Encoding", "identity"),
                ("User-Agent", "handfast"),
                ("Connection", "close"),
            ],
        )
        data = self._http.send(request) or b""
        await self._stream.send_all(data + (self._http.send(h11.EndOfMessage()) or b""))

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                _refuse(Reason.FEDERATION_RESPONSE, "HTTP/1.1", str(error))
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            self._http.receive_data(bytes(await self._stream.receive_some(_READ)))

    async def head(self) -> h11.Response:
        for _ in range(_INTERIM_MAX):
            event = await self._next()
            if isinstance(event, h11.Response):
                if event.http_version not in _VERSIONS:
                    seen = f"HTTP/{event.http_version.decode('latin-1')}"
                    _refuse(Reason.FEDERATION_RESPONSE, "HTTP/1.1", seen)
                return event
            if not isinstance(event, h11.InformationalResponse):
                _refuse(Reason.FEDERATION_RESPONSE, "an answer", "the end")
        _refuse(Reason.FEDERATION_RESPONSE, "an answer", "only interim ones")

    async def body(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            event = await self._next()
            if not isinstance(event, h11.Data):
                # The end of the message; of a stream that was cut, h11 says so itself.
                return b"".join(parts)
            size += len(event.data)
            if size > limit:
                _too_large(limit, f"more than {limit}")
            parts.append(bytes(event.data))


def _too_large(limit: int, seen: str) -> NoReturn:
    _refuse(Reason.FEDERATION_TOO_LARGE, f"at most {limit} bytes", seen)


def _values(response: h11.Response, name: bytes) -> list[bytes]:
    return [value for key, value in response.headers if key == name]


def _check_framing(response: h11.Response) -> None:
    # RFC 9112, section 6.3, lets a length be overruled; whoever is between us and the
    # server may have gone by it. Before HTTP/1.1 there were no chunks.
    chunked = _values(response, b"transfer-encoding")
    if chunked and (
        _values(response, b"content-length") or response.http_version != b"1.1"
    ):
        seen = f"chunks and a length, or HTTP/{response.http_version.decode('latin-1')}"
        _refuse(Reason.FEDERATION_RESPONSE, "a body that ends in one way", seen)


def _check_headers(response: h11.Response, limit: int) -> None:
    _check_framing(response)
    codings = b",".join(_values(response, b"content-encoding"))
    if codings.strip().lower() not in (b"", b"identity"):
        seen = codings.decode("latin-1")
        _refuse(Reason.FEDERATION_RESPONSE, "a body that is not encoded", seen)
    for kind in _values(response, b"content-type"):
        # The type itself is only recommended (FED-26), so any is taken.
        for charset in _CHARSET.findall(kind):
            if charset.lower() not in _UTF8:
                seen = charset.decode("latin-1")
                _refuse(Reason.FEDERATION_RESPONSE, "UTF-8", seen)
    for length in _values(response, b"content-length"):
        if int(length) > limit:  # h11 has seen that it is a number
            _too_large(limit, f"{int(length)} bytes announced")


async def get(stream: trio.abc.Stream, url: EndpointUrl, *, limit: int) -> Answer:
    """Ask for a URL's target. The stream can be used for nothing else afterwards.

    Args:
        stream: A connection to the URL's host, verified.
        url: What to ask for.
        limit: Bytes that a body may have.

    Cancellation: the stream has to be closed.

    Raises:
        FederationError: The answer is not HTTP, too large, or encoded.
        HandfastError: TLS failed, such as by a stream that was cut.
    """
    exchange = _Exchange(stream)
    try:
        await exchange.ask(url)
        response = await exchange.head()
        if response.status_code != _OK:
            places = _values(response, b"location")
            place = places[0].decode("latin-1") if len(places) == 1 else None
            return Answer(response.status_code, place)
        _check_headers(response, limit)
        return Answer(_OK, body=await exchange.body(limit))
    except trio.BrokenResourceError as error:
        if isinstance(error.__cause__, HandfastError):
            raise error.__cause__ from None
        _refuse(Reason.FEDERATION_UNREACHABLE, "a connection that lasts", str(error))
