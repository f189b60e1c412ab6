# SPDX-License-Identifier: Apache-2.0
"""``handfast demo``: the main job in half a minute, here, without privileges.

An authority is made, two workloads run as processes of their own and call each other,
five callers who must not get in are turned away (they use Python's own ``ssl``, so the
other end is not our code), and handshakes are counted beside ``ssl`` in the same run.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from handfast.cli.demo_cast import Cast, make_cast
from handfast.cli.demo_server import DemoServer, call
from handfast.cli.demo_speed import compare
from handfast.cli.output import console, emit, skew_text

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


def _call(story: _Story, server: DemoServer, cast: Cast) -> None:
    story.chapter("A call between two workloads")
    answer = call(cast.caller, server, "42 apples, please\n")
    accepted = server.next_event("accepted")
    story.event(
        f"  {cast.caller.name} called {answer['peer']}\n"
        f"  the server authenticated [bold green]{accepted['spiffe_id']}[/]\n"
        f"  the client authenticated [bold green]{answer['peer']}[/]\n"
        f"  {answer['version']}, {answer['cipher']}; it sent and got back: "
        f"{answer['text']!r}",
        event="call",
        server_saw=accepted["spiffe_id"],
        client_saw=answer["peer"],
        sent_and_received=answer["text"],
    )


def _refusals(story: _Story, server: DemoServer, cast: Cast) -> None:
    story.chapter("Five callers who do not get in")
    for number, intruder in enumerate(cast.intruders, 1):
        alert = intruder.try_to_call(server.port)
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
    default=6.0,
    show_default=True,
    help="Time for the speed figures.",
)
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines.")
def demo(seconds: float, as_json: bool) -> None:
    """See it work: a call, five refusals explained, and the speed here."""
    story = _Story(as_json=as_json)
    with tempfile.TemporaryDirectory(prefix="handfast-demo-") as folder:
        cast = make_cast(Path(folder))
        story.chapter("An authority and two workloads")
        story.event(
            f"  trust domain [bold]{cast.trust_domain}[/]; SVIDs of one hour for\n"
            f"  {cast.server.name} (server) and {cast.caller.name} (client)",
            event="authority",
            trust_domain=str(cast.trust_domain),
            workloads=[cast.server.name, cast.caller.name],
        )
        with DemoServer(cast) as server:
            _call(story, server, cast)
            _refusals(story, server, cast)
        _speed(story, cast, seconds)
