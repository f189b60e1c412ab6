# SPDX-License-Identifier: Apache-2.0
"""Draws one scenario: ratios as bars with their intervals, latencies as CDFs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from bench import figures
from bench.peers.sampler import LATENCY_GRID

if TYPE_CHECKING:
    from pathlib import Path

    from bench.runner import Result


def draw(result: Result, directory: Path) -> Path:
    """Write `<scenario>.svg` and return where."""
    figure, (bars, curves) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    figure.suptitle(result.scenario.title)
    first = next(iter(result.peers))
    ratios = [ratio for ratio in result.ratios if ratio.over == first]
    bars.barh(
        [ratio.peer for ratio in ratios],
        [ratio.median for ratio in ratios],
        xerr=[
            [ratio.median - ratio.low for ratio in ratios],
            [ratio.high - ratio.median for ratio in ratios],
        ],
        capsize=3,
    )
    bars.axvline(1.0, color="black", linewidth=0.8)
    bars.set_xlabel(f"handshakes per CPU second, {first} = 1 (95 % interval)")
    for name, peer in result.peers.items():
        curves.plot(figures.latency(peer.samples), LATENCY_GRID, label=name)
    curves.set_xscale("log")
    curves.set_xlabel("microseconds a handshake, both ends")
    curves.set_ylabel("share of handshakes")
    curves.legend()
    path = directory / f"{result.scenario.name}.svg"
    figure.savefig(path)
    plt.close(figure)
    return path
