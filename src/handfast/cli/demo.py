# SPDX-License-Identifier: Apache-2.0
"""``handfast demo``: the main job in ten seconds, here, without privileges.

An authority runs, two workloads that it attests run as processes of their own and call
each other, five callers who must not get in are turned away (they use Python's own
``ssl``, so the other end is not our code), and handshakes are counted beside ``ssl`` in
the same run.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from handfast.cli.demo_cast import Cast, meet
from handfast.cli.demo_program import Program
from handfast.cli.demo_server import call, run_authority, run_server
from handfast.cli.demo_setting import (
    CALLER,
    DOMAIN,
    SERVER,
    VISITOR,
    Setting,
    set_up,
)
from handfast.cli.demo_speed import compare
from handfast.cli.output import console, emit, iso, skew_text

_ROLES = (SERVER, CALLER, VISITOR)
_LABELS = {"clock": "clock skew", "hint": "what to do"}


class _Story:
    """Tells the same events to a person or, as JSON lines, to a program."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def chapter(self, title: str) -> None:
        if not self.as_json:
            console.rule(f"[bold]{title}", align="left")

    def event(self, text: str, /, **facts: Any) -> None:
        if self.as_json:
            emit(facts)
        else:
            console.print(text, soft_wrap=True)


def _introduce(story: _Story, setting: Setting, authority: Program) -> None:
    story.chapter("An authority: handfast authority run")
    story.event(
        f"  trust domain [bold]{DOMAIN}[/], process {authority.pid}; workloads ask at\n"
        f"  {setting.endpoint}\n"
        f"  its entries: a process of uid {os.getuid()}, attested by the kernel, is\n"
        + "\n".join(f"    {role.name}" for role in _ROLES),
        event="authority",
        trust_domain=str(DOMAIN),
        endpoint=setting.endpoint,
        workloads=[role.name for role in _ROLES],
    )


def _call(story: _Story, setting: Setting, server: Program, cast: Cast) -> None:
    story.chapter("A call between two workloads")
    answer = call(setting, server.facts["port"], "42 apples, please\n")
    accepted = server.next_event("accepted")
    story.event(
        "  [dim]SPIFFE_ENDPOINT_SOCKET is all that they are told of who they are:[/]\n"
        f"  $ handfast serve --hint {SERVER.hint} --allow {CALLER.name}\n"
        f"  $ handfast connect --hint {CALLER.hint} --allow {SERVER.name}\n"
        f"  the server authenticated [bold green]{accepted['spiffe_id']}[/]\n"
        f"  the client authenticated [bold green]{answer['peer']}[/]\n"
        f"  {answer['version']}, {answer['cipher']}; it sent and got back: "
        f"{answer['text']!r}\n"
        f"  the SVIDs end at {iso(cast.server.svid.not_after)} and are renewed long "
        "before",
        event="call",
        server_saw=accepted["spiffe_id"],
        client_saw=answer["peer"],
        sent_and_received=answer["text"],
    )


def _refusals(story: _Story, server: Program, cast: Cast) -> None:
    story.chapter("Five callers who do not get in")
    for number, intruder in enumerate(cast.intruders, 1):
        alert = intruder.try_to_call(server.facts["port"])
        refused = server.next_event("refused")
        lines = [
            f"[bold]{number}. {intruder.title}[/]",
            f"   refused: [bold red]{refused['reason']}[/]: {refused['text']}",
        ]
        told = {**refused, "clock": skew_text(refused)}
        lines += [
            f"   {_LABELS.get(key, key)}: {told[key]}"
            for key in ("expected", "seen", "clock", "hint")
            if told.get(key)
        ]
        lines.append(f"   the caller was told: {alert}")
        story.event(
            "\n".join(lines),
            event="refusal",
            case=intruder.key,
            **{key: value for key, value in refused.items() if key != "event"},
            told=alert,
        )


def _speed(story: _Story, cast: Cast, seconds: float) -> None:
    story.chapter("Full mutual handshakes a second of CPU, both ends, in memory")
    figures = compare(cast, seconds)
    table = Table("stack", "handshakes / s", "against stdlib ssl")
    for name, rate in figures.rates.items():
        table.add_row(name, f"{rate:,.0f}", f"{rate / figures.baseline:.2f} ×")
    if story.as_json:
        emit({"event": "speed", "rates": figures.rates, "ratio": figures.ratio})
    else:
        console.print(table)
        console.print(
            "  One short interleaved run on this machine; `make bench` measures well."
        )


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=4.0,
    show_default=True,
    help="Time for the speed figures.",
)
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
def demo(seconds: float, as_json: bool) -> None:
    """See it work: an authority, a call, five refusals explained, the speed here."""
    story = _Story(as_json=as_json)
    with tempfile.TemporaryDirectory(prefix="handfast-demo-") as folder:
        setting = set_up(Path(folder))
        with run_authority(setting) as authority:
            _introduce(story, setting, authority)
            with run_server(setting) as server:
                cast = meet(setting)
                _call(story, setting, server, cast)
                _refusals(story, server, cast)
        _speed(story, cast, seconds)
