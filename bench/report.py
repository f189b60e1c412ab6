# SPDX-License-Identifier: Apache-2.0
"""Prints results for people and writes them for programs."""

from __future__ import annotations

import dataclasses
import json
import statistics
from typing import TYPE_CHECKING, Any

from bench import figures
from bench.peers.sampler import LATENCY_GRID

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


def _row(name: str, peer: RunningPeer) -> list[str]:
    rate = statistics.median(figures.rate(sample) for sample in peer.samples)
    grid = figures.latency(peer.samples)
    shown = [f"{grid[LATENCY_GRID.index(share)]:.0f}" for share in SHOWN.values()]
    return [name, f"{rate:.0f}", f"{1e6 / rate:.0f}", *_split(peer), *shown]


def table(result: Result) -> str:
    """Return the tables of one scenario."""
    head = ["peer", "per CPU s", "CPU us", "client", "server", *SHOWN]
    rows = [head, *(_row(name, peer) for name, peer in result.peers.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [result.scenario.title, ""]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells))
    lines.append("")
    width = max(len(f"{found.peer} / {found.over}") for found in result.ratios)
    for found in result.ratios:
        pair = f"{found.peer} / {found.over}"
        line = (
            f"  {pair:{width}}  {found.median:.3f}  [{found.low:.3f}, {found.high:.3f}]"
            f"  best {found.best:.3f}"
        )
        if found.aim is not None:
            verdict = "reached" if found.reached else "MISSED"
            line += f"  aim >= {found.aim}: {verdict}"
        lines.append(line)
    for name, peer in result.peers.items():
        facts = peer.facts
        words = [facts.get(k) for k in ("openssl", "protocol", "cipher", "group")]
        lines.append(f"  {name}: {peer.peer.note}; {', '.join(filter(None, words))}")
    return "\n".join(lines)


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
        "ratios": [dataclasses.asdict(ratio) for ratio in result.ratios],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return path
