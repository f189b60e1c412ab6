# SPDX-License-Identifier: Apache-2.0
"""The names of servers that have no SPIFFE ID: host names and IP addresses.

Only for one-way TLS to the public web, where a certificate is for a name.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import NoReturn

from handfast.errors import ConfigError, Reason, detail_for
from handfast.text import escape

__all__ = ["DnsName", "IpAddress", "parse_name"]

_NAME_MAX = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UPPER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _refuse(expected: str, seen: str) -> NoReturn:
    detail = detail_for(
        Reason.NAME_INVALID, expected=expected, seen=f"'{escape(seen)}'"
    )
    raise ConfigError(detail)


@dataclass(frozen=True, slots=True)
class DnsName:
    """A host name, folded to lower case: ASCII labels, no wildcard, no last dot.

    Write names of other scripts in their A-label form (``xn--...``): which Unicode
    becomes which label is a question that must be answered only once, by the caller.

    Example:
        >>> DnsName("Example.COM")
        DnsName(name='example.com')
    """

    name: str

    def __post_init__(self) -> None:
        name = self.name.translate(_UPPER)
        labels = name.split(".")
        if len(name) > _NAME_MAX or not all(map(_LABEL.fullmatch, labels)):
            _refuse("a host name of ASCII labels", self.name)
        if _NUMBER.fullmatch(labels[-1]):
            # 127.1 and 0x7f.1 are addresses to some resolvers and names to others.
            _refuse("a host name whose last label is not a number", self.name)
        object.__setattr__(self, "name", name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class IpAddress:
    """An IPv4 or IPv6 address, in its canonical spelling.

    Example:
        >>> IpAddress("2001:DB8:0::1")
        IpAddress(address='2001:db8::1')
        >>> len(IpAddress("192.0.2.7").packed)
        4
    """

    address: str

    def __post_init__(self) -> None:
        try:
            parsed = ipaddress.ip_address(str(self.address))
        except ValueError:
            _refuse("an IPv4 or IPv6 address", str(self.address))
        if "%" in str(parsed):
            # A zone means something on one machine only; no certificate names it.
            _refuse("an address without a zone", self.address)
        object.__setattr__(self, "address", str(parsed))

    @property
    def packed(self) -> bytes:
        """The address as certificates have it: 4 or 16 bytes."""
        return ipaddress.ip_address(self.address).packed

    def __str__(self) -> str:
        return self.address


def parse_name(text: str) -> DnsName | IpAddress:
    """Read a host name or an address, whichever it is.

    Raises:
        ConfigError: It is neither.

    Example:
        >>> parse_name("192.0.2.7"), parse_name("example.com")
        (IpAddress(address='192.0.2.7'), DnsName(name='example.com'))
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return DnsName(text)
    return IpAddress(text)
