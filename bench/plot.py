# SPDX-License-Identifier: Apache-2.0
"""Draws scenarios: ratios as bars with their intervals, and latencies as CDFs.

Only handshakes have latencies worth a curve; verification gets the bars alone.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from bench import figures
from bench.peers.sampler import LATENCY_GRID

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.runner import Result


def _bars(axes: Axes, result: Result) -> None:
    """Everybody beside the first, which is 1."""
    first = next(iter(result.peers))
    ratios = [ratio for ratio in result.ratios if ratio.over == first]
    axes.barh(
        [ratio.peer for ratio in ratios],
        [ratio.median for ratio in ratios],
        xerr=[
            [ratio.median - ratio.low for ratio in ratios],
            [ratio.high - ratio.median for ratio in ratios],
        ],
        capsize=3,
    )
    axes.axvline(1.0, color="black", linewidth=0.8)
    scenario = result.scenario
    seconds = "second" if scenario.wall else "CPU second"
    axes.set_xlabel(f"{scenario.unit}s per {seconds}, {first} = 1 (95 % interval)")


def _curves(axes: Axes, result: Result) -> None:
    """Show how long one unit takes, from the best case to the worst."""
    for name, peer in result.peers.items():
        axes.plot(figures.latency(peer.samples), LATENCY_GRID, label=name)
    axes.set_xscale("log")
    axes.set_xlabel(f"microseconds a {result.scenario.unit}, both ends")
    axes.set_ylabel(f"share of {result.scenario.unit}s")
    axes.legend()


def _histogram(axes: Axes, result: Result) -> None:
    """Show how many clients of an open loop waited how long, both axes logarithmic.

    A curve of shares would hide the few that wait a hundred times as long.
    """
    waited = {name: figures.pooled(it.samples) for name, it in result.peers.items()}
    ends = [min(map(min, waited.values())), max(map(max, waited.values())) + 1]
    low, high = (math.log10(max(end, 1)) for end in ends)
    edges = [10 ** (low + (high - low) * step / 60) for step in range(61)]
    for name, values in waited.items():
        axes.hist(values, bins=edges, histtype="step", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("microseconds from when a client was due to its answer")
    axes.set_ylabel("clients")
    axes.legend()


def draw(result: Result, directory: Path) -> Path:
    """Write `<scenario>.svg` and return where."""
    if result.scenario.corpus is None:
        size = (11, 4.5)
        figure, (bars, curves) = plt.subplots(1, 2, figsize=size, layout="constrained")
        show = _curves if result.scenario.rate is None else _histogram
        show(curves, result)
    else:
        figure, bars = plt.subplots(figsize=(8, 4.5), layout="constrained")
        bars.set_xscale("log")
    _bars(bars, result)
    figure.suptitle(result.scenario.title)
    return _save(figure, directory / f"{result.scenario.name}.svg")


def draw_axes(results: list[Result], directory: Path) -> Path:
    """Write one picture of several scenarios: CPU time of each peer in each."""
    names = dict.fromkeys(name for one in results for name in one.peers)
    figure, axes = plt.subplots(figsize=(11, 5), layout="constrained")
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        shown = [number for number, one in enumerate(results) if name in one.peers]
        costs = [
            1e6 / statistics.median(map(figures.rate, results[n].peers[name].samples))
            for n in shown
        ]
        at = [n + (place + 0.5) * width - 0.4 for n in shown]
        # Twenty colours: the usual ten would come twice.
        axes.bar(at, costs, width, label=name, color=plt.colormaps["tab20"](place))
    axes.set_xticks(range(len(results)), [one.scenario.name for one in results])
    axes.set_yscale("log")
    axes.set_ylabel("CPU microseconds a chain")
    axes.legend(ncols=3)
    return _save(figure, directory / "verify-axes.svg")


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path)
    plt.close(figure)
    return path
