# SPDX-License-Identifier: Apache-2.0
"""Prints results for people and writes them for programs."""

from __future__ import annotations

import dataclasses
import json
import statistics
from typing import TYPE_CHECKING, Any

from bench import figures
from bench.peers.sampler import LATENCY_GRID
from bench.peers.schedule import percentile

if TYPE_CHECKING:
    from pathlib import Path

    from bench.runner import Result
    from bench.sampling import RunningPeer

SHOWN = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def _split(peer: RunningPeer) -> list[str]:
    """CPU microseconds a handshake of each end, from the extra sample."""
    sample = peer.split
    if sample is None:
        return ["-", "-"]
    ends = ("client_cpu", "server_cpu")
    return [f"{sample[end] / sample['count'] * 1e6:.0f}" for end in ends]


def _row(name: str, peer: RunningPeer, result: Result) -> list[str]:
    """Rates, then what only handshakes have: each end's share, and latencies."""
    per_cpu, per_wall = (
        statistics.median(figures.rate(sample, wall=wall) for sample in peer.samples)
        for wall in (False, True)
    )
    row = [name, f"{per_cpu:.0f}", f"{1e6 / per_cpu:.{1 if per_cpu > 1e4 else 0}f}"]
    if result.scenario.corpus is not None:
        return [*row, f"{per_wall:.0f}"]
    if result.scenario.rate is not None:
        waited = figures.pooled(peer.samples)
        shown = [f"{percentile(waited, share):.0f}" for share in SHOWN.values()]
    else:
        grid = figures.latency(peer.samples)
        shown = [f"{grid[LATENCY_GRID.index(share)]:.0f}" for share in SHOWN.values()]
    return [*row, *_split(peer), *shown]


def columns(rows: list[list[str]]) -> list[str]:
    """Return rows as lines: the first column left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells))
    return lines


def pair(found: figures.Ratio) -> str:
    """Name what was divided by what."""
    words = found.peer if found.over is None else f"{found.peer} / {found.over}"
    unit = "" if found.over is not None else ", a second"
    return words + unit + (" (wall)" if found.wall else "")


def _ratio_line(found: figures.Ratio, width: int) -> str:
    places = 3 if found.over is not None else 0
    values = [f"{value:.{places}f}" for value in (found.median, found.low, found.high)]
    line = f"  {pair(found):{width}}  {values[0]}  [{values[1]}, {values[2]}]"
    line += f"  best {found.best:.{places}f}"
    if found.aim is not None:
        verdict = "reached" if found.reached else "MISSED"
        line += f"  aim >= {found.aim:g}: {verdict}"
    return line


def _lateness(name: str, peer: RunningPeer) -> str:
    """How late the clients themselves were: waiting that is not the server's alone."""
    late = [sample["clients_late_us"] for sample in peer.samples]
    words = [
        f"{key} {statistics.median(one[key] for one in late):.0f} us" for key in late[0]
    ]
    count = sum(sample["count"] for sample in peer.samples)
    return f"  {name}: {count:,} clients, themselves late by {', '.join(words)}"


def table(result: Result) -> str:
    """Return the tables of one scenario."""
    head = ["peer", "per CPU s", "CPU us"]
    handshakes = ["client", "server", *SHOWN]
    head += handshakes if result.scenario.corpus is None else ["per s"]
    rows = [head, *(_row(name, peer, result) for name, peer in result.peers.items())]
    leaves = result.conditions.get("distinct_leaves")
    title = result.scenario.title + (f"; {leaves:,} distinct leaves" if leaves else "")
    lines = [title, "", *columns(rows), ""]
    width = max(len(pair(found)) for found in result.ratios)
    lines += [_ratio_line(found, width) for found in result.ratios]
    for name, peer in result.peers.items():
        facts = peer.facts
        words = [facts.get(k) for k in ("openssl", "protocol", "cipher", "group")]
        lines.append(f"  {name}: {', '.join(filter(None, [peer.peer.note, *words]))}")
    if result.scenario.rate is not None:
        lines += [_lateness(name, peer) for name, peer in result.peers.items()]
    lines += [f"  {name}: absent: {why}" for name, why in result.absent.items()]
    return "\n".join(lines)


def summary(results: list[Result], *, by_peer: bool = True) -> str:
    """Return a table of several scenarios: units per CPU second.

    Peers by scenario; or, where scenarios are too many for a line, the other way round.
    """
    names = dict.fromkeys(peer.name for one in results for peer in one.scenario.peers)
    rows = [["per CPU second", *(one.scenario.name for one in results)]]
    for name in names:
        row = [name]
        for one in results:
            peer = one.peers.get(name)
            rates = [figures.rate(sample) for sample in peer.samples] if peer else []
            row.append(f"{statistics.median(rates):,.0f}" if rates else "-")
        rows.append(row)
    if not by_peer:
        rows = [list(row) for row in zip(*rows, strict=True)]
    return "\n".join(columns(rows))


def write(result: Result, conditions: dict[str, Any], directory: Path) -> Path:
    """Write one scenario's JSON, replacing the last run's."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{result.scenario.name}.json"
    document = {
        "scenario": dataclasses.asdict(result.scenario),
        "conditions": conditions | result.conditions,
        "latency_grid": LATENCY_GRID,
        "peers": {
            name: {
                "command": peer.command,
                "facts": peer.facts,
                "samples": peer.samples,
                "split": peer.split,
            }
            for name, peer in result.peers.items()
        },
        "absent": result.absent,
        "ratios": [dataclasses.asdict(ratio) for ratio in result.ratios],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return path
