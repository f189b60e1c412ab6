# SPDX-License-Identifier: Apache-2.0
"""Options of ports that speak more than one thing: modes, server names, proxies."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import trio
from rich.table import Table

from handfast import TlsConfig
from handfast.cli.identity import FILE
from handfast.cli.output import emit, iso, notes
from handfast.cli.pump import Printer
from handfast.net import (
    Passthrough,
    Permissive,
    PlainStream,
    PlainTextReport,
    ProxyProtocol,
    ServerNames,
)

# Whether there is such a port is asked where it is used.
_PORT = re.compile(r"[0-9]{1,5}")

#: Makes a configuration for another identity; the rest is as for the server's own.
MakeConfig = Callable[[Path, Path], TlsConfig]

_PORTS = (
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        default=0,
        help="Threads of the engine that shake hands, beside the event loop.",
    ),
    click.option(
        "--mode",
        type=click.Choice(["strict", "permissive"]),
        default="strict",
        show_default=True,
        help="Permissive lets plain text in and records who speaks it.",
    ),
    click.option(
        "--plain-report",
        type=click.Path(dir_okay=False, path_type=Path),
        help="With --mode permissive: write that record here, as JSON.",
    ),
    click.option(
        "--sni",
        "identities",
        multiple=True,
        metavar="NAME=CERT,KEY",
        help="Another identity for a server name, or for *.NAME. Repeat it.",
    ),
    click.option(
        "--pass",
        "backends",
        multiple=True,
        metavar="NAME=HOST:PORT",
        help="Pass connections for a server name on, TLS and all. Repeat it.",
    ),
    click.option(
        "--sni-others",
        type=click.Choice(["refuse", "default"]),
        default="refuse",
        show_default=True,
        help="With --sni or --pass: other names, and none at all.",
    ),
    click.option(
        "--proxy-from",
        "proxies",
        multiple=True,
        metavar="NETWORK",
        help="Take PROXY headers from these addresses, and from these only. Repeat it.",
    ),
)


def port_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --workers, and what makes a port speak more than one thing."""
    for option in reversed(_PORTS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the options said."""

    workers: int
    mode: Literal["strict", "permissive"]
    plain_report: Path | None
    identities: Sequence[str]
    backends: Sequence[str]
    sni_others: Literal["refuse", "default"]
    proxies: Sequence[str]

    def settings(
        self, make: MakeConfig, plain: Callable[[PlainStream], Any]
    ) -> dict[str, Any]:
        """Make the arguments of `serve_mtls`."""
        if self.plain_report is not None and self.mode != "permissive":
            raise click.UsageError("--plain-report needs --mode permissive")
        settings: dict[str, Any] = {"workers": self.workers} if self.workers else {}
        if self.mode == "permissive":
            settings["mode"] = Permissive(plain)
        if self.identities or self.backends:
            settings["sni"] = self._names(make)
        if self.proxies:
            settings["proxy_protocol"] = ProxyProtocol(self.proxies)
        return settings

    def _names(self, make: MakeConfig) -> ServerNames:
        names: dict[str, TlsConfig | Passthrough] = {}
        for text in self.identities:
            name, value = _split(text, "=", f"--sni {text}: write NAME=CERT,KEY")
            cert, key = _split(value, ",", f"--sni {text}: write NAME=CERT,KEY")
            names[name] = make(
                FILE.convert(cert, None, None), FILE.convert(key, None, None)
            )
        for text in self.backends:
            problem = f"--pass {text}: write NAME=HOST:PORT"
            name, value = _split(text, "=", problem)
            host, _, port = value.rpartition(":")
            if not host or not _PORT.fullmatch(port):
                raise click.UsageError(problem)
            names[name] = Passthrough(host.strip("[]"), int(port))
        if len(names) != len(self.identities) + len(self.backends):
            raise click.UsageError("--sni, --pass: give each name once")
        return ServerNames(names, unknown=self.sni_others, nameless=self.sni_others)

    def tell(self, report: PlainTextReport, *, as_json: bool) -> None:
        """Say who spoke plain text, and write it down where it was asked for."""
        if self.plain_report is not None:
            self.plain_report.write_text(report.to_json() + "\n", encoding="utf-8")
        if as_json:
            emit({"event": "plain_text_report", **report.facts()})
        else:
            _show(report)


def _split(text: str, separator: str, problem: str) -> tuple[str, str]:
    left, found, right = text.partition(separator)
    if not found or not left or not right:
        raise click.UsageError(problem)
    return left, right


def _show(report: PlainTextReport) -> None:
    notes.print(
        f"{report.mutual_tls} connections of mutual TLS, "
        f"{report.plain_text} in plain text since {iso(report.since)}"
    )
    if report.peers:
        table = Table("address", "via", "connections", "first seen", "last seen")
        for peer in report.peers:
            count, seen = str(peer.connections), (peer.first_seen, peer.last_seen)
            table.add_row(peer.address, peer.via or "", count, *map(iso, seen))
        notes.print(table)
    if report.overflow:
        notes.print(f"and {report.overflow} connections of addresses without a place")
    if report.mutual_tls and not report.plain_text:
        notes.print("[bold green]nobody speaks plain text: strict mode is possible[/]")


async def serve_plain(
    stream: PlainStream,
    *,
    as_json: bool,
    binary: bool,
    echo: bool,
    done: trio.Event | None,
) -> None:
    """Print what comes in plain text, marked as nobody's."""
    source = stream.source_address
    address = f"{source[0]}:{source[1]}" if source else "a local socket"
    if as_json:
        emit({"event": "plain_text", "address": address})
    else:
        notes.print(f"[bold yellow]plain text[/] from {address}: nobody is verified")
    printer = Printer(f"plain text, {address}", as_json=as_json, binary=binary)
    # Without TLS every end looks the same: nothing is told of how it ended.
    with suppress(trio.BrokenResourceError):
        async with stream:
            async for chunk in stream:
                printer.data(chunk)
                if echo:
                    await stream.send_all(chunk)
    printer.end()
    if done is not None:
        done.set()
