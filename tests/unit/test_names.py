# SPDX-License-Identifier: Apache-2.0
"""Names of web servers: strict, since a certificate will be compared with them."""

from __future__ import annotations

import ipaddress

import pytest

from handfast import ConfigError, DnsName, IpAddress, Reason
from handfast.names import parse_name


@pytest.mark.parametrize(
    "name", ["example.com", "a", "xn--bcher-kva.example", "a-b.c_d.example", "1.a"]
)
def test_host_names_are_taken(name: str) -> None:
    assert str(DnsName(name)) == name


def test_case_is_folded_in_ascii_only() -> None:
    assert DnsName("WWW.Example.COM") == DnsName("www.example.com")
    with pytest.raises(ConfigError):
        DnsName("\u212aelvin.example")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "example.com.",
        ".example.com",
        "a..b",
        "*.example.com",
        "-a.example",
        "a-.example",
        "a b",
        "bücher.example",
        "a\x00.example",
        "a.example\n",
        "x" * 64,
        ".".join(["x" * 50] * 6),
        "192.0.2.7",
        "127.1",
        "a.0x7f",
        "https://a.example",
        "a.example:443",
    ],
)
def test_what_is_no_host_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DnsName(name)
    assert caught.value.reason is Reason.NAME_INVALID


def test_addresses_have_one_spelling() -> None:
    assert IpAddress("2001:DB8::0:1") == IpAddress("2001:db8::1")
    assert IpAddress("192.0.2.7").packed == bytes([192, 0, 2, 7])
    assert len(IpAddress("::1").packed) == 16


@pytest.mark.parametrize(
    "address", ["", "192.0.2", "192.0.2.07", "fe80::1%eth0", "[::1]", "a.example", "5"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        IpAddress(address)
    assert caught.value.reason is Reason.NAME_INVALID


def test_a_text_is_an_address_when_it_can_be_one() -> None:
    assert parse_name("::1") == IpAddress("::1")
    assert parse_name("a.example") == DnsName("a.example")
    assert str(parse_name("192.0.2.7")) == str(ipaddress.ip_address("192.0.2.7"))
    with pytest.raises(ConfigError):
        parse_name("not a name")
