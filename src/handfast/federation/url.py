# SPDX-License-Identifier: Apache-2.0
"""URLs of bundle endpoints: https, no user information, one reading.

Everything else of a URL is free (FED-17). What two parsers could read in two ways, such
as a backslash, a blank or a host that is neither name nor address, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn
from urllib.parse import urlsplit

from handfast.errors import ConfigError, Reason, detail_for
from handfast.names import DnsName, IpAddress, parse_name
from handfast.text import escape

__all__ = ["HTTPS_PORT", "EndpointUrl"]

HTTPS_PORT: Final = 443
_URL_MAX: Final = 2048
_SHOWN_MAX: Final = 200
_PORT_MAX: Final = 65535

# RFC 3986 knows no other characters; a percent sign begins two hexadecimal digits.
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_BRACKET = re.compile(r"[\[\]]")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PORT = re.compile(r"[0-9]{1,5}")
# What comes behind the first segment of a relative reference.
_PATH_PARTS = re.compile(r"[/?]")


def _refuse(expected: str, seen: str) -> NoReturn:
    shown = escape(seen[:_SHOWN_MAX])
    detail = detail_for(Reason.FEDERATION_URL, expected=expected, seen=f"'{shown}'")
    raise ConfigError(detail)


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """A checked URL, taken apart. Make one with `parse`.

    Attributes:
        host: Whom to connect to, and whom a web server's certificate must name.
        port: TCP port.
        target: Path and query, as the request has them; never empty.

    Example:
        >>> url = EndpointUrl.parse("https://bundles.example/prod?format=spiffe")
        >>> str(url.host), url.port, url.target
        ('bundles.example', 443, '/prod?format=spiffe')
        >>> str(url.join("/staging"))
        'https://bundles.example/staging'
    """

    host: DnsName | IpAddress
    port: int = HTTPS_PORT
    target: str = "/"

    @classmethod
    def parse(cls, text: str) -> EndpointUrl:
        """Read a URL; a fragment is dropped, as no request has one.

        Raises:
            ConfigError: It is not https, names a user, or is no URL.
        """
        if len(text) > _URL_MAX:
            _refuse(f"a URL of at most {_URL_MAX} characters", text)
        if not _CHARACTERS.fullmatch(text):
            _refuse("a URL of RFC 3986's characters", text)
        try:
            parts = urlsplit(text)
        except ValueError:
            _refuse("a URL", text)
        if parts.scheme != "https":
            _refuse("the scheme https", text)
        if "@" in parts.netloc:
            # What comes before an @ may be a password: it is not shown.
            _refuse("no user information", "https://...@...")
        if _BRACKET.search(parts.path + parts.query):
            _refuse("brackets around an IPv6 address only", text)
        host, port = _host_and_port(parts.netloc, text)
        path = parts.path or "/"
        # An empty query is not the same request as none.
        query = f"?{parts.query}" if "?" in text.partition("#")[0] else ""
        return cls(host, port, path + query)

    def join(self, location: str) -> EndpointUrl:
        """Resolve a redirect's Location against this URL.

        Raises:
            ConfigError: The result cannot be an endpoint's.
        """
        if not _CHARACTERS.fullmatch(location):
            _refuse("a URL of RFC 3986's characters", location)
        # All of it not by urljoin: it takes https:///x for a path on the old host, and
        # drops what is empty, from one Python to the next not the same.
        if _ABSOLUTE.match(location):
            return EndpointUrl.parse(location)
        if location.startswith("//"):
            return EndpointUrl.parse(f"https:{location}")
        reference = location.partition("#")[0]
        if ":" in _PATH_PARTS.split(reference, maxsplit=1)[0]:
            _refuse("a path whose first segment has no colon", location)
        target = _resolved(self.target, reference)
        return EndpointUrl.parse(f"https://{self.authority}{target}")

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in str(self.host) else str(self.host)
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"https://{self.authority}{self.target}"


def _resolved(target: str, reference: str) -> str:
    """Resolve a reference without a host (RFC 3986, section 5.2.2)."""
    path = target.partition("?")[0]
    there, mark, query = reference.partition("?")
    if not there:
        return f"{path}?{query}" if mark else target
    if not there.startswith("/"):
        there = path[: path.rindex("/") + 1] + there
    return _without_dots(there) + mark + query


def _without_dots(path: str) -> str:
    """Remove dot segments (section 5.2.4)."""
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _host_and_port(netloc: str, text: str) -> tuple[DnsName | IpAddress, int]:
    if netloc.startswith("["):
        host, bracket, rest = netloc[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            _refuse("an IPv6 address in brackets", text)
        number = rest[1:] if rest else ""
        written = bool(rest)
    else:
        host, colon, number = netloc.partition(":")
        written = bool(colon)
    if not host:
        _refuse("a host", text)
    try:
        name = parse_name(host)
    except ConfigError:
        _refuse("a host name or an IP address", text)
    if not written:
        return name, HTTPS_PORT
    if not _PORT.fullmatch(number) or not 0 < int(number) <= _PORT_MAX:
        _refuse(f"a port from 1 to {_PORT_MAX}", text)
    return name, int(number)
