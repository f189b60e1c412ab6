# SPDX-License-Identifier: Apache-2.0
"""Options of `handfast serve` for ports that speak more than one thing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from tests.support.net_world import server_config

from handfast import ConfigError, TlsConfig
from handfast.cli.ports import Ports
from handfast.net import (
    Passthrough,
    Permissive,
    PlainStream,
    PlainTextPeer,
    PlainTextReport,
    ProxyProtocol,
    ServerNames,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def ports(**options: Any) -> Ports:
    plain: dict[str, Any] = {
        "workers": 0,
        "mode": "strict",
        "plain_report": None,
        "identities": (),
        "backends": (),
        "sni_others": "refuse",
        "proxies": (),
    }
    return Ports(**plain | options)


class Maker:
    """Makes configurations, and notes of which files."""

    def __init__(self) -> None:
        self.files: list[tuple[Path, Path]] = []

    def __call__(self, cert: Path, key: Path) -> TlsConfig:
        self.files.append((cert, key))
        return server_config()


async def plain_handler(stream: PlainStream) -> None:
    """Take a stream."""


def settings(make: Maker | None = None, **options: Any) -> dict[str, Any]:
    return ports(**options).settings(make or Maker(), plain_handler)


def test_without_options_nothing_is_set() -> None:
    assert settings() == {}


def test_workers_are_given_on() -> None:
    assert settings(workers=2) == {"workers": 2}


def test_options_become_settings_of_the_server() -> None:
    make = Maker()
    made = settings(
        make,
        mode="permissive",
        identities=["pay.example=pay.pem,pay.key"],
        backends=["*.old.example=10.0.0.7:8443", "six.example=[::1]:1"],
        proxies=["10.0.0.0/8"],
    )
    assert make.files == [(Path("pay.pem"), Path("pay.key"))]
    assert isinstance(made["mode"], Permissive)
    assert isinstance(made["proxy_protocol"], ProxyProtocol)
    names = made["sni"]
    assert isinstance(names, ServerNames)
    assert isinstance(names.find("pay.example"), TlsConfig)
    assert str(names.find("db.old.example")) == "10.0.0.7:8443"
    six = names.find("six.example")
    assert isinstance(six, Passthrough)
    assert six.host == "::1"


def test_others_may_have_the_default() -> None:
    names = settings(backends=["a.example=b:1"], sni_others="default")["sni"]
    assert names.find("other.example") is None
    assert names.find("") is None


@pytest.mark.parametrize(
    "options",
    [
        {"plain_report": Path("report.json")},
        {"identities": ["pay.example"]},
        {"identities": ["pay.example=pay.pem"]},
        {"identities": ["=pay.pem,pay.key"]},
        {"backends": ["a.example=b"]},
        {"backends": ["a.example=:1"]},
        {"backends": ["a.example=b:http"]},
        {"backends": ["a.example=b:1", "a.example=c:1"]},
    ],
)
def test_what_is_not_written_right_is_wrong_usage(options: dict[str, Any]) -> None:
    with pytest.raises(click.UsageError):
        settings(**options)


@pytest.mark.parametrize(
    "options", [{"backends": ["1.2.3.4=b:1"]}, {"proxies": ["proxy.example"]}]
)
def test_values_that_are_none_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        settings(**options)


@pytest.mark.parametrize("plain", [0, 3])
def test_the_report_is_told_to_people(
    plain: int, capsys: pytest.CaptureFixture[str]
) -> None:
    peer = PlainTextPeer(
        address="192.0.2.7",
        via=None,
        connections=2,
        active=0,
        first_seen=NOW,
        last_seen=NOW,
    )
    report = PlainTextReport(
        since=NOW,
        until=NOW,
        mutual_tls=5,
        plain_text=plain,
        refused=0,
        overflow=1 if plain else 0,
        peers=(peer,) if plain else (),
    )
    ports(mode="permissive").tell(report, as_json=False)
    told = capsys.readouterr().err
    assert f"5 connections of mutual TLS, {plain} in plain text" in told
    assert ("192.0.2.7" in told) is bool(plain)
    assert ("strict mode is possible" in told) is not bool(plain)
    assert ("without a place" in told) is bool(plain)
