# SPDX-License-Identifier: Apache-2.0
"""`python -m bench`: measure handfast beside its peers (bench/README.md).

Exit codes: 0 done, 1 an aim was missed and --check was given, 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench import build, idle, issuing, loads, machine, matrix, report, verifying
from bench.corpus import STAMP
from bench.runner import Plan, measure
from bench.scenarios import SCENARIOS
from handfast import openssl_version

if TYPE_CHECKING:
    from bench.runner import Result
    from bench.scenarios import Scenario

ALL = (*SCENARIOS, *loads.SCENARIOS, *matrix.SCENARIOS, *verifying.SCENARIOS)
GROUPS = ("handshakes", loads.GROUP, matrix.GROUP, verifying.GROUP)
SHORT_LEAVES = 10_000


def say(message: str) -> None:
    """Tell progress, away from the report."""
    print(message, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    names = [*GROUPS, idle.NAME, issuing.NAME, *(scenario.name for scenario in ALL)]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "scenarios",
        nargs="*",
        default=["handshakes"],
        help=f"of {', '.join(names)}; the first {len(GROUPS)} are groups of the others",
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    parser.add_argument("--rounds", type=int, help="15, short 3")
    parser.add_argument("--seconds", type=float, help="of each sample: 0.5, short 0.3")
    parser.add_argument("--short", action="store_true", help="fewer leaves, too")
    parser.add_argument("--rate", type=float, help="of open-loop: clients a second")
    parser.add_argument("--cpu", type=int, help="pin every peer to this CPU (Linux)")
    parser.add_argument(
        "--lto",
        choices=("auto", "on", "off"),
        default="auto",
        help="link the C peers with LTO; auto: as the engine is",
    )
    parser.add_argument("--plot", action="store_true", help="draw SVGs, too")
    parser.add_argument("--check", action="store_true", help="fail on a missed aim")
    given = parser.parse_args()
    unknown = sorted(set(given.scenarios) - set(names))
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}")
    rounds, seconds = (3, 0.3) if given.short else (15, 0.5)
    given.rounds = rounds if given.rounds is None else given.rounds
    given.seconds = seconds if given.seconds is None else given.seconds
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    if given.rate is not None and given.rate <= 0:
        parser.error("--rate must be more than nothing")
    return given


def make_plan(
    given: argparse.Namespace, scenarios: list[Scenario], *, lto: bool
) -> Plan:
    """Build what takes part, and say how long to measure."""
    say("building the peers")
    peers = [peer for one in scenarios for peer in one.peers]
    names = {peer.program for peer in peers}
    names |= {peer.helper for peer in peers if peer.helper is not None}
    if idle.NAME in given.scenarios:
        names |= {server.program for server in idle.SERVERS}
    wanted = {name for name in names if name.startswith("c_")} - {build.STOCK}
    engine = build.engine_facts()
    programs = build.c_peers(
        given.output,
        lto=lto,
        pgo=lto and engine.get("HANDFAST_PGO") == "ON",
        malloc=engine.get("HANDFAST_MALLOC") or "system",
        programs=[*sorted(wanted), STAMP],
    )
    if build.STOCK in names:
        build.stock_peer(given.output, programs)
    others = sorted(name for name in names if name.startswith(("go_", "rust_")))
    return Plan(
        rounds=given.rounds,
        seconds=given.seconds,
        cpu=given.cpu,
        programs=programs,
        missing=build.other_peers(given.output, programs, others),
        corpora=given.output / "corpora",
        most=SHORT_LEAVES if given.short else None,
    )


def show(result: Result, path: Path, given: argparse.Namespace) -> None:
    """Print a scenario's table, and draw it for who asked."""
    print(report.table(result), f"  -> {path}", sep="\n", end="\n\n", flush=True)
    if given.plot:
        # Only who draws needs matplotlib.
        from bench import plot  # noqa: PLC0415

        print(f"  -> {plot.draw(result, given.output)}")


def main() -> int:
    """Measure what was asked for."""
    given = arguments()
    asked = [one for one in ALL if {one.name, one.group} & set(given.scenarios)]
    scenarios = [loads.at_rate(one, given.rate) for one in asked]
    engine = build.engine_facts()
    lto = given.lto == "on" or (
        given.lto == "auto" and engine.get("HANDFAST_LTO") == "ON"
    )
    plan = make_plan(given, scenarios, lto=lto)
    openssl = openssl_version()
    conditions = {
        "machine": machine.facts(),
        "engine": engine,
        "openssl": asdict(openssl),
        "c_peers_lto": lto,
    }
    print(f"handfast on {openssl}", end="\n\n", flush=True)
    results = []
    too_much: list[str] = []
    if idle.NAME in given.scenarios:
        too_much = idle.run(plan, given.output, short=given.short, say=say)
    if issuing.NAME in given.scenarios:
        too_much += issuing.run(given.output, short=given.short, say=say)
    for scenario in scenarios:
        result = measure(scenario, plan, say)
        results.append(result)
        show(result, report.write(result, conditions, given.output), given)
    axes = [one for one in results if one.scenario in verifying.AXES]
    if axes:
        print(report.summary(axes), end="\n\n")
        if given.plot:
            from bench import plot  # noqa: PLC0415

            print(f"  -> {plot.draw_axes(axes, given.output)}")
    cells = [one for one in results if one.scenario.group == matrix.GROUP]
    if cells:
        print(report.summary(cells, by_peer=False), end="\n\n")
    missed = [
        found for one in results for found in one.ratios if found.reached is False
    ]
    for words in too_much:
        print(f"missed: {words}")
    for found in missed:
        print(f"missed: {report.pair(found)}: {found.median:.3f} of {found.aim:g}")
    return 1 if (missed or too_much) and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
