# SPDX-License-Identifier: Apache-2.0
"""`python -m bench`: measure handfast beside its peers (bench/README.md).

Exit codes: 0 done, 1 an aim was missed and --check was given, 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import build, machine, report
from bench.runner import Plan, measure
from bench.scenarios import SCENARIOS


def say(message: str) -> None:
    """Tell progress, away from the report."""
    print(message, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(names)}; all")
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each sample")
    parser.add_argument("--short", action="store_true", help="3 rounds of 0.3 s")
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
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    return given


def main() -> int:
    """Measure what was asked for."""
    given = arguments()
    engine = build.engine_facts()
    lto = given.lto == "on" or (
        given.lto == "auto" and engine.get("HANDFAST_LTO") == "ON"
    )
    plan = Plan(
        rounds=3 if given.short else given.rounds,
        seconds=0.3 if given.short else given.seconds,
        cpu=given.cpu,
        programs=build.c_peers(given.output, lto=lto),
    )
    conditions = {"machine": machine.facts(), "engine": engine, "c_peers_lto": lto}
    missed = False
    for scenario in SCENARIOS:
        if given.scenarios and scenario.name not in given.scenarios:
            continue
        result = measure(scenario, plan, say)
        path = report.write(result, conditions, given.output)
        print(report.table(result), f"  -> {path}", sep="\n", end="\n\n", flush=True)
        if given.plot:
            # Only who draws needs matplotlib.
            from bench import plot  # noqa: PLC0415

            print(f"  -> {plot.draw(result, given.output)}")
        missed |= any(found.reached is False for found in result.ratios)
    return 1 if missed and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
